"""The rows of a bulk mutation: what is wrong with each, and what it saved.

Rows are saved as if all at once: none may rely on another row of the call.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from models.rules.checks import Checks
from models.rules.errors import Refusal, RefusalCode, Refused
from models.rules.row_policy import RowPolicy
from models.storage.savepoint import savepoint
from models.storage.time_slice import is_over, pause
from models.tables.audit import ActorContext

Result = TypeVar("Result")
Row = TypeVar("Row", bound="BulkRow")


class RowsRefused(Refused):
    """Rows have errors, and therefore nothing of the call is saved; `rows` are all of its rows."""

    def __init__(self, rows: Sequence["BulkRow"]) -> None:
        super().__init__([one for row in rows for one in row.refusals])
        self.rows = rows


@dataclass(slots=True)
class BulkRow:
    """A row of a call. Its `act` has the faults of its own values only.

    `checks` collects what is wrong; the paths of refusals begin in the row.
    """

    index: int
    act: ActorContext
    checks: Checks = field(init=False)
    refused: Refused | None = None
    saved: dict[str, str] = field(default_factory=dict)
    """The ids of what the row saved, by the names of the result's fields."""
    is_replayed: bool = False
    """Whether an earlier request with the idempotency key of the row's consent saved the row."""

    def __post_init__(self) -> None:
        self.checks = self.act.checks()

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return () if self.refused is None else self.refused.refusals

    async def attempt(self, work: Awaitable[Result]) -> Result | None:
        """Return the result of `work`; None if it, or a check before, refuses the row."""
        if is_over():  # checks may take long without waiting for the database
            await pause()
        try:
            return await self.checks.conclude(work)
        except Refused as refused:
            self.refused = refused
            self.saved.clear()
            return None

    async def write(self, work: Callable[[], Awaitable[Result]]) -> Result | None:
        """Return the result of `work`, whose writes are rolled back if the row is refused."""
        try:
            async with savepoint():
                return await self.checks.conclude(work())
        except Refused as refused:
            self.refused = refused
            self.saved.clear()
            return None


def refuse_rows(rows: Sequence[BulkRow], policy: RowPolicy) -> None:
    """Raise RowsRefused if rows are refused and the policy is to refuse all of them then."""
    if policy is RowPolicy.REFUSE_ALL and any(row.refused is not None for row in rows):
        raise RowsRefused(rows)


def refuse_repeated(rows: Iterable[tuple[BulkRow, Hashable | None]], what: str, *path: str) -> None:
    """Refuse each row that has the same key as an earlier one; rows without a key are passed.

    `what` names the key in the message.
    """
    first: dict[Hashable, int] = {}
    for row, key in rows:
        if key is not None and first.setdefault(key, row.index) != row.index:
            row.checks.refuse(
                RefusalCode.DUPLICATE_ITEM,
                f"Row {first[key]} of this request has the same {what}; rows are counted from 0.",
                *path,
            )


def refuse_same_object(rows: Iterable[tuple[BulkRow, str | None, str]], what: str) -> None:
    """Refuse each row that changes the same object as an earlier one.

    With each row come the id of its object, None for a new one, and the input field that names it.
    `what` names the object in the message.
    """
    first: dict[str, int] = {}
    for row, object_id, path in rows:
        if object_id is not None and first.setdefault(object_id, row.index) != row.index:
            row.checks.refuse(
                RefusalCode.DUPLICATE_ITEM,
                f"Row {first[object_id]} of this request names the same {what}; rows are counted"
                " from 0.",
                path,
            )


def path_of_object(object_id: str | None) -> str:
    """Return the input field that names the object of a row; the id is None if it is not `id`."""
    return "externalReference" if object_id is None else "id"


def below(refusals: Iterable[Refusal], *path: str) -> list[Refusal]:
    """Return refusals with paths that begin with `path`."""
    return [replace(one, path=(*path, *one.path)) for one in refusals]


async def refusals_of(work: Awaitable[Any]) -> tuple[Refusal, ...]:
    """Return the refusals that `work` raises; empty if it succeeds."""
    try:
        await work
    except Refused as refused:
        return refused.refusals
    return ()
