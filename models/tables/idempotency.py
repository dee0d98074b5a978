"""The mutations that were sent with an idempotency key, by caller and key."""

from typing import Any

from tortoise import fields
from tortoise.models import Model

from models.rules.idempotency import FINGERPRINT_LENGTH
from models.storage.identifiers import ID_LENGTH

DIGEST_LENGTH = 64
OPERATION_LENGTH = 60


class IdempotentRequest(Model):
    """A mutation that was stored, and its outcome, from which a repeat of it is answered.

    The row is added in the transaction of the change. `id` is a digest of the caller and the key,
    and `caller` the id of the user, the partner or the token who sent it. `outcome` has ids and
    counts, but no other data of the answer.
    """

    id = fields.CharField(max_length=DIGEST_LENGTH, primary_key=True)
    caller = fields.CharField(max_length=ID_LENGTH)
    operation = fields.CharField(max_length=OPERATION_LENGTH)
    fingerprint = fields.CharField(max_length=FINGERPRINT_LENGTH)
    outcome: dict[str, Any] = fields.JSONField()
    created_at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "idempotency"
