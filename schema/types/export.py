"""Exports of whole lists: which operation reads each, and the columns of its rows.

An export reads the pages of a list by an ordinary operation. So it has the filters, permissions,
masks and tenancy of the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.rules.export import ExportFormat, ExportKind
from models.rules.permission import Scope
from schema.base.descriptions import described_enum

Tree = dict[str, "Tree"]

ExportKindEnum = described_enum(
    ExportKind,
    "ExportKind",
    "The lists that can be exported as a file.",
    {
        "CUSTOMERS": "The customers of the query `customers`, oldest first, at"
        " `/exports/customers.csv` and `/exports/customers.jsonl`; with a `CustomerFilter`.",
        "CONTACTS": "The contacts of the query `contacts`, oldest first, at `/exports/contacts.csv`"
        " and `/exports/contacts.jsonl`; with a `ContactFilter`.",
        "CONSENT_ENTRIES": "The consent ledgers of the customers, oldest customer first, at"
        " `/exports/consent-entries.csv` and `/exports/consent-entries.jsonl`; with a"
        " `CustomerFilter`.",
        "CUSTOMER_CLASSES": "The classes of the query `customerClasses`, in display order, at"
        " `/exports/customer-classes.csv` and `/exports/customer-classes.jsonl`; with a"
        " `CustomerClassFilter`.",
        "AUDIT_ENTRIES": "The entries of the query `auditTrail`, oldest first, at"
        " `/exports/audit-entries.csv` and `/exports/audit-entries.jsonl`; with an `AuditFilter`.",
        "EVENTS": "The events of the query `events`, oldest first, at `/exports/events.csv` and"
        " `/exports/events.jsonl`; the filter has the arguments `types` and `customerIds`.",
    },
)
ExportFormatEnum = described_enum(
    ExportFormat,
    "ExportFormat",
    "The formats of exported files.",
    {
        "CSV": "A line of column names, then a line for each row; by RFC 4180, in UTF-8.",
        "JSONL": "A JSON object for each row, each on a line, with the fields of this schema.",
    },
)


@dataclass(frozen=True, slots=True)
class Export:
    """How a list is exported: by which query, and with which columns.

    `columns` are paths of field names from a row, with dots. `nested` is the field of a node that
    has the rows, if not the node itself is one. `filters` are the types of the arguments that the
    members of the filter stand for; without these, the filter is one argument of type
    `filter_type`. `scopes` are all needed; without any, the list
    shows what the caller may see.
    """

    field: str
    columns: Sequence[str]
    scopes: Sequence[Scope]
    filter_type: str | None = None
    sort: str | None = None
    nested: str | None = None
    filters: Mapping[str, str] | None = None

    @property
    def types(self) -> Mapping[str, str]:
        """The types of the arguments that filter the list, by name."""
        return self.filters or {"filter": str(self.filter_type)}

    @property
    def document(self) -> str:
        """The operation that reads a page, with the variables `first`, `after` and the filter."""
        declared = " ".join(f"${name}: {kind}" for name, kind in self.types.items())
        passed = " ".join(f"{name}: ${name}" for name in self.types)
        sort = "" if self.sort is None else f" sort: {self.sort}"
        rows = selection(self.columns)
        node = rows if self.nested is None else f"{self.nested} {{ {rows} }}"
        return (
            f"query Export($first: Int $after: String {declared}) {{"
            f" {self.field}(first: $first after: $after {passed}{sort}) {{"
            f" edges {{ cursor node {{ {node} }} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        )

    def arguments(self, filter_: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments that a filter stands for; `types` has those that exist."""
        if self.filters is not None:
            return dict(filter_)
        return {"filter": dict(filter_)} if filter_ else {}


def selection(columns: Sequence[str]) -> str:
    """Return the selection set of a GraphQL document for paths of field names."""
    tree: Tree = {}
    for column in columns:
        branch = tree
        for name in column.split("."):
            branch = branch.setdefault(name, {})
    return _written(tree)


def _written(tree: Tree) -> str:
    return " ".join(
        f"{name} {{ {_written(inner)} }}" if inner else name for name, inner in tree.items()
    )


_VERSION = ("createdAt", "lastModifiedAt", "version")
_ADDRESS = (
    *("careOf", "premises", "poBox", "addressLine1", "addressLine2"),
    *("locality", "region", "postalCode", "country"),
)

CUSTOMER_COLUMNS = (
    *("id", "accountNumber", "externalReference", "name", "companyNumber"),
    *("customerClass.id", "customerClass.code", "customerClass.name"),
    *("labels", "subscriberKind", "invoiceWording", "parent.id"),
    *("consent.isGiven", "consent.basis", "consent.since", "nonItemisedBills.isRequested"),
    *("enrichment.status", "profile.companyName", "profile.companyStatus", "profile.companyType"),
    *("profile.incorporatedOn.value", "profile.employees.value"),
    *("profile.netAssets.value", "profile.netAssets.currency"),
    *(f"profile.registeredAddress.value.{name}" for name in _ADDRESS),
    *("createdAt", "lastModifiedAt", "changedAt", "version"),
)
CONTACT_COLUMNS = (
    *("id", "customer.id", "customer.accountNumber", "customer.externalReference"),
    *("name", "email", "externalReference", "receivesBills", "receivesCorrespondence"),
    *("isActive", "isEmailVerified", "emailVerifiedAt", "lastMailFailure.code"),
    *("attachmentPreference.isConfirmed", "attachmentPreference.documents"),
    *("createdAt", "lastModifiedAt", "changedAt", "version"),
)
CONSENT_COLUMNS = (
    *("id", "customerId", "sequence", "kind", "correction.entryId", "correction.reason"),
    *("basis", "effectiveAt", "recordedAt", "recordedBy", "recordedById", "method"),
    *("documentName", "documentVersion", "isEmailingCovered", "evidenceSha256", "givenBy"),
    *("givenByRole", "statement", "evidenceReference", "askedBy", "reason"),
    *("isPseudonymised", "previousHash", "hash"),
)
CLASS_COLUMNS = (
    *("id", "code", "name", "displayClass", "displayPosition", "isPersonalCustomer"),
    *("isSoleTrader", "isReseller", "checkCompaniesHouse", "isShipped", "isLegalIndividual"),
    *("status", *_VERSION),
)
AUDIT_COLUMNS = (
    *("id", "at", "operation", "subjectId", "customerId", "before", "after", "reason"),
    *("isOverride", "actorId", "actorName", "userId", "userName", "resellerId", "requestId"),
    "erasedAt",
)
EVENT_COLUMNS = (
    *("id", "type", "schemaVersion", "at", "subjectId", "customerId", "customerVersion"),
    *("changedFields", "payload"),
)

READ = (Scope.CUSTOMERS_READ,)

EXPORTS: Mapping[ExportKind, Export] = {
    ExportKind.CUSTOMERS: Export(
        "customers",
        CUSTOMER_COLUMNS,
        READ,
        filter_type="CustomerFilter",
        sort="CREATED_AT_ASC",
    ),
    ExportKind.CONTACTS: Export(
        "contacts",
        CONTACT_COLUMNS,
        (Scope.CONTACTS_READ, *READ),
        filter_type="ContactFilter",
        sort="CREATED_AT_ASC",
    ),
    ExportKind.CONSENT_ENTRIES: Export(
        "customers",
        CONSENT_COLUMNS,
        (Scope.CONSENT_READ, *READ),
        filter_type="CustomerFilter",
        sort="CREATED_AT_ASC",
        nested="consentHistory",
    ),
    ExportKind.CUSTOMER_CLASSES: Export(
        "customerClasses",
        CLASS_COLUMNS,
        (Scope.CUSTOMER_CLASSES_READ,),
        filter_type="CustomerClassFilter",
    ),
    ExportKind.AUDIT_ENTRIES: Export(
        "auditTrail", AUDIT_COLUMNS, (Scope.AUDIT_READ,), filter_type="AuditFilter", sort="AT_ASC"
    ),
    ExportKind.EVENTS: Export(
        "events", EVENT_COLUMNS, (), filters={"types": "[EventType!]", "customerIds": "[ID!]"}
    ),
}
