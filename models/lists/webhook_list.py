"""Lists of webhook endpoints and of deliveries to them, and figures of endpoints."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.lists.customer_list import MAX_COUNT
from models.lists.row_order import BY_ID, BY_ID_DOWN, SortOrder, count_rows
from models.storage.row_query import RowQuery
from models.storage.sql import (
    Sql,
    all_of,
    among,
    from_database,
    listed,
    run,
    to_database,
)
from models.storage.tenant_scope import current_tenant
from models.storage.top_n_per_key import Keyset, TopPerKey
from models.tables.webhook import DeliveryCause, DeliveryState, WebhookDelivery, lane_id

NOT_DELETED = Sql("t0.deleted_at IS NULL")
DELIVERIES = "webhook_delivery"
_NEWEST = Keyset(("id",), "DESC")


class EndpointOrder(SortOrder):
    """The orders of webhook endpoints."""

    CREATED_AT_DESC = BY_ID_DOWN
    CREATED_AT_ASC = BY_ID


class DeliveryOrder(SortOrder):
    """The orders of deliveries; ids increase with the time of creation."""

    CREATED_AT_DESC = BY_ID_DOWN
    CREATED_AT_ASC = BY_ID


@dataclass(frozen=True, slots=True)
class EndpointFilter:
    """Conditions on the endpoints of a list: an endpoint must meet all that are not None."""

    reseller_id: str | None = None
    is_active: bool | None = None

    def condition(self) -> Sql:
        """Return the SQL condition of the filter, which leaves out deleted endpoints."""
        found = [NOT_DELETED]
        if self.reseller_id is not None:
            found.append(Sql("t0.reseller_id = ?", (self.reseller_id,)))
        if self.is_active is not None:
            found.append(Sql("t0.is_active" if self.is_active else "NOT t0.is_active"))
        return all_of(found)


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Conditions on deliveries: a delivery must meet all that are not None.

    `types` are the stored types that the caller may read and wants.
    """

    types: Sequence[str]
    endpoint_id: str | None = None
    outcomes: Sequence[DeliveryState] | None = None
    customer_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def condition(self) -> Sql:
        """Return the SQL condition of the filter."""
        found = [among("t0.event_type", self.types)]
        if self.endpoint_id is not None:
            found.append(Sql("t0.endpoint_id = ?", (self.endpoint_id,)))
        if self.outcomes is not None:
            found.append(among("t0.state", [one.value for one in self.outcomes]))
        if self.customer_id is not None:
            found.append(Sql("t0.customer_id = ?", (self.customer_id,)))
        for sign, instant in ((">=", self.since), ("<", self.until)):
            if instant is not None:
                at = to_database(WebhookDelivery._meta.fields_map["created_at"], instant)
                found.append(Sql(f"t0.created_at {sign} ?", (at,)))
        return all_of(found)

    async def per_key(self) -> TopPerKey | None:
        """Return the keys of the index to find deliveries by; None to read them in order.

        A partner's deliveries are found by its endpoints: in the order of all, there may be many of
        others between them. Those about a customer are found by the lanes for it.
        """
        if self.customer_id is None and self.endpoint_id is None and current_tenant() is None:
            return None
        ids = [self.endpoint_id] if self.endpoint_id is not None else await _endpoint_ids()
        if self.customer_id is None:
            return TopPerKey(DELIVERIES, "endpoint_id", listed(ids))
        lanes = [lane_id(one, self.customer_id) for one in ids]
        return TopPerKey(DELIVERIES, "lane_id", listed(lanes))


async def delivery_page(
    reader: RowQuery,
    wanted: DeliveryFilter,
    order: DeliveryOrder,
    size: int,
    *,
    beyond: tuple[Any, ...] | None,
    is_backward: bool,
) -> tuple[list[Any], bool]:
    """Return a page of deliveries in list order, and whether more follow in reading direction."""
    condition, each = wanted.condition(), await wanted.per_key()
    if each is None:
        return await order.rows.page(reader, condition, size, beyond, is_backward=is_backward)
    direction = "DESC" if order.rows.is_descending != is_backward else "ASC"
    place = Keyset(order.rows.columns, direction, beyond)
    where = each.first(condition, place, size + 1)
    found, has_more = await reader.read_some(where, place.order(), size)
    if is_backward:
        found.reverse()
    return found, has_more


async def count_deliveries(wanted: DeliveryFilter) -> int:
    """Return the number of deliveries that match the filter, at most MAX_COUNT + 1."""
    each = await wanted.per_key()
    if each is None:
        return await count_rows(DELIVERIES, wanted.condition(), MAX_COUNT + 1)
    statement = each.count(wanted.condition(), MAX_COUNT + 1)
    ((counted,),) = await run(statement.text, statement.parameters)
    return int(counted)


async def ended_deliveries(wanted: DeliveryFilter, most: int) -> list[str]:
    """Return the ids of the first `most` deliveries that have ended, oldest first.

    Repeated deliveries and tests are left out, and events that are no longer stored, or that are
    out of the tenant scope.
    """
    where = _ended(wanted)
    text = f"SELECT t0.id FROM {DELIVERIES} AS t0 WHERE {where.text} ORDER BY t0.id LIMIT {most:d}"  # noqa: S608  # no value is spelt out
    return [str(one) for (one,) in await run(text, where.parameters)]


async def bound_of_ended(wanted: DeliveryFilter, most: int) -> datetime | None:
    """Return the last instant before which `ended_deliveries` finds at most `most` deliveries.

    It is None if there are no more than that.
    """
    where = _ended(wanted)
    text = (
        f"SELECT t0.created_at FROM {DELIVERIES} AS t0 WHERE {where.text}"  # noqa: S608  # see above
        f" ORDER BY t0.created_at LIMIT 1 OFFSET {most:d}"
    )
    convert = from_database(WebhookDelivery._meta.fields_map["created_at"])
    for (at,) in await run(text, where.parameters):
        bound: datetime = convert(at) if convert else at
        return bound
    return None


def _ended(wanted: DeliveryFilter) -> Sql:
    return all_of(
        [
            wanted.condition(),
            Sql("t0.state <> ? AND t0.cause = ?", (DeliveryState.PENDING.value, _EVENT)),
            Sql("EXISTS (SELECT 1 FROM event AS e WHERE e.id = t0.event_id)"),
        ]
    )


_EVENT = DeliveryCause.EVENT.value


async def pending_counts(endpoint_ids: Sequence[str]) -> dict[str, int]:
    """Return the number of unfinished deliveries by endpoint id, at most MAX_COUNT."""
    where = Sql(f"t0.state = '{DeliveryState.PENDING.value}'")
    statement = _of(endpoint_ids).count_of_each(where, MAX_COUNT)
    return {one: int(counted) for one, counted in await run(statement.text, statement.parameters)}


async def last_successes(endpoint_ids: Sequence[str]) -> dict[str, datetime]:
    """Return by endpoint id when its newest delivery that was accepted was accepted."""
    where = Sql(f"t0.state = '{DeliveryState.DELIVERED.value}'")
    source = _of(endpoint_ids).first_of_each(where, _NEWEST, 1)
    text = f"SELECT t0.endpoint_id, t0.finished_at FROM {source.text}"  # noqa: S608  # no value is spelt out
    convert = from_database(WebhookDelivery._meta.fields_map["finished_at"])
    rows = await run(text, source.parameters)
    return {one: convert(at) if convert else at for one, at in rows}


async def active_endpoints(endpoint_ids: Iterable[str]) -> set[str]:
    """Return those of the endpoints to which something is sent."""
    which = among("t0.id", sorted(set(endpoint_ids)))
    text = f"SELECT t0.id FROM webhook_endpoint AS t0 WHERE t0.is_active AND {which.text}"  # noqa: S608  # no value is spelt out
    return {str(one) for (one,) in await run(text, which.parameters)}


def _of(endpoint_ids: Iterable[str]) -> TopPerKey:
    return TopPerKey(DELIVERIES, "endpoint_id", listed(list(dict.fromkeys(endpoint_ids))))


async def _endpoint_ids() -> list[str]:
    """Return the ids of all endpoints in the tenant scope, deleted ones included."""
    return [str(one) for (one,) in await run("SELECT t0.id FROM webhook_endpoint AS t0", ())]
