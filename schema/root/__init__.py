"""The contents page of the API: each operation with its permission and description."""

from collections.abc import AsyncGenerator

import strawberry

from models.tables.access import Scope
from resolvers import consent as consent_acts
from resolvers import contact as contact_acts
from resolvers import customer as customer_acts
from resolvers import customer_class as class_acts
from resolvers import customer_template as template_acts
from resolvers import delivery as delivery_acts
from resolvers import enrichment as enrichment_acts
from resolvers import node as node_acts
from schema.base.node import Node
from schema.base.operation import operation
from schema.base.permissions import SIGNED_IN, Requires
from schema.base.personal_guard import refuse_unmasked
from schema.engine.cost_compiler import refuse_unweighted
from schema.engine.plan import PlannedExecution
from schema.engine.served_schema import CustomerClassesSchema, describe_scalars, drop_null_defaults
from schema.root.administration import AdministrationMutation, AdministrationQuery
from schema.types.advisory import ConsentAdvisoryCount
from schema.types.consent_changes import (
    CorrectConsentPayload,
    RecordConsentPayload,
    RequestNonItemisedBillsPayload,
    WithdrawConsentPayload,
    WithdrawNonItemisedBillsRequestPayload,
)
from schema.types.consent_evidence import ConsentEvidence, LedgerVerification
from schema.types.contact_changes import (
    DeleteContactPayload,
    EraseContactPayload,
    RequestAttachmentPreferencePayload,
    RequestEmailVerificationPayload,
    SaveContactPayload,
    WithdrawAttachmentPreferencePayload,
)
from schema.types.customer import Customer
from schema.types.customer_changes import (
    ChangeCustomerClassPayload,
    DeleteCustomerPayload,
    SaveCustomerPayload,
)
from schema.types.customer_class import CustomerClass, CustomerClassConnection
from schema.types.customer_class_changes import (
    DeleteCustomerClassPayload,
    ReactivateCustomerClassPayload,
    RetireCustomerClassPayload,
    SaveCustomerClassPayload,
)
from schema.types.customer_connection import CustomerConnection
from schema.types.customer_template import (
    CustomerTemplate,
    DeleteCustomerTemplatePayload,
    PlatformDefaults,
    SaveCustomerTemplatePayload,
    SavePlatformDefaultsPayload,
)
from schema.types.delivery_exposure import DeliveryExposureConnection
from schema.types.delivery_rules import DeliveryRules
from schema.types.enrichment import CompanyCandidate, Suggestion
from schema.types.enrichment_changes import (
    AcceptSuggestionPayload,
    RejectSuggestionPayload,
    RequestEnrichmentPayload,
    RestartEnrichmentsPayload,
)
from schema.types.lookup_queue import EnrichmentBacklog
from schema.types.profile_value import AddressValue, CountValue, DateValue, MoneyValue
from schema.types.viewer import Viewer

READS_CUSTOMERS = Requires(Scope.CUSTOMERS_READ)
WRITES_CUSTOMERS = Requires(Scope.CUSTOMERS_WRITE)
READS_CLASSES = Requires(Scope.CUSTOMER_CLASSES_READ)
PICKS_CLASSES = Requires(Scope.CUSTOMER_CLASSES_READ, Scope.CUSTOMERS_READ)
WRITES_CLASSES = Requires(Scope.CUSTOMER_CLASSES_WRITE)
ADMINISTERS_CLASSES = Requires(Scope.CUSTOMER_CLASSES_ADMINISTER)
WRITES_CONTACTS = Requires(Scope.CONTACTS_WRITE)
READS_CONSENT = Requires(Scope.CONSENT_READ)
WRITES_CONSENT = Requires(Scope.CONSENT_WRITE)


@strawberry.type(description="What can be read of customers.")
class CustomerQuery:
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
    customer_classes: CustomerClassConnection | None = operation(
        class_acts.customer_classes,
        PICKS_CLASSES,
        "Classes by display position, then name (R17). Those who may read customers only see the"
        " assignable ones (R94).",
    )
    customer: Customer | None = operation(customer_acts.customer, READS_CUSTOMERS, "One customer.")
    customers: CustomerConnection | None = operation(
        customer_acts.customers, READS_CUSTOMERS, "Customers, filtered and sorted."
    )
    customer_templates: list[CustomerTemplate] | None = operation(
        template_acts.customer_templates, PICKS_CLASSES, "All templates by name."
    )
    platform_defaults: PlatformDefaults | None = operation(
        template_acts.platform_defaults, PICKS_CLASSES, "What new customers fall back on."
    )
    company_search: list[CompanyCandidate] | None = operation(
        enrichment_acts.company_search,
        READS_CUSTOMERS,
        "Companies by name, as Companies House has them; the searches share our allowance of"
        " requests to it.",
    )
    enrichment_backlog: EnrichmentBacklog | None = operation(
        enrichment_acts.enrichment_backlog,
        READS_CUSTOMERS,
        "The lookups at Companies House that have not ended: how many, and until about when.",
    )
    delivery_exposure: DeliveryExposureConnection | None = operation(
        delivery_acts.delivery_exposure,
        READS_CUSTOMERS,
        "Who would have been emailed detail in a period, on whose authority and what basis.",
    )
    delivery_rules: DeliveryRules = operation(
        delivery_acts.delivery_rules,
        SIGNED_IN,
        "The rules by which documents are emailed: cases, outcomes and their version (R68 to R77).",
    )
    consent_evidence: ConsentEvidence | None = operation(
        consent_acts.consent_evidence,
        READS_CONSENT,
        "Who gave a customer's consent, when, how, what they were told, when it was withdrawn.",
    )
    verify_consent_ledger: LedgerVerification | None = operation(
        consent_acts.verify_consent_ledger,
        READS_CONSENT,
        "Where the hash chain of a customer's consent ledger breaks, if it does (R55).",
    )
    consent_advisory_counts: list[ConsentAdvisoryCount] | None = operation(
        consent_acts.consent_advisory_counts,
        READS_CUSTOMERS,
        "How many customers have each advisory on consent; list them by CustomerFilter.advisories.",
    )


@strawberry.type(description="What can be done about customers.")
class CustomerMutation:
    """Mutations."""

    save_customer_class: SaveCustomerClassPayload | None = operation(
        class_acts.save_customer_class,
        WRITES_CLASSES,
        "Create a class (no id) or change the fields of one that are sent (R14 to R23).",
    )
    retire_customer_class: RetireCustomerClassPayload | None = operation(
        class_acts.retire_customer_class,
        WRITES_CLASSES,
        "Retire a class: move its customers, clear defaults and templates (R39 to R46).",
    )
    reactivate_customer_class: ReactivateCustomerClassPayload | None = operation(
        class_acts.reactivate_customer_class,
        WRITES_CLASSES,
        "Let a retired class be picked again (R46).",
    )
    delete_customer_class: DeleteCustomerClassPayload | None = operation(
        class_acts.delete_customer_class,
        ADMINISTERS_CLASSES,
        "Delete a class that no customer has ever been in (R33 to R38).",
    )
    save_customer_template: SaveCustomerTemplatePayload | None = operation(
        template_acts.save_customer_template,
        WRITES_CLASSES,
        "Create a template (no id) or change the fields of one that are sent.",
    )
    delete_customer_template: DeleteCustomerTemplatePayload | None = operation(
        template_acts.delete_customer_template,
        WRITES_CLASSES,
        "Delete a template; customers made from it stay as they are.",
    )
    save_platform_defaults: SavePlatformDefaultsPayload | None = operation(
        template_acts.save_platform_defaults,
        WRITES_CLASSES,
        "Set the class of customers that are created without one (R24).",
    )
    save_customer: SaveCustomerPayload | None = operation(
        customer_acts.save_customer,
        WRITES_CUSTOMERS,
        "Create a customer (no id) or change the fields of one that are sent. Saving a customer of"
        " a checked class looks it up at Companies House, in the background (R81, R83).",
    )
    change_customer_class: ChangeCustomerClassPayload | None = operation(
        customer_acts.change_customer_class,
        WRITES_CUSTOMERS,
        "Move a customer to another active class, for a reason (R26, R27).",
    )
    delete_customer: DeleteCustomerPayload | None = operation(
        customer_acts.delete_customer,
        WRITES_CUSTOMERS,
        "Erase what is personal of a customer and its contacts, stated reasons included; its"
        " history stays (R35).",
    )
    save_contact: SaveContactPayload | None = operation(
        contact_acts.save_contact,
        WRITES_CONTACTS,
        "Create a contact (no id) or change the fields of one that are sent (R59, R62).",
    )
    delete_contact: DeleteContactPayload | None = operation(
        contact_acts.delete_contact,
        WRITES_CONTACTS,
        "Take a contact off its customer; its history stays, with name and email address."
        " `eraseContact` erases these.",
    )
    erase_contact: EraseContactPayload | None = operation(
        contact_acts.erase_contact,
        WRITES_CONTACTS,
        "Erase a contact, deleted or not: name, email address and stated reasons go everywhere, its"
        " history included. What was done, when and by whom stays.",
    )
    request_email_verification: RequestEmailVerificationPayload | None = operation(
        contact_acts.request_email_verification,
        WRITES_CONTACTS,
        "Ask by mail whether the address is the contact's (R60).",
    )
    request_attachment_preference: RequestAttachmentPreferencePayload | None = operation(
        contact_acts.request_attachment_preference,
        WRITES_CONTACTS,
        "Ask by mail whether the contact wants documents in full, at a verified address (R61).",
    )
    withdraw_attachment_preference: WithdrawAttachmentPreferencePayload | None = operation(
        contact_acts.withdraw_attachment_preference,
        WRITES_CONTACTS,
        "Withdraw a contact's preference, and a request for one (R63).",
    )
    request_enrichment: RequestEnrichmentPayload | None = operation(
        enrichment_acts.request_enrichment,
        Requires(Scope.ENRICHMENT_RUN),
        "Look up a customer, or all customers of a class, at Companies House.",
    )
    restart_enrichments: RestartEnrichmentsPayload | None = operation(
        enrichment_acts.restart_enrichments,
        Requires(Scope.ENRICHMENT_RUN),
        "Restart lookups that failed or found little, chosen by a filter, 10,000 at most. They wait"
        " behind the lookups of single customers.",
    )
    accept_suggestion: AcceptSuggestionPayload | None = operation(
        enrichment_acts.accept_suggestion,
        WRITES_CUSTOMERS,
        "Replace the customer's value by the register's.",
    )
    reject_suggestion: RejectSuggestionPayload | None = operation(
        enrichment_acts.reject_suggestion,
        WRITES_CUSTOMERS,
        "Keep the customer's value; the same suggestion is not made again.",
    )
    record_consent: RecordConsentPayload | None = operation(
        consent_acts.record_consent,
        WRITES_CONSENT,
        "Record that consent was given, or renewed, with its paper trail (R50 to R53, R58).",
    )
    withdraw_consent: WithdrawConsentPayload | None = operation(
        consent_acts.withdraw_consent,
        WRITES_CONSENT,
        "Record that consent was withdrawn; at any time, and without evidence (R54).",
    )
    correct_consent: CorrectConsentPayload | None = operation(
        consent_acts.correct_consent,
        WRITES_CONSENT,
        "Add an entry that takes the place of a wrong one, or annuls it; both stay (R55).",
    )
    request_non_itemised_bills: RequestNonItemisedBillsPayload | None = operation(
        consent_acts.request_non_itemised_bills,
        WRITES_CONSENT,
        "Record that a customer wants bills without itemisation, whatever was consented to (A16).",
    )
    withdraw_non_itemised_bills_request: WithdrawNonItemisedBillsRequestPayload | None = operation(
        consent_acts.withdraw_non_itemised_bills_request,
        WRITES_CONSENT,
        "Record that a customer no longer wants that (A16).",
    )


@strawberry.type(description="What can be read.")
class Query(CustomerQuery, AdministrationQuery):
    """All queries."""


@strawberry.type(description="What can be done; each act is one transaction.")
class Mutation(CustomerMutation, AdministrationMutation):
    """All mutations."""


@strawberry.type(description="What can be followed over a WebSocket (graphql-transport-ws).")
class Subscription:
    """Subscriptions."""

    customer_enriched: AsyncGenerator[Customer, None] = strawberry.subscription(
        resolver=enrichment_acts.customer_enriched,
        extensions=[READS_CUSTOMERS],
        description="The customer, each time that one of its lookups ends.",
    )


def build_schema(*, is_planned: bool = True) -> CustomerClassesSchema:
    """Build the schema; plans are about speed, and change no answer.

    Raises UnmaskedError if a field shows personal data without a mask.
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
