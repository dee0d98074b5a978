"""The points that a user or partner may spend: a row for each, shared by all processes (GCRA).

The row says until when what was spent is worked off: `free_at`, in microseconds. A point takes an
equal share of the window, and never more than a window's worth of points is outstanding. Whoever
spends takes a portion for its process at a time, with one statement, and spends that in memory.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tortoise.connection import get_connection

from models.database import dialect_of

_BEGIN = "CASE WHEN rate_limit.free_at > {now} THEN rate_limit.free_at ELSE {now} END"
_TAKE = (
    "INSERT INTO rate_limit (key, free_at) VALUES ({key}, {now} + {time})"  # noqa: S608  # marks only
    f" ON CONFLICT (key) DO UPDATE SET free_at = {_BEGIN} + {{time}}"
    f" WHERE {_BEGIN} + {{time}} <= {{until}} RETURNING free_at"
)
_GIVE_BACK = (
    "UPDATE rate_limit SET free_at ="
    " CASE WHEN free_at - {time} > {now} THEN free_at - {time} ELSE {now} END"
    " WHERE key = {key} RETURNING free_at"
)
FOR_EVER_US = 2**63 - 1
_LOOK = "SELECT free_at FROM rate_limit WHERE key = {key}"


@dataclass(frozen=True, slots=True)
class PointAllowance:
    """So many points in a window: at once after a pause, and then as they come back, evenly."""

    points: int
    window: timedelta
    window_us: int = field(init=False)
    """The same in microseconds; each request asks for it."""

    def __post_init__(self) -> None:
        """Work it out once."""
        object.__setattr__(self, "window_us", self.window // timedelta(microseconds=1))

    def time_us(self, points: int) -> int:
        """Give the microseconds in which so many points come back."""
        return -(-points * self.window_us // self.points)


def microseconds(instant: datetime) -> int:
    """Give an instant as rows hold it."""
    return int(instant.timestamp() * 1_000_000)


async def take_points(
    key: str, points: int, allowance: PointAllowance, now_us: int
) -> tuple[bool, int]:
    """Take points from the budget of all processes, all or none of them, with one statement.

    Gives whether they were there, and until when what was spent is worked off.
    """
    return await _take(key, points, allowance, now_us, now_us + allowance.window_us)


async def owe_points(key: str, points: int, allowance: PointAllowance, now_us: int) -> int:
    """Put points that are spent already on the budget, whether they are there or not.

    Gives until when what was spent is worked off.
    """
    _, free_at = await _take(key, points, allowance, now_us, FOR_EVER_US)
    return free_at


async def give_back_points(key: str, points: int, allowance: PointAllowance, now_us: int) -> int:
    """Give points back that were taken and are not needed after all.

    Gives until when what was spent is worked off: now, where all is there again.
    """
    time_us = allowance.time_us(points)
    given = await _run(_GIVE_BACK, key=key, now=now_us, time=time_us)
    return given[0]["free_at"] if given else now_us


async def _take(
    key: str, points: int, allowance: PointAllowance, now_us: int, until: int
) -> tuple[bool, int]:
    time_us = allowance.time_us(points)
    taken = await _run(_TAKE, key=key, now=now_us, time=time_us, until=until)
    if taken:
        return True, taken[0]["free_at"]
    (row,) = await _run(_LOOK, key=key)
    return False, row["free_at"]


async def _run(text: str, **given: str | int) -> list[dict[str, int]]:
    """Run a statement whose parameters are named, and may be named twice."""
    connection = get_connection("default")
    if dialect_of(connection) == "postgres":
        places = {name: f"${place}" for place, name in enumerate(given, start=1)}
        types = {name: "text" if isinstance(one, str) else "bigint" for name, one in given.items()}
        marks = {name: f"{place}::{types[name]}" for name, place in places.items()}
    else:
        marks = {name: f"?{place}" for place, name in enumerate(given, start=1)}
    # Tortoise drops what an INSERT returns, unless rows are asked for as dictionaries.
    return await connection.execute_query_dict(text.format(**marks), list(given.values()))
