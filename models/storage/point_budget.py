"""Rate limits the query points of users and partners, over all processes.

A point is the unit of a query's cost. The limit is the generic cell rate algorithm (GCRA): each
quota key (a user or a partner) has a row in `rate_limit`, whose `free_at`, in microseconds since
1970, is the time at which the budget will be full again. Each point moves `free_at` by an equal
share of the window, and `free_at` may be at most one window ahead. A process takes several points
with one statement, and then spends them in memory.

A wrong clock must not block anybody for long. On PostgreSQL, the database's clock can be used.
Otherwise, if `free_at` is impossibly far ahead, it was written by a process with a wrong clock, and
the budget counts as full.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from tortoise.connection import get_connection

from models.storage.database import dialect_of
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope

IMPOSSIBLE_WINDOWS = 2
"""A `free_at` more windows ahead than this is ignored; one window allows for different clocks."""

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
"""Prefix of the keys of point budgets; other rows of the table are limits of other kinds."""
MAX_ID = 70


@dataclass(frozen=True, slots=True)
class PointAllowance:
    """A budget of `points` per `window`; spent points are replenished evenly over the window."""

    points: int
    window: timedelta
    goes_by_database: bool = False
    """Whether to use PostgreSQL's clock instead of `now_us`; has no effect on SQLite."""
    window_us: int = field(init=False)
    """`window` in microseconds, computed once because each request needs it."""

    def __post_init__(self) -> None:
        """Compute `window_us`."""
        object.__setattr__(self, "window_us", self.window // timedelta(microseconds=1))

    def time_us(self, points: int) -> int:
        """Return the microseconds that it takes to replenish `points`, rounded up."""
        return -(-points * self.window_us // self.points)


def microseconds(instant: datetime) -> int:
    """Return an instant in microseconds since 1970, the unit of `free_at`."""
    return int(instant.timestamp() * 1_000_000)


def key_of(quota_key: str) -> str:
    """Return the row key for a quota key, which is hashed if it is too long for the column."""
    name = quota_key if len(quota_key) <= MAX_ID else sha256(quota_key.encode()).hexdigest()
    return f"{PREFIX}{name}"


async def take_points(
    key: str, points: int, allowance: PointAllowance, now_us: int
) -> tuple[bool, int]:
    """Take `points` from the budget that all processes share, or none if too few are left.

    `key` is the row's key, and `now_us` the time in microseconds since 1970. Returns whether the
    points were taken, and the new `free_at` by this process's clock.
    """
    taken = await _run(_TAKE, key, allowance, now_us, points)
    if taken is not None:
        return True, now_us + taken
    return False, now_us + (await _run(_LOOK, key, allowance, now_us) or 0)


async def owe_points(key: str, points: int, allowance: PointAllowance, now_us: int) -> int:
    """Charge points that were already spent, even if the budget has too few left.

    The budget is then empty, but never negative. Returns the new `free_at` by this process's clock,
    in microseconds since 1970.
    """
    points = min(points, allowance.points)
    return now_us + (await _run(_OWE, key, allowance, now_us, points) or 0)


async def give_back_points(key: str, points: int, allowance: PointAllowance, now_us: int) -> int:
    """Return unused points to the budget.

    Returns the new `free_at` by this process's clock, in microseconds since 1970; `now_us` if the
    budget is full.
    """
    return now_us + (await _run(_GIVE_BACK, key, allowance, now_us, points) or 0)


async def reset_points(quota_key: str | None) -> int:
    """Refill a quota key's budget, or all if None, by deleting rows; return how many."""
    text, key = (_RESET_ALL, f"{PREFIX}%") if quota_key is None else (_RESET, key_of(quota_key))
    return len(await _rows(text, {"key": key}))


async def _run(
    text: str, key: str, allowance: PointAllowance, now_us: int, points: int = 0
) -> int | None:
    """Run a statement and return `free_at` minus now, in microseconds; None if no row matched."""
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
    """Run a statement with named parameters, each of which may occur several times."""
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
    with preserve_tenant_scope():
        bind_tenant(None)  # budgets belong to no tenant
        # Only `execute_query_dict` returns the rows of INSERT … RETURNING.
        return await connection.execute_query_dict(
            text.format(**marks, **fixed), [used[name] for name in given]
        )
