"""A place for a process: restarts with pauses, and replacements that do or do not become ready."""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from commands.child import Child
from commands.slot import Slot, pause_s
from tests.captured_logs import captured_logs
from tests.processes import ENOUGH_S

SCRIPT = """import os, socket, sys
numbers = sys.argv[sys.argv.index("--supervised") + 1].split(",")
control = socket.socket(fileno=int(numbers[0]))
if "fails" in open({path!r}).read():
    sys.exit(7)
control.send(b"ready")
control.recv(6)
"""
"""A process that becomes ready, unless the file says that it fails, and ends when it is told."""


class Behaviour:
    """Says how processes behave that start from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def becomes(self, what: str) -> None:
        self._path.write_text(what)


@pytest.fixture
def behaviour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Behaviour:
    """Replace the program of processes by one that serves."""
    path, program = tmp_path / "behaviour", tmp_path / "program.py"
    program.write_text(SCRIPT.format(path=str(path)))
    monkeypatch.setattr("commands.child.MANAGE", program)
    made = Behaviour(path)
    made.becomes("serves")
    return made


@pytest.fixture
async def slot(behaviour: Behaviour) -> AsyncIterator[Slot]:
    """Yield a slot whose process serves and is watched."""
    assert behaviour
    async with begun(stops_first=False) as made:
        yield made


@asynccontextmanager
async def begun(*, stops_first: bool) -> AsyncIterator[Slot]:
    made = Slot("web 1", lambda: Child.start((), (), {}), ENOUGH_S, stops_first=stops_first)
    assert await (await made.begin()).is_ready()
    made.watch()
    yield made
    made.unwatch()
    assert made.child is not None
    made.child.send(signal.SIGKILL)
    await made.child.ended()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(ENOUGH_S):
        while not holds():  # noqa: ASYNC110  # a process changes it
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("deaths", "pause"),
    [
        (1, 0),  # at once, as it had worked
        (2, 0.5),
        (3, 1),
        (4, 2),
        (8, 30),  # 32, but for the limit
        (50, 30),
    ],
)
def test_a_process_that_keeps_dying_is_started_later_each_time(deaths: int, pause: float) -> None:
    assert pause_s(deaths) == pause


async def test_a_process_that_dies_is_started_again(slot: Slot) -> None:
    first = slot.child
    assert first is not None
    with captured_logs("json") as log:
        first.send(signal.SIGKILL)
        await until(lambda: slot.child is not first)
    (line,) = [one for one in log.getvalue().splitlines() if "process_died" in one]
    assert '"reason":"SIGKILL"' in line
    assert f'"pid":{first.pid}' in line


async def test_a_pause_ends_when_the_process_shall_be_replaced_anyway(
    slot: Slot, behaviour: Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.slot.FIRST_PAUSE_S", ENOUGH_S * 10)
    monkeypatch.setattr("commands.slot.MAX_PAUSE_S", ENOUGH_S * 10)
    behaviour.becomes("fails")
    assert slot.child is not None
    with captured_logs("json") as log:
        slot.child.send(signal.SIGKILL)
        await until(lambda: log.getvalue().count("process_died") == 2)
        assert '"reason":"exit status 7"' in log.getvalue()
        behaviour.becomes("serves")
        assert await slot.replace()
    assert slot.child.exit_status is None


async def test_a_replacement_serves_before_the_old_process_is_told_to_retire(slot: Slot) -> None:
    old = slot.child
    assert old is not None
    assert await slot.replace()
    assert slot.child is not old
    assert old.exit_status == 0  # it ended by itself, and was not killed


async def test_a_replacement_that_does_not_serve_leaves_the_old_process(
    slot: Slot, behaviour: Behaviour
) -> None:
    old = slot.child
    assert old is not None
    behaviour.becomes("fails")
    with captured_logs("json") as log:
        assert not await slot.replace()
    assert slot.child is old
    assert old.exit_status is None
    assert "process_not_replaced" in log.getvalue()
    assert "process_died" not in log.getvalue()


async def test_a_worker_stops_before_its_successor_starts(behaviour: Behaviour) -> None:
    async with begun(stops_first=True) as slot:
        old = slot.child
        assert old is not None
        with captured_logs("json") as log:
            assert await slot.replace()
        assert old.exit_status == -signal.SIGTERM
        assert "process_died" not in log.getvalue()
        behaviour.becomes("fails")
        with captured_logs("json") as log:
            assert not await slot.replace()
            await until(lambda: "process_died" in log.getvalue())
            behaviour.becomes("serves")
            await until(lambda: slot.child is not None and slot.child.exit_status is None)
