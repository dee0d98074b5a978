"""Faults are logged once a second per kind, and each bug with its traceback."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from models.storage.database_faults import DatabaseFault, FaultKind
from models.storage.fault_log import FaultLog, report

LOST = DatabaseFault(FaultKind.LOST, "57P01")
FULL = DatabaseFault(FaultKind.FULL, "SQLITE_FULL")


class Seconds:
    """A clock in seconds."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def shown(lines: list[Any]) -> list[tuple[str, str, int]]:
    """Return kind, code and number of suppressed lines of each log line."""
    assert {(line["event"], line["log_level"]) for line in lines} <= {
        ("database_unavailable", "error")
    }
    return [(line["kind"], line["code"], line["held_back"]) for line in lines]


async def test_the_first_is_logged_at_once_and_others_with_the_next_line() -> None:
    clock = Seconds()
    log = FaultLog(clock)
    with capture_logs() as lines:
        for _ in range(5):
            log.note(LOST, "graphql")
        assert shown(lines) == [("LOST", "57P01", 0)]
        clock.now += 1
        log.note(LOST, "graphql")
        assert shown(lines)[1:] == [("LOST", "57P01", 4)]


async def test_kinds_do_not_hold_each_other_back() -> None:
    log = FaultLog(Seconds())
    with capture_logs() as lines:
        for fault in (LOST, FULL, LOST, FULL):
            log.note(fault, "graphql")
    assert shown(lines) == [("LOST", "57P01", 0), ("FULL", "SQLITE_FULL", 0)]


async def test_the_last_that_were_held_back_are_logged_though_none_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("models.storage.fault_log.PAUSE_S", 0.02)
    log = FaultLog()
    with capture_logs() as lines:
        for _ in range(4):
            log.note(LOST, "graphql")
        async with asyncio.timeout(60):
            while len(lines) < 2:  # noqa: ASYNC110  # a timer writes it
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
    assert shown(lines) == [("LOST", "57P01", 0), ("LOST", "57P01", 2)]


async def test_an_unknown_outcome_is_logged() -> None:
    log = FaultLog(Seconds())
    with capture_logs() as lines:
        log.note(DatabaseFault(FaultKind.LOST, "08003", is_outcome_unknown=True), "graphql")
    assert lines[0]["outcome_unknown"] is True


async def test_a_bug_is_logged_each_time_with_its_traceback() -> None:
    bug = RuntimeError("a bug")
    with capture_logs() as lines:
        for _ in range(2):
            assert report("worker_stumbled", bug, worker="w") is None
    assert [(line["event"], line["exc_info"], line["worker"]) for line in lines] == [
        ("worker_stumbled", bug, "w")
    ] * 2
