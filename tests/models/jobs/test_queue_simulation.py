"""Simulates the queue under a backlog: how much of the allowance is used, and by whom.

The bounds are the platform's guarantees for any queue. Seeds are fixed, so that a
failure is caused by a changed rule.
"""

from collections import Counter
from datetime import timedelta

import pytest

from models.rules.allowance import Allowance
from models.rules.urgency import Urgency
from models.storage.database import Database
from tests.clock import START
from tests.queue_simulation import Entry, Load, ModelQueue, Outcome, Simulation, SqlQueue

REGISTER = Allowance()
"""The register's limit: 600 calls in 5 minutes."""

WINDOW_S = REGISTER.window.total_seconds()
HOUR = 3_600.0


def backlog(number: int) -> list[Entry]:
    """Return a backlog: most of one reseller, the rest of eight others, and refreshes."""
    large = [Entry(Urgency.BULK, "large")] * (number * 7 // 10)
    small = [Entry(Urgency.BULK, f"small{n % 8}") for n in range(number * 2 // 10)]
    return large + small + [Entry(Urgency.REFRESH, None)] * (number // 10)


async def simulated(load: Load, entries: list[Entry], seed: int = 1) -> tuple[Outcome, list[str]]:
    queue = ModelQueue(REGISTER)
    ids = await queue.enqueue(entries, 0.0)
    return await Simulation(queue, load, seed).run(), ids


def used(outcome: Outcome, seconds: float) -> float:
    """Return the share of the allowed calls that were used within `seconds`."""
    return len(outcome.arrivals) / (REGISTER.limit * seconds / WINDOW_S)


def quantile(values: list[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)]


@pytest.mark.parametrize(
    ("number", "workers"), [(3_000, 1), (3_000, 8), (100_000, 1), (100_000, 4), (100_000, 8)]
)
async def test_a_backlog_is_worked_off_at_the_rate_that_the_register_allows(
    number: int, workers: int
) -> None:
    """R90: 97 % of the allowed calls are made, none refused, with any number of workers."""
    load = Load(HOUR, workers=workers, save_every_s=45)
    outcome, _ = await simulated(load, backlog(number))
    assert used(outcome, load.seconds) >= 0.97
    assert outcome.worst_window(WINDOW_S) <= REGISTER.limit
    calls_each = outcome.calls_of_ended / len(outcome.ended)
    assert 3.2 < calls_each < 3.7
    assert len(outcome.ended) >= 0.95 * len(outcome.arrivals) / calls_each
    assert min(outcome.ended.values()) < 3
    assert outcome.most_open <= 10  # it grows neither with the queue nor with the number of workers
    waits = outcome.save_waits()
    assert len(waits) >= len(outcome.saves) - 1
    assert quantile(waits, 0.5) <= 2
    assert quantile(waits, 0.99) <= 25


async def test_more_workers_never_lower_the_throughput() -> None:
    """R90."""
    ended = []
    for workers in (1, 2, 4, 8):
        outcome, _ = await simulated(Load(HOUR / 2, workers=workers), backlog(5_000))
        ended.append(len(outcome.ended))
    assert max(ended) - min(ended) <= 0.01 * max(ended)


async def test_faults_and_kills_cost_no_more_than_their_own_calls() -> None:
    """R90: each worker is killed every five minutes, and 2 % of the calls fail."""
    load = Load(2 * HOUR, fault_rate=0.02, kill_every_s=300, save_every_s=45)
    outcome, _ = await simulated(load, backlog(10_000))
    assert used(outcome, load.seconds) >= 0.97
    assert outcome.worst_window(WINDOW_S) <= REGISTER.limit
    calls_each = 3.46  # the calls that a lookup needs without failures
    assert len(outcome.ended) >= 0.93 * len(outcome.arrivals) / calls_each
    waits = outcome.save_waits()
    assert quantile(waits, 0.5) <= 2
    assert quantile(waits, 0.99) <= 25


async def test_a_429_pauses_all_and_the_rate_comes_back() -> None:
    """R90: only the calls during its pause are lost."""
    load = Load(2 * HOUR, too_many_rate=0.0005)
    outcome, _ = await simulated(load, backlog(10_000))
    refused = round(0.0005 * len(outcome.arrivals))
    lost_s = load.seconds - len(outcome.arrivals) / (REGISTER.limit / WINDOW_S) / 0.97
    assert lost_s <= (refused + 4) * 32
    assert outcome.worst_window(WINDOW_S) <= REGISTER.limit


async def test_resellers_share_evenly_and_a_refresh_gets_its_part() -> None:
    """Regardless of how much each has queued; one reseller starts an hour later."""
    load = Load(HOUR, save_every_s=30)
    entries = backlog(20_000)
    outcome, ids = await simulated(load, entries)
    of = dict(zip(ids, entries, strict=True))
    ended = Counter(of[one].reseller for one in outcome.ended if one in of)
    refreshed = ended.pop(None)
    assert len(ended) == 9
    jain = sum(ended.values()) ** 2 / (len(ended) * sum(n * n for n in ended.values()))
    assert jain >= 0.95
    assert max(ended.values()) - min(ended.values()) <= 1 + 16
    assert refreshed >= len(outcome.ended) / 13


async def test_a_reseller_that_comes_later_does_not_wait_for_those_before() -> None:
    queue = ModelQueue(REGISTER)
    early = await queue.enqueue([Entry(Urgency.BULK, "early")] * 5_000, 0.0)
    first = await Simulation(queue, Load(HOUR / 2)).run()
    late = await queue.enqueue([Entry(Urgency.BULK, "late")] * 500, HOUR / 2)
    then = await Simulation(queue, Load(HOUR / 2), seed=2).run()
    assert len(first.ended) > 100
    counts = [sum(one in then.ended for one in ids) for ids in (early, late)]
    assert abs(counts[0] - counts[1]) <= 0.1 * sum(counts)


async def test_an_import_of_many_saves_leaves_room_for_a_single_one() -> None:
    """R83: one reseller saves 500 customers at once, and another saves now and then."""
    queue = ModelQueue(REGISTER)
    await queue.enqueue([Entry(Urgency.SAVED, "importer")] * 500, 0.0)
    outcome = await Simulation(queue, Load(600, save_every_s=20)).run()
    waits = outcome.save_waits()
    assert len(waits) >= 28
    assert quantile(waits, 0.5) <= 8
    assert waits[-1] <= 30


async def test_the_statements_do_as_the_rules_say(database: Database) -> None:
    """The SQL statements and the model make the same calls at the same instants."""
    small = Allowance(60, timedelta(seconds=30))
    load = Load(
        60,
        workers=3,
        slots=3,
        fault_rate=0.05,
        too_many_rate=0.01,
        kill_every_s=25,
        save_every_s=4,
        short_share=0.0,
    )
    entries = backlog(100)
    model, stored = ModelQueue(small), SqlQueue(database, small, START)
    outcomes = []
    for queue in (model, stored):
        await queue.enqueue(entries, 0.0)
        outcomes.append(await Simulation(queue, load).run())
    rules, statements = outcomes
    assert statements.arrivals == pytest.approx(rules.arrivals, abs=1e-4)
    assert list(statements.ended.values()) == pytest.approx(list(rules.ended.values()), abs=1e-4)
    assert statements.save_waits() == pytest.approx(rules.save_waits(), abs=1e-4)
    assert len(rules.ended) > 15
