"""The catalogue of permissions: what each lets one do, and which others come with it. PURE."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType


@unique
class Scope(StrEnum):
    """What somebody may do, as `resource:verb`; a token calls it a scope."""

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
    AUDIT_READ = "audit:read"
    AUDIT_ERASE = "audit:erase"


@dataclass(frozen=True, slots=True)
class Permission:
    """An entry of the catalogue; `implied` are the permissions that come with it, all of them."""

    code: Scope
    description: str
    implied: frozenset[Scope] = frozenset()


CATALOGUE: Mapping[Scope, Permission] = MappingProxyType(
    {
        permission.code: permission
        for permission in (
            Permission(
                Scope.CUSTOMER_CLASSES_READ,
                "View customer classes, retired ones and their use included, and templates.",
            ),
            Permission(
                Scope.CUSTOMER_CLASSES_WRITE,
                "Add, edit, retire and reactivate customer classes, and edit templates and the"
                " platform's default. Retiring into a replacement needs customers:write too.",
                frozenset({Scope.CUSTOMER_CLASSES_READ}),
            ),
            Permission(
                Scope.CUSTOMER_CLASSES_ADMINISTER,
                "Override the protection of shipped classes, retire them, and delete classes.",
                frozenset({Scope.CUSTOMER_CLASSES_WRITE, Scope.CUSTOMER_CLASSES_READ}),
            ),
            Permission(
                Scope.CUSTOMERS_READ,
                "View customers, their class and labels, and the classes that can be picked.",
            ),
            Permission(
                Scope.CUSTOMERS_WRITE,
                "Add, edit, move and delete customers, and settle suggestions of the register.",
                frozenset({Scope.CUSTOMERS_READ}),
            ),
            Permission(Scope.CONTACTS_READ, "View contacts and their preferences."),
            Permission(
                Scope.CONTACTS_WRITE,
                "Add, edit and delete contacts, ask them by mail, and withdraw their preferences.",
                frozenset({Scope.CONTACTS_READ}),
            ),
            Permission(Scope.ENRICHMENT_RUN, "Have customers looked up at Companies House."),
            Permission(Scope.CONSENT_READ, "View the consent ledger, and export its evidence."),
            Permission(
                Scope.CONSENT_WRITE,
                "Record, withdraw and correct consent, and requests for bills without itemisation.",
                frozenset({Scope.CONSENT_READ}),
            ),
            Permission(
                Scope.PERSONAL_DATA_READ,
                "See what identifies a person in that which other permissions show.",
            ),
            Permission(
                Scope.ACCESS_READ, "View users, groups, access tokens, and what each may do."
            ),
            Permission(
                Scope.ACCESS_ADMINISTER,
                "Administer users, groups, permissions and access tokens, within what one holds.",
                frozenset({Scope.ACCESS_READ}),
            ),
            Permission(Scope.AUDIT_READ, "View the audit trail of the whole platform."),
            Permission(Scope.AUDIT_ERASE, "Erase somebody's name from the audit trail."),
        )
    }
)
"""Every permission there is (R93, A20)."""


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
        Scope.AUDIT_READ,
    }
)
"""What whoever is bound to a reseller may do at most: nothing to what is everybody's (R99)."""


def known(codes: Iterable[str]) -> frozenset[Scope]:
    """Give the permissions of some stored codes; those of another version are dropped."""
    return frozenset(Scope(code) for code in codes if code in _CODES)


def with_implied(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Add the permissions that come with some."""
    given = frozenset(scopes)
    return given.union(*(CATALOGUE[scope].implied for scope in given))


_CODES = frozenset(map(str, Scope))
