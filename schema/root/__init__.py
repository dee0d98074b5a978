"""The root types Query, Mutation and Subscription, combined from one module per topic."""

import strawberry

from schema.base.personal_guard import refuse_unmasked
from schema.engine.cost_compiler import refuse_unweighted
from schema.engine.plan import PlannedExecution
from schema.engine.served_schema import CustomerClassesSchema, describe_scalars, drop_null_defaults
from schema.root.access import AccessMutation, AccessQuery
from schema.root.audit import AuditMutation, AuditQuery
from schema.root.consent import ConsentMutation, ConsentQuery
from schema.root.contact import ContactMutation
from schema.root.customer import CustomerMutation, CustomerQuery
from schema.root.customer_class import CustomerClassMutation, CustomerClassQuery
from schema.root.delivery import DeliveryQuery
from schema.root.enrichment import (
    EnrichmentMutation,
    EnrichmentQuery,
    EnrichmentSubscription,
)
from schema.root.node import NodeQuery
from schema.types.enrichment import Suggestion
from schema.types.profile_value import AddressValue, CountValue, DateValue, MoneyValue


@strawberry.type(
    description="Everything that can be read. A field that you may not use is null, with a"
    " top-level error of the code FORBIDDEN; the rest of the answer is there."
)
class Query(
    NodeQuery,
    CustomerClassQuery,
    CustomerQuery,
    ConsentQuery,
    DeliveryQuery,
    EnrichmentQuery,
    AccessQuery,
    AuditQuery,
):
    pass


@strawberry.type(
    description="Everything that can be changed. Each mutation is one transaction. If its input is"
    " refused, nothing is changed and `userErrors` says why. If you lack a permission that a"
    " document needs, none of its mutations runs."
)
class Mutation(
    CustomerClassMutation,
    CustomerMutation,
    ContactMutation,
    ConsentMutation,
    EnrichmentMutation,
    AccessMutation,
    AuditMutation,
):
    pass


@strawberry.type(
    description="Everything that can be followed over a WebSocket, by the protocol"
    " graphql-transport-ws."
)
class Subscription(EnrichmentSubscription):
    pass


def build_schema(*, is_planned: bool = True) -> CustomerClassesSchema:
    """Build the schema that is served.

    With `is_planned` false, graphql-core completes all values: answers are equal, but slower.
    Raises UnmaskedError if a field shows personal data without a mask, and UnweightedError if a
    root field has no cost weight.
    """
    refuse_unmasked()
    schema = CustomerClassesSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[AddressValue, CountValue, DateValue, MoneyValue, Suggestion],
        execution_context_class=PlannedExecution if is_planned else None,
    )
    refuse_unweighted(schema.core)
    drop_null_defaults(schema)
    describe_scalars(schema)
    return schema
