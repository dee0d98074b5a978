"""The contents page of the API: each operation with its permission and its description."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Any

import strawberry
from graphql import (
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLObjectType,
    Undefined,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from models.access import Scope
from resolvers import customer as customer_acts
from resolvers import customer_class as class_acts
from resolvers import customer_template as template_acts
from resolvers import enrichment as enrichment_acts
from resolvers import node as node_acts
from schema.context import Context
from schema.customer import Customer, CustomerConnection
from schema.customer_changes import (
    ChangeCustomerClassPayload,
    DeleteCustomerPayload,
    SaveCustomerPayload,
)
from schema.customer_class import CustomerClass, CustomerClassConnection
from schema.customer_class_changes import (
    DeleteCustomerClassPayload,
    ReactivateCustomerClassPayload,
    RetireCustomerClassPayload,
    SaveCustomerClassPayload,
)
from schema.customer_template import (
    CustomerTemplate,
    DeleteCustomerTemplatePayload,
    PlatformDefaults,
    SaveCustomerTemplatePayload,
    SavePlatformDefaultsPayload,
)
from schema.enrichment import CompanyCandidate, Suggestion
from schema.enrichment_changes import (
    AcceptSuggestionPayload,
    RejectSuggestionPayload,
    RequestEnrichmentPayload,
)
from schema.errors import settle
from schema.execution import RememberingSchema
from schema.loaders import Loaders
from schema.node import Node
from schema.permissions import SIGNED_IN, Requires
from schema.plan import PlannedExecution
from schema.profile_value import AddressValue, CountValue, DateValue, MoneyValue
from schema.viewer import Viewer

SCALARS = {
    "Date": "A calendar date in ISO 8601, such as 2026-03-31.",
    "DateTime": "An instant in ISO 8601 with its offset from UTC; answers are always in UTC.",
    "Decimal": 'An exact decimal number, written as a string, such as "-17540.50".',
    "JSON": "Any JSON value.",
}

READS_CUSTOMERS = Requires(Scope.CUSTOMERS_READ)
WRITES_CUSTOMERS = Requires(Scope.CUSTOMERS_WRITE)
READS_CLASSES = Requires(Scope.CUSTOMER_CLASSES_READ)
PICKS_CLASSES = Requires(Scope.CUSTOMER_CLASSES_READ, Scope.CUSTOMERS_READ)
WRITES_CLASSES = Requires(Scope.CUSTOMER_CLASSES_WRITE)
ADMINISTERS_CLASSES = Requires(Scope.CUSTOMER_CLASSES_ADMINISTER)
RUNS_ENRICHMENT = Requires(Scope.ENRICHMENT_RUN)


def operation(resolver: Callable[..., Any], permission: Requires, description: str) -> Any:
    """Make a root field; none goes without permission and description."""
    return strawberry.field(resolver=resolver, extensions=[permission], description=description)


@strawberry.type(description="What can be read.")
class Query:
    """Queries."""

    viewer: Viewer = operation(node_acts.viewer, SIGNED_IN, "Who is asking.")
    node: Node | None = operation(
        node_acts.node, SIGNED_IN, "Anything by its id; what you may not see is not found (R95)."
    )
    nodes: list[Node | None] = operation(
        node_acts.nodes, SIGNED_IN, "Things by their ids, null for each that is not found."
    )
    customer_class: CustomerClass | None = operation(
        class_acts.customer_class, READS_CLASSES, "One class, retired or not (R19)."
    )
    customer_classes: CustomerClassConnection = operation(
        class_acts.customer_classes,
        PICKS_CLASSES,
        "Classes by display position, then name (R17). Those who may read customers only see the"
        " assignable ones (R94).",
    )
    customer: Customer | None = operation(customer_acts.customer, READS_CUSTOMERS, "One customer.")
    customers: CustomerConnection = operation(
        customer_acts.customers, READS_CUSTOMERS, "Customers, filtered and sorted."
    )
    customer_templates: list[CustomerTemplate] = operation(
        template_acts.customer_templates, PICKS_CLASSES, "All templates by name."
    )
    platform_defaults: PlatformDefaults = operation(
        template_acts.platform_defaults, PICKS_CLASSES, "What new customers fall back on."
    )
    company_search: list[CompanyCandidate] = operation(
        enrichment_acts.company_search,
        READS_CUSTOMERS,
        "Companies by name, asked of Companies House within the shared budget of requests (R88).",
    )


@strawberry.type(description="What can be done; each act is one transaction.")
class Mutation:
    """Mutations."""

    save_customer_class: SaveCustomerClassPayload = operation(
        class_acts.save_customer_class,
        WRITES_CLASSES,
        "Create a class (no id) or change the fields of one that are sent (R14 to R23).",
    )
    retire_customer_class: RetireCustomerClassPayload = operation(
        class_acts.retire_customer_class,
        WRITES_CLASSES,
        "Retire a class: move its customers, clear defaults and templates (R39 to R46).",
    )
    reactivate_customer_class: ReactivateCustomerClassPayload = operation(
        class_acts.reactivate_customer_class,
        WRITES_CLASSES,
        "Let a retired class be picked again (R46).",
    )
    delete_customer_class: DeleteCustomerClassPayload = operation(
        class_acts.delete_customer_class,
        ADMINISTERS_CLASSES,
        "Delete a class that no customer has ever been in (R33 to R38).",
    )
    save_customer_template: SaveCustomerTemplatePayload = operation(
        template_acts.save_customer_template,
        WRITES_CLASSES,
        "Create a template (no id) or change the fields of one that are sent.",
    )
    delete_customer_template: DeleteCustomerTemplatePayload = operation(
        template_acts.delete_customer_template,
        WRITES_CLASSES,
        "Delete a template; customers made from it stay as they are.",
    )
    save_platform_defaults: SavePlatformDefaultsPayload = operation(
        template_acts.save_platform_defaults,
        WRITES_CLASSES,
        "Set the class of customers that are created without one (R24).",
    )
    save_customer: SaveCustomerPayload = operation(
        customer_acts.save_customer,
        WRITES_CUSTOMERS,
        "Create a customer (no id) or change the fields of one that are sent. Saving a customer of"
        " a checked class looks it up at Companies House, in the background (R81, R83).",
    )
    change_customer_class: ChangeCustomerClassPayload = operation(
        customer_acts.change_customer_class,
        WRITES_CUSTOMERS,
        "Move a customer to another active class, for a reason (R26, R27).",
    )
    delete_customer: DeleteCustomerPayload = operation(
        customer_acts.delete_customer,
        WRITES_CUSTOMERS,
        "Erase what is personal of a customer; its history stays (R35).",
    )
    request_enrichment: RequestEnrichmentPayload = operation(
        enrichment_acts.request_enrichment,
        RUNS_ENRICHMENT,
        "Look up a customer, or all of a class, at Companies House (R23).",
    )
    accept_suggestion: AcceptSuggestionPayload = operation(
        enrichment_acts.accept_suggestion, WRITES_CUSTOMERS, "Take the register's value (R86)."
    )
    reject_suggestion: RejectSuggestionPayload = operation(
        enrichment_acts.reject_suggestion,
        WRITES_CUSTOMERS,
        "Keep the user's value; the same suggestion is not made again (R86).",
    )


@strawberry.type(description="What can be followed over a WebSocket (graphql-transport-ws).")
class Subscription:
    """Subscriptions."""

    customer_enriched: AsyncGenerator[Customer, None] = strawberry.subscription(
        resolver=enrichment_acts.customer_enriched,
        extensions=[READS_CUSTOMERS],
        description="A customer, each time that a lookup of it ends (R100).",
    )


class CustomerClassesSchema(RememberingSchema):
    """The schema; it logs refusals quietly, and bugs with their traceback."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log what went wrong, and mask what clients must not see."""
        context = execution_context.context if execution_context else None
        settle(errors, context.request_id if isinstance(context, Context) else "")

    def turn(self, context: ExecutionContext) -> AbstractAsyncContextManager[None]:
        """Let an operation wait for its turn; writes have turns of their own."""
        asked = context.context
        if not isinstance(asked, Context):
            return nullcontext()
        return asked.turn(writes=context.operation_type is OperationType.MUTATION)

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Do an operation of a WebSocket, with loaders of its own: others have read before it."""
        own = replace(context_value, loaders=Loaders()) if context_value else None
        return await super().stream(query, variable_values, own, *args, **kwargs)


def build_schema(*, is_planned: bool = True) -> CustomerClassesSchema:
    """Build the schema; plans are about speed, and change no answer."""
    schema = CustomerClassesSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[AddressValue, CountValue, DateValue, MoneyValue, Suggestion],
        config=StrawberryConfig(),
        execution_context_class=PlannedExecution if is_planned else None,
    )
    _drop_null_defaults(schema)
    for name, description in SCALARS.items():
        schema._schema.type_map[name].description = description
    return schema


def _drop_null_defaults(schema: CustomerClassesSchema) -> None:
    """Let what may be left out have no default: a null default says nothing to a reader."""
    for named in schema._schema.type_map.values():
        if isinstance(named, GraphQLInputObjectType):
            values = list(named.fields.values())
        elif isinstance(named, GraphQLObjectType):
            values = [a for field in named.fields.values() for a in field.args.values()]
        else:
            continue
        for value in values:
            if value.default_value is None:
                value.default_value = Undefined
