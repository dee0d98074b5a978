"""Up to where consent entries with a future date were looked at when their date came."""

from datetime import datetime

from tortoise import fields
from tortoise.models import Model

from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH

DELIVERIES = "deliveries"


class DeliveryCheck(Model):
    """The one row of this table: instant and customer of the last entry that was looked at.

    It is locked while entries are looked at.
    """

    name = fields.CharField(max_length=20, primary_key=True)
    upto: datetime = fields.DatetimeField()
    last_customer_id = IdField(max_length=ID_LENGTH)

    class Meta:
        table = "delivery_check"
