"""The points that a user or partner may spend: a row for each, shared by all processes (GCRA).

The row says until when what was spent is worked off: `free_at`, in microseconds. A point takes an
equal share of the window, and never more than a window's worth of points is outstanding. Whoever
spends takes a portion for its process at a time, with one statement, and spends that in memory.

Rows outlive a wrong clock. On PostgreSQL they go by the database's clock. Elsewhere, a row that is
further ahead than it can ever get counts as one of which nothing is spent: it was written by a
process whose clock was wrong, and would otherwise lock everybody out for as long as that was.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from tortoise.connection import get_connection

from models.storage.database import dialect_of
from models.storage.tenant_scope import bind_tenant, keeping_tenant

IMPOSSIBLE_WINDOWS = 2
"""So many windows ahead, a row is not believed: clocks may differ by one, and no more."""

DATABASE_NOW = "(extract(epoch FROM statement_timestamp()) * 1000000)::bigint"

_BEGIN = (
    "CASE WHEN rate_limit.free_at > {now}"
    " AND rate_limit.free_at <= {now} + {impossible} THEN rate_limit.free_at ELSE {now} END"
)
_TAKE = (
    "INSERT INTO rate_limit (key, free_at) VALUES ({key}, {now} + {time})"  # noqa: S608  # marks only
    f" ON CONFLICT (key) DO UPDATE SET free_at = {_BEGIN} + {{time}}"
    f" WHERE {_BEGIN} + {{time}} <= {{now}} + {{window}} RETURNING free_at - {{now}} AS ahead"
)
_OWE = (
    "INSERT INTO rate_limit (key, free_at) VALUES ({key}, {now} + {time})"  # noqa: S608  # marks only
    " ON CONFLICT (key) DO UPDATE SET free_at ="
    f" CASE WHEN {_BEGIN} + {{time}} < {{now}} + {{window}} THEN {_BEGIN} + {{time}}"
    " ELSE {now} + {window} END RETURNING free_at - {now} AS ahead"
)
_GIVE_BACK = (
    f"UPDATE rate_limit SET free_at = CASE WHEN {_BEGIN} - {{time}} > {{now}}"  # noqa: S608  # marks only
    f" THEN {_BEGIN} - {{time}} ELSE {{now}} END WHERE key = {{key}}"
    " RETURNING free_at - {now} AS ahead"
)
_LOOK = f"SELECT {_BEGIN} - {{now}} AS ahead FROM rate_limit WHERE key = {{key}}"  # noqa: S608  # marks only
_RESET = "DELETE FROM rate_limit WHERE key = {key} RETURNING 0 AS ahead"
_RESET_ALL = "DELETE FROM rate_limit WHERE key LIKE {key} RETURNING 0 AS ahead"
PREFIX = "cost:"
"""What the keys of these rows begin with; others have other budgets."""
MAX_ID = 70


@dataclass(frozen=True, slots=True)
class PointAllowance:
    """So many points in a window: at once after a pause, and then as they come back, evenly."""

    points: int
    window: timedelta
    goes_by_database: bool = False
    """Whether rows go by the database's clock, where it has one: PostgreSQL's."""
    window_us: int = field(init=False)
    """The same in microseconds; each request asks for it."""

    def __post_init__(self) -> None:
        """Work it out once."""
        object.__setattr__(self, "window_us", self.window // timedelta(microseconds=1))

    def time_us(self, points: int) -> int:
        """Return how long it takes to replenish `points`, in microseconds."""
        return -(-points * self.window_us // self.points)


def microseconds(instant: datetime) -> int:
    """Return an instant as rows hold it."""
    return int(instant.timestamp() * 1_000_000)


def key_of(quota_key: str) -> str:
    """Return the key of the row for a user, a reseller or a token."""
    name = quota_key if len(quota_key) <= MAX_ID else sha256(quota_key.encode()).hexdigest()
    return f"{PREFIX}{name}"


async def take_points(
    key: str, points: int, allowance: PointAllowance, now_us: int
) -> tuple[bool, int]:
    """Take points from the budget of all processes, all or none of them, with one statement.

    Returns whether they were there, and until when what was spent is worked off, by our clock.
    """
    taken = await _run(_TAKE, key, allowance, now_us, points)
    if taken is not None:
        return True, now_us + taken
    return False, now_us + (await _run(_LOOK, key, allowance, now_us) or 0)


async def owe_points(key: str, points: int, allowance: PointAllowance, now_us: int) -> int:
    """Put points that are spent already on the budget, whether they are there or not.

    What is more than all of it is forgiven. Gives until when what was spent is worked off.
    """
    points = min(points, allowance.points)
    return now_us + (await _run(_OWE, key, allowance, now_us, points) or 0)


async def give_back_points(key: str, points: int, allowance: PointAllowance, now_us: int) -> int:
    """Return points back that were taken and are not needed after all.

    Gives until when what was spent is worked off: now, where all is there again.
    """
    return now_us + (await _run(_GIVE_BACK, key, allowance, now_us, points) or 0)


async def reset_points(quota_key: str | None) -> int:
    """Reset the budget of a quota key, or all budgets; return the number of rows."""
    text, key = (_RESET_ALL, f"{PREFIX}%") if quota_key is None else (_RESET, key_of(quota_key))
    return len(await _rows(text, {"key": key}))


async def _run(
    text: str, key: str, allowance: PointAllowance, now_us: int, points: int = 0
) -> int | None:
    """Run a statement on a row and return how far ahead it is; None if there was no such row."""
    marks: dict[str, str | int] = {
        "key": key,
        "now": now_us,
        "time": allowance.time_us(points),
        "window": allowance.window_us,
        "impossible": allowance.window_us * IMPOSSIBLE_WINDOWS,
    }
    rows = await _rows(text, marks, goes_by_database=allowance.goes_by_database)
    return rows[0]["ahead"] if rows else None


async def _rows(
    text: str, values: dict[str, str | int], *, goes_by_database: bool = False
) -> list[dict[str, int]]:
    """Run a statement whose parameters are named, and may be named twice."""
    connection = get_connection("default")
    is_postgres = dialect_of(connection) == "postgres"
    used = {name: value for name, value in values.items() if f"{{{name}}}" in text}
    fixed = {"now": DATABASE_NOW} if is_postgres and goes_by_database else {}
    given = [name for name in used if name not in fixed]
    if is_postgres:
        types = {name: "text" if isinstance(used[name], str) else "bigint" for name in given}
        marks = {name: f"${place}::{types[name]}" for place, name in enumerate(given, start=1)}
    else:
        marks = {name: f"?{place}" for place, name in enumerate(given, start=1)}
    with keeping_tenant():
        bind_tenant(None)  # budgets are the platform's, whoever spends
        # Tortoise drops what an INSERT returns, unless rows are asked for as dictionaries.
        return await connection.execute_query_dict(
            text.format(**marks, **fixed), [used[name] for name in given]
        )
