"""The types of objects that can be fetched by their ids, and which of them a caller may see."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from models.lists.access_list import groups_within, tokens_within, users_within
from models.lists.customer_class_list import PICKED_OR_USED
from models.lists.webhook_list import NOT_DELETED
from models.storage.identifiers import prefix_of
from models.storage.sql import ALWAYS, Sql, all_of, among
from models.tables.access import Scope
from models.tables.webhook import PING
from schema.base.context import Info
from schema.base.node import Node
from schema.base.permissions import Requires, may
from schema.types.access_token import AccessToken
from schema.types.audit import AuditEntry
from schema.types.consent import ConsentEntry
from schema.types.contact import Contact, PreferenceEntry
from schema.types.customer import ClassChange, Customer
from schema.types.customer_class import PICKS_CLASSES, CustomerClass
from schema.types.customer_import import ImportJob
from schema.types.customer_template import CustomerTemplate
from schema.types.enrichment import EnrichmentRun
from schema.types.event import READS_EVENTS, Event, readable_types
from schema.types.job import Job
from schema.types.suggestion import Suggestion
from schema.types.user import User, UserGroup, bound_reseller_id
from schema.types.webhook import READS_WEBHOOKS, WebhookDelivery, WebhookEndpoint


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type of object that can be fetched by its id.

    `requires` is the permission to see it. `within` is a condition on its row, or a function that
    returns one for the reseller that the principal is bound to (R99).
    """

    type: type[Node]
    requires: Requires
    within: Sql | Callable[[str | None], Sql] = ALWAYS


_CUSTOMERS, _ACCESS = Requires(Scope.CUSTOMERS_READ), Requires(Scope.ACCESS_READ)
_OF_LIVING = Sql(
    "EXISTS (SELECT 1 FROM customer AS c WHERE c.id = t0.customer_id AND c.erased_at IS NULL)"
)
_OF_CONTACT = Sql(
    "EXISTS (SELECT 1 FROM contact AS p WHERE p.id = t0.contact_id AND p.deleted_at IS NULL)"
)
KINDS: dict[str, _Kind] = {
    "aud": _Kind(AuditEntry, Requires(Scope.AUDIT_READ)),
    "chg": _Kind(ClassChange, _CUSTOMERS, _OF_LIVING),
    "cls": _Kind(CustomerClass, PICKS_CLASSES),
    "cns": _Kind(ConsentEntry, Requires(Scope.CONSENT_READ)),
    "con": _Kind(Contact, Requires(Scope.CONTACTS_READ), Sql("t0.deleted_at IS NULL")),
    "cus": _Kind(Customer, _CUSTOMERS, Sql("t0.erased_at IS NULL")),
    "evt": _Kind(Event, READS_EVENTS),
    "grp": _Kind(UserGroup, _ACCESS, groups_within),
    "imp": _Kind(ImportJob, Requires(Scope.CUSTOMERS_WRITE)),
    "job": _Kind(Job, Requires(Scope.JOBS_ADMINISTER)),
    "prf": _Kind(PreferenceEntry, Requires(Scope.CONTACTS_READ), _OF_CONTACT),
    "run": _Kind(EnrichmentRun, _CUSTOMERS, _OF_LIVING),
    "sug": _Kind(Suggestion, _CUSTOMERS, _OF_LIVING),
    "tok": _Kind(AccessToken, _ACCESS, tokens_within),
    "tpl": _Kind(CustomerTemplate, PICKS_CLASSES),
    "usr": _Kind(User, _ACCESS, users_within),
    "whd": _Kind(WebhookDelivery, READS_WEBHOOKS),
    "whe": _Kind(WebhookEndpoint, READS_WEBHOOKS, NOT_DELETED),
}
"""By id prefix: what can be fetched by its id."""

AUDITED = ("cls", "con", "cus", "grp", "imp", "tok", "tpl", "usr", "whe")
"""The prefixes of ids of objects that audit entries are about."""


def rows_within(info: Info, kind: type) -> Sql:
    """Return the condition for the rows of a type that exist, in the tenant scope of the caller.

    It does not check permissions.
    """
    found = next((one for one in KINDS.values() if one.type is kind), None)
    return ALWAYS if found is None else _within(info, found)


def _within(info: Info, kind: _Kind) -> Sql:
    return kind.within(bound_reseller_id(info)) if callable(kind.within) else kind.within


def visible_rows(info: Info, ids: Sequence[str]) -> Iterator[tuple[type[Node], Sql]]:
    """Yield each type of object that the ids name, with the condition for its visible rows."""
    by_prefix: dict[str, list[str]] = {}
    for one in ids:
        by_prefix.setdefault(prefix_of(one), []).append(one)
    for prefix, wanted in by_prefix.items():
        kind = KINDS.get(prefix)
        if kind is None or not kind.requires.allows(info):
            continue
        within = _within(info, kind)
        if kind.type is CustomerClass and not may(info, Scope.CUSTOMER_CLASSES_READ):
            # CUSTOMERS_READ shows classes that can be chosen, or that a customer was ever in (R94).
            within = PICKED_OR_USED
        if kind.type is Event:
            within = among("t0.type", readable_types(info))
        if kind.type is WebhookDelivery:
            within = among("t0.event_type", [*readable_types(info), PING])
        yield kind.type, all_of([among("t0.id", wanted), within])
