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
        "Which contacts would have been emailed documents in full (with call detail) in a period,"
        " and whether because of the account's consent (with its lawful basis) or the contact's"
        " attachment preference; by customer, contact and time.",
    )
    delivery_rules: DeliveryRules | None = operation(
        delivery_resolvers.delivery_rules,
        SIGNED_IN,
        "The rules that decide how documents are emailed to a contact: all cases with their"
        " outcomes, and the version of the rules.",
    )
