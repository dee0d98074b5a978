"""Root fields about delivery rules, and about documents that these allowed to be emailed."""

import strawberry

from models.tables.access import Scope
from resolvers import delivery as delivery_resolvers
from schema.base.operation import operation
from schema.base.permissions import SIGNED_IN, Requires
from schema.types.delivery_exposure import DeliveryExposureConnection
from schema.types.delivery_rules import DeliveryRules


@strawberry.type
class DeliveryQuery:
    delivery_exposure: DeliveryExposureConnection | None = operation(
        delivery_resolvers.delivery_exposure,
        Requires(Scope.CUSTOMERS_READ),
        "Which contacts would have been emailed documents in full in a period, on whose authority"
        " and on which lawful basis; by customer, contact and time.",
    )
    delivery_rules: DeliveryRules = operation(
        delivery_resolvers.delivery_rules,
        SIGNED_IN,
        "The rules that decide what of a document is emailed to a contact: each case with its"
        " outcome, and the version of the rules.",
    )
