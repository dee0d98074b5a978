"""The catalogue of permissions, with the permissions that each of them implies. PURE."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType


@unique
class Scope(StrEnum):
    """The codes of permissions (`resource:verb`), which are also the scopes of access tokens."""

    CUSTOMER_CLASSES_READ = "customer_classes:read"
    CUSTOMER_CLASSES_WRITE = "customer_classes:write"
    CUSTOMER_CLASSES_ADMINISTER = "customer_classes:administer"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    CONTACTS_READ = "contacts:read"
    CONTACTS_WRITE = "contacts:write"
    ENRICHMENT_RUN = "enrichment:run"
    CONSENT_READ = "consent:read"
    CONSENT_WRITE = "consent:write"
    PERSONAL_DATA_READ = "personal_data:read"
    ACCESS_READ = "access:read"
    ACCESS_ADMINISTER = "access:administer"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    AUDIT_READ = "audit:read"
    AUDIT_ERASE = "audit:erase"
    JOBS_ADMINISTER = "jobs:administer"


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission in the catalogue; a user who has it also has the permissions `implied`."""

    code: Scope
    description: str
    implied: frozenset[Scope] = frozenset()


CATALOGUE: Mapping[Scope, Permission] = MappingProxyType(
    {
        permission.code: permission
        for permission in (
            Permission(
                Scope.CUSTOMER_CLASSES_READ,
                "View customer templates and customer classes, including retired classes and how"
                " classes are used.",
            ),
            Permission(
                Scope.CUSTOMER_CLASSES_WRITE,
                "Add, edit, retire and reactivate customer classes, and edit customer templates and"
                " the platform defaults. Retiring a class with a replacement also needs"
                " customers:write.",
                frozenset({Scope.CUSTOMER_CLASSES_READ}),
            ),
            Permission(
                Scope.CUSTOMER_CLASSES_ADMINISTER,
                "Delete customer classes; and retire, or change the protected name and flags of,"
                " classes that came with the platform.",
                frozenset({Scope.CUSTOMER_CLASSES_WRITE, Scope.CUSTOMER_CLASSES_READ}),
            ),
            Permission(
                Scope.CUSTOMERS_READ,
                "View customers, their classes and labels, and the classes that customers can be"
                " put into.",
            ),
            Permission(
                Scope.CUSTOMERS_WRITE,
                "Add, edit and delete customers, change their classes, and accept or reject"
                " suggestions from Companies House.",
                frozenset({Scope.CUSTOMERS_READ}),
            ),
            Permission(Scope.CONTACTS_READ, "View contacts and their attachment preferences."),
            Permission(
                Scope.CONTACTS_WRITE,
                "Add, edit and delete contacts, email them requests for confirmation, and withdraw"
                " their attachment preferences.",
                frozenset({Scope.CONTACTS_READ}),
            ),
            Permission(Scope.ENRICHMENT_RUN, "Start lookups of customers at Companies House."),
            Permission(Scope.CONSENT_READ, "View the consent ledger and export its evidence."),
            Permission(
                Scope.CONSENT_WRITE,
                "Record, withdraw and correct consent, and requests for bills without a list of"
                " calls.",
                frozenset({Scope.CONSENT_READ}),
            ),
            Permission(
                Scope.PERSONAL_DATA_READ,
                "View personal data unmasked, in all objects that the caller's other permissions"
                " show.",
            ),
            Permission(
                Scope.ACCESS_READ, "View users, user groups, access tokens and their permissions."
            ),
            Permission(
                Scope.ACCESS_ADMINISTER,
                "Administer users, user groups, permissions and access tokens. Nobody can grant a"
                " permission that they do not have.",
                frozenset({Scope.ACCESS_READ}),
            ),
            Permission(Scope.WEBHOOKS_READ, "View webhook endpoints and what was sent to them."),
            Permission(
                Scope.WEBHOOKS_WRITE,
                "Add, edit, test and delete webhook endpoints, rotate their secrets, and send"
                " events again. Nobody can have events sent that they may not read.",
                frozenset({Scope.WEBHOOKS_READ}),
            ),
            Permission(Scope.AUDIT_READ, "View the audit trail."),
            Permission(
                Scope.AUDIT_ERASE,
                "Erase the names of users and access tokens from the audit trail.",
            ),
            Permission(
                Scope.JOBS_ADMINISTER,
                "View the background jobs of the platform, run them again, discard them, and pause"
                " kinds of them.",
            ),
        )
    }
)
"""All permissions, by code (R93, A20)."""


FOR_PARTNERS = frozenset(
    {
        Scope.CUSTOMER_CLASSES_READ,
        Scope.CUSTOMERS_READ,
        Scope.CUSTOMERS_WRITE,
        Scope.CONTACTS_READ,
        Scope.CONTACTS_WRITE,
        Scope.ENRICHMENT_RUN,
        Scope.CONSENT_READ,
        Scope.CONSENT_WRITE,
        Scope.PERSONAL_DATA_READ,
        Scope.ACCESS_READ,
        Scope.ACCESS_ADMINISTER,
        Scope.WEBHOOKS_READ,
        Scope.WEBHOOKS_WRITE,
        Scope.AUDIT_READ,
    }
)
"""The permissions that a credential bound to a reseller may have.

None of them allows changes of data that all tenants share (R99).
"""


def known(codes: Iterable[str]) -> frozenset[Scope]:
    """Return the permissions with these codes; codes unknown to this program are left out."""
    return frozenset(Scope(code) for code in codes if code in _CODES)


def with_implied(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return the permissions together with those that they imply."""
    given = frozenset(scopes)
    return given.union(*(CATALOGUE[scope].implied for scope in given))


_CODES = frozenset(map(str, Scope))
