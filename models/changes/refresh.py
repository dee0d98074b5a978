"""Starts the lookups that a timer starts: refreshes of customers who were looked up before.

Refreshes have the lowest urgency, and few of them wait in the queue at a time. So they fill up what
others leave of the request limit, and a save never waits behind them.
"""

from collections.abc import Iterable
from datetime import datetime

from models.changes.lookup import LIVE, apply_lookup_plan, plan_lookups, store_statuses
from models.jobs.job import IS_DUE_LATER, IS_READY
from models.jobs.kinds import ENRICH
from models.rules.allowance import Allowance
from models.rules.enrichment_status import EnrichmentTrigger
from models.rules.queue_order import ALL_CALLS
from models.rules.refresh import REFRESH_SHARE, REFRESHED, START_EVERY
from models.rules.urgency import Urgency
from models.storage.locks import lock
from models.storage.sql import run, to_database
from models.tables.audit import ActorContext
from models.tables.customer import IS_REFRESHED, Customer
from models.tables.customer_class import CustomerClass

_LIVE = ", ".join(f"'{status.value}'" for status in LIVE)

_WAITING = f"""SELECT
  (SELECT count(*) FROM job WHERE {IS_READY} AND kind = ? AND urgency = ?)
  + (SELECT count(*) FROM job WHERE {IS_DUE_LATER} AND kind = ? AND urgency = ?)"""  # noqa: S608  # constants only

_DUE = f"""SELECT id FROM customer AS own WHERE {IS_REFRESHED} AND refresh_due_at <= ?
  AND NOT EXISTS (SELECT 1 FROM customer AS other
    WHERE other.company_number = own.company_number AND other.id <> own.id
      AND other.enrichment_status IN ({_LIVE}))
  ORDER BY refresh_due_at, id LIMIT ?"""  # noqa: S608  # constants only
"""The customers to refresh first. While a customer with the same company number is looked up, none
is: the answers may do for both."""


def most_waiting(allowance: Allowance) -> int:
    """Return how many refreshes may wait: as many as fit into their share until the next start."""
    calls = allowance.limit * (START_EVERY / allowance.window) * REFRESH_SHARE
    return max(1, int(calls / ALL_CALLS))


async def start_refreshes(act: ActorContext, most: int) -> int:
    """Start refreshes that are due, the oldest first; return how many.

    At most `most` refreshes wait and run afterwards.
    """
    line = (ENRICH, Urgency.REFRESH.value)
    ((waiting,),) = await run(_WAITING, (*line, *line))
    if waiting >= most:
        return 0
    due = to_database(Customer._meta.fields_map["refresh_due_at"], act.now)
    ids = [row[0] for row in await run(_DUE, (due, most - waiting))]
    locked = await lock(Customer, *ids)
    customers = _first_of_companies([locked[one] for one in ids if one in locked], act.now)
    by_class: dict[str, list[Customer]] = {}
    for customer in customers:
        by_class.setdefault(customer.customer_class_id, []).append(customer)
    started = 0
    for class_id, members in by_class.items():
        plan = await plan_lookups(members, await CustomerClass.get(id=class_id))
        await store_statuses(members)
        started += await apply_lookup_plan(act, plan, EnrichmentTrigger.REFRESH)
    return started


def _first_of_companies(locked: Iterable[Customer], now: datetime) -> list[Customer]:
    """Return one customer of each company, without those whom somebody changed meanwhile."""
    firsts: dict[str | None, Customer] = {}
    for customer in locked:
        due_at = customer.refresh_due_at
        is_due = due_at is not None and due_at <= now
        if is_due and customer.enrichment_status in REFRESHED:
            firsts.setdefault(customer.company_number, customer)
    return list(firsts.values())
