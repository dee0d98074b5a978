"""The root types Query, Mutation and Subscription, combined from one module per topic."""

import strawberry

from schema.base.contract_directives import (
    declare_on_roots,
    declare_permissions,
    describe_directives,
)
from schema.base.idempotent import idempotent
from schema.base.input_printing import describe_inputs, drop_null_defaults
from schema.base.personal_guard import refuse_unmasked
from schema.base.scalars import describe_scalars
from schema.engine.cost_compiler import refuse_unweighted
from schema.engine.plan import PlannedExecution
from schema.engine.served_schema import CustomerClassesSchema
from schema.root.access import AccessMutation, AccessQuery
from schema.root.audit import AuditMutation, AuditQuery
from schema.root.consent import ConsentMutation, ConsentQuery
from schema.root.contact import ContactMutation, ContactQuery, ContactSubscription
from schema.root.customer import CustomerMutation, CustomerQuery
from schema.root.customer_class import CustomerClassMutation, CustomerClassQuery
from schema.root.customer_import import ImportMutation, ImportQuery, ImportSubscription
from schema.root.delivery import DeliveryQuery
from schema.root.enrichment import (
    EnrichmentMutation,
    EnrichmentQuery,
    EnrichmentSubscription,
)
from schema.root.event import EventQuery, EventSubscription
from schema.root.export import ExportMutation
from schema.root.job import JobMutation, JobQuery
from schema.root.node import NodeQuery
from schema.root.report import ReportQuery
from schema.root.user_errors import USER_ERRORS
from schema.root.webhook import WebhookMutation, WebhookQuery
from schema.types.profile_value import AddressValue, CountValue, DateValue, MoneyValue


@strawberry.type(
    description="Everything that can be read. A field that you may not use is null, with a"
    " top-level error of the code FORBIDDEN; the other fields are returned."
)
class Query(
    NodeQuery,
    CustomerClassQuery,
    CustomerQuery,
    ContactQuery,
    ConsentQuery,
    DeliveryQuery,
    EnrichmentQuery,
    AccessQuery,
    AuditQuery,
    EventQuery,
    ReportQuery,
    WebhookQuery,
    ImportQuery,
    JobQuery,
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
    ExportMutation,
    WebhookMutation,
    ImportMutation,
    JobMutation,
):
    pass


@strawberry.type(
    description="Everything that can be followed over a WebSocket, by the protocol"
    " graphql-transport-ws."
)
class Subscription(
    EnrichmentSubscription, ContactSubscription, EventSubscription, ImportSubscription
):
    pass


def build_schema(*, is_planned: bool = True) -> CustomerClassesSchema:
    """Build the schema that is served.

    With `is_planned` false, graphql-core completes all values: answers are equal, but slower.
    Raises UnmaskedError if a field shows personal data without a mask, and UnweightedError if a
    root field has no cost weight.
    """
    refuse_unmasked()
    declare_on_roots(Query, Mutation, Subscription, codes=USER_ERRORS)
    schema = CustomerClassesSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        directives=[idempotent],
        types=[AddressValue, CountValue, DateValue, MoneyValue],
        execution_context_class=PlannedExecution if is_planned else None,
    )
    refuse_unweighted(schema.core)
    drop_null_defaults(schema.core)
    describe_inputs(schema.core)
    describe_scalars(schema.core)
    declare_permissions(schema.core)
    describe_directives(schema.core)
    return schema
