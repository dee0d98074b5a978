"""Reads, for many customers, the histories that decide which documents their contacts are emailed.

Each history (classes, consent, contacts, preferences) is read by one statement.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tortoise.models import Model

from models.lists.customer_scope import has_small_scope, in_scope_first
from models.rules.consent import ConsentBasis, EntryKind, consent_at, non_itemised_at
from models.rules.delivery import DeliveryPolicy, DeliveryReason
from models.rules.delivery_exposure import Exposure, History, contact_at, exposures
from models.rules.delivery_situation import ClassSituation, Situation
from models.rules.preference import DECISIVE, PreferenceKind
from models.storage.row_query_compiler import columns_reader
from models.storage.sql import Sql, all_of, among, run, to_database
from models.tables.consent_entry import ConsentEntry
from models.tables.contact_state import ContactState
from models.tables.customer import ClassChange
from models.tables.preference_entry import PreferenceEntry

BATCH = 500
"""The number of customers whose histories are read at once, which limits the memory used."""

_ENTRY = (
    "customer_id",
    "sequence",
    "kind",
    "basis",
    "effective_at",
    "recorded_at",
    "corrects_id",
)
_STATE = (
    "contact_id",
    "customer_id",
    "at",
    "name",
    "email",
    "has_email",
    "is_verified",
    "receives_bills",
    "receives_correspondence",
    "is_active",
    "is_deleted",
)
_PREFERENCE = ("contact_id", "customer_id", "sequence", "kind", "documents", "at")
_CLASS = ("customer_id", "to_class_id", "to_class.name", "to_class.code")

_DECISIVE = ", ".join(f"'{kind.value}'" for kind in sorted(DECISIVE))

Grouped = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class ExposureFilter:
    """Conditions on the exposures of a list: an exposure must meet all that are not None."""

    customer_id: str | None = None
    contact_id: str | None = None
    reasons: Sequence[DeliveryReason] | None = None
    bases: Sequence[ConsentBasis] | None = None

    def of_customers(self) -> Sql:
        """Return the SQL condition for customers who can have such exposures."""
        found = []
        if self.customer_id is not None:
            found.append(Sql("t0.id = ?", (self.customer_id,)))
        if self.contact_id is not None:
            owners = "SELECT customer_id FROM contact AS one WHERE one.id = ?"
            found.append(Sql(f"t0.id IN ({owners})", (self.contact_id,)))
        return all_of(found)

    def matches(self, exposure: Exposure) -> bool:
        """Return whether an exposure of such a customer meets the other conditions."""
        return (
            (self.contact_id is None or exposure.contact_id == self.contact_id)
            and (self.reasons is None or exposure.reason in self.reasons)
            and (self.bases is None or exposure.basis in self.bases)
        )


ALL_EXPOSURES = ExposureFilter()


class _Row:
    """A row of any table; its columns are attributes."""


async def situations_at(customer_ids: Sequence[str], instant: datetime) -> dict[str, Situation]:
    """Return the facts that decide deliveries at an instant, by customer id.

    For a future instant, entries that take effect by then count as they are recorded now; contacts
    and classes are assumed to stay as they are.
    """
    entries = await _entries(customer_ids)
    states = await _grouped(
        ContactState,
        _STATE,
        _newest("contact_state", "contact_id", "at", customer_ids, instant, "NOT t0.is_deleted"),
        "t0.contact_id",
    )
    preferences = await _preferences(customer_ids)
    classes = await _grouped(
        ClassChange,
        _CLASS,
        _newest("class_change", "customer_id", "changed_at", customer_ids, instant, "1 = 1"),
        "t0.id",
    )
    return {
        customer_id: Situation(
            at=instant,
            consent=consent_at(entries.get(customer_id, ()), instant),
            non_itemised=non_itemised_at(entries.get(customer_id, ()), instant),
            contacts=tuple(
                contact_at(state, _of(preferences.get(customer_id, ()), state), instant)
                for state in states.get(customer_id, ())
            ),
            customer_class=_class_of(classes.get(customer_id, ())),
        )
        for customer_id in customer_ids
    }


async def exposures_after(
    key: tuple[str, str, datetime] | None,
    from_at: datetime,
    until_at: datetime,
    policy: DeliveryPolicy,
    batch: int = BATCH,
    *,
    wanted: ExposureFilter = ALL_EXPOSURES,
    is_backward: bool = False,
) -> AsyncGenerator[Exposure, None]:
    """Yield delivery exposures between two instants, sorted by their key, after the one with `key`.

    An exposure is a period in which a contact would have been emailed documents in full. If `key`
    is None, all exposures are yielded. With `is_backward`, exposures before the one with `key` are
    yielded, the last one first. Histories are read for `batch` customers at once.
    """
    last = None if key is None else key[0]
    is_included = True
    while True:
        found = await _candidates(
            last, until_at, batch, wanted, is_included=is_included, is_backward=is_backward
        )
        if not found:
            return
        histories = await _histories(found)
        for customer_id in found:
            all_own = exposures(customer_id, histories[customer_id], from_at, until_at, policy)
            own = [one for one in all_own if wanted.matches(one)]
            for one in reversed(own) if is_backward else own:
                if key is None or (one.key < key if is_backward else one.key > key):
                    yield one
        last, is_included = found[-1], False
        await asyncio.sleep(0)  # let other tasks run during a long list


async def _candidates(
    last: str | None,
    until_at: datetime,
    size: int,
    wanted: ExposureFilter,
    *,
    is_included: bool,
    is_backward: bool,
) -> list[str]:
    """Return the ids of the next customers with a consent or preference before `until_at`.

    "Next" means after the id `last` in the order of ids, or before it with `is_backward`;
    `is_included` includes `last` itself. Erased customers are included, as their consent stays on
    record, without names (A18).
    """
    until = to_database(ConsentEntry._meta.fields_map["effective_at"], until_at)
    sign, direction = ("<", "DESC") if is_backward else (">", "ASC")
    next_ = Sql(f"t0.id {sign}{'=' if is_included else ''} ?", (last,))
    conditions = [*([] if last is None else [next_]), wanted.of_customers()]
    where = all_of(conditions)
    reached = f" AND {in_scope_first().text}" if await has_small_scope() else ""
    text = (
        f"SELECT t0.id FROM customer AS t0 WHERE {where.text}"  # noqa: S608  # no value is spelt out
        " AND (EXISTS (SELECT 1 FROM consent_entry AS e WHERE e.customer_id = t0.id"
        f" AND e.kind = '{EntryKind.GRANT.value}' AND e.effective_at < ?)"
        " OR EXISTS (SELECT 1 FROM preference_entry AS p WHERE p.customer_id = t0.id"
        f" AND p.kind = '{PreferenceKind.CONFIRMED.value}' AND p.at < ?))"
        f"{reached}"
        f" ORDER BY t0.id {direction} LIMIT {size:d}"
    )
    return [row[0] for row in await run(text, (*where.parameters, until, until))]


async def _histories(customer_ids: Sequence[str]) -> dict[str, History]:
    entries = await _entries(customer_ids)
    states = await _grouped(
        ContactState, _STATE, among("t0.customer_id", customer_ids), "t0.at, t0.id"
    )
    preferences = await _preferences(customer_ids)
    return {
        customer_id: History(
            entries.get(customer_id, ()),
            states.get(customer_id, ()),
            preferences.get(customer_id, ()),
        )
        for customer_id in customer_ids
    }


async def _entries(customer_ids: Sequence[str]) -> Grouped:
    """Return the whole consent ledgers, as an entry with a future date may correct others."""
    return await _grouped(
        ConsentEntry, _ENTRY, among("t0.customer_id", customer_ids), "t0.sequence"
    )


async def _preferences(customer_ids: Sequence[str]) -> Grouped:
    where = all_of([among("t0.customer_id", customer_ids), Sql(f"t0.kind IN ({_DECISIVE})")])
    return await _grouped(PreferenceEntry, _PREFERENCE, where, "t0.sequence")


def _newest(
    table: str, each: str, when: str, customer_ids: Sequence[str], instant: datetime, also: str
) -> Sql:
    """Return the condition for the newest row, up to an instant, of each value of column `each`.

    `when` is the column with the row's time. The newest row must also meet the condition `also`.
    """
    moment = to_database(ContactState._meta.fields_map["at"], instant)
    condition = all_of([among("customer_id", customer_ids), Sql(f"{when} <= ?", (moment,))])
    text = (
        "t0.id IN (SELECT id FROM (SELECT id, row_number() OVER"  # noqa: S608  # no value is spelt out
        f" (PARTITION BY {each} ORDER BY {when} DESC, id DESC) AS place"
        f" FROM {table} WHERE {condition.text}) AS ranked WHERE place = 1) AND {also}"
    )
    return Sql(text, condition.parameters)


async def _grouped(model: type[Model], columns: tuple[str, ...], where: Sql, order: str) -> Grouped:
    found: Grouped = {}
    reader = columns_reader(_Row, model, ("id", *columns))
    for row in await reader.read(where, f"ORDER BY {order}"):
        found.setdefault(row.customer_id, []).append(row)
    return found


def _of(preferences: Iterable[Any], state: Any) -> list[Any]:
    return [entry for entry in preferences if entry.contact_id == state.contact_id]


def _class_of(rows: Sequence[Any]) -> ClassSituation | None:
    if not rows:
        return None
    return ClassSituation(rows[0].to_class_id, rows[0].to_class_name, rows[0].to_class_code)
