"""Runs the mutations that save many rows in one call."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, Protocol, TypeVar

from models.changes.bulk_rows import BulkRow, RowsRefused
from models.rules.checks import Checks
from models.rules.errors import Refusal, RefusalCode, StaleVersion
from models.rules.row_policy import MAX_ROWS, RowPolicy
from models.storage.sql import ALWAYS
from models.tables.audit import ActorContext
from resolvers.outcome import Outcome
from resolvers.run_mutation import ROWS, run_mutation
from schema.base.context import Info
from schema.base.dry_run_ids import dry_run_ids_in, with_dry_run_ids
from schema.base.field_mapping import models_of
from schema.base.input_faults import faults_in, in_input_order
from schema.base.projections import read_by_ids
from schema.base.user_error import UserError
from schema.types.bulk_changes import BulkPayload
from schema.types.node_kinds import rows_within

Fields = TypeVar("Fields")
Row = TypeVar("Row", bound=BulkRow)
Payload = TypeVar("Payload", bound=BulkPayload)

Also = Callable[[Sequence[Mapping[str, Any]]], Awaitable[Sequence[dict[str, Any]]]]
"""Computes further fields of each result from the stored outcomes of all rows."""

RESULTS, ERRORS = "results", "errors"


class BulkInput(Protocol):
    """The input of a mutation of many rows."""

    rows: list[Any]
    row_policy: RowPolicy
    dry_run: bool | None


@dataclass(frozen=True, slots=True)
class RowKind(Generic[Fields, Row]):
    """What a mutation does with its rows.

    `make` makes the row of an input; `save` saves all rows. `result` is the type of the results, of
    which `objects` are the fields with objects, each with its type.
    """

    make: Callable[[int, ActorContext, Fields], Row]
    save: Callable[[ActorContext, Sequence[Row], RowPolicy], Awaitable[None]]
    result: type[Any]
    objects: Mapping[str, type]
    check: Callable[[Checks, Sequence[Fields]], None] | None = None
    """Checks the rows of a call together."""


async def run_bulk(
    info: Info,
    input_: BulkInput,
    kind: RowKind[Any, Row],
    payload: type[Payload],
    also: Also | None = None,
) -> Payload:
    """Run a mutation of many rows in one transaction, and return its payload.

    A fault of the call itself, such as too many rows, is a user error of the payload. Other errors
    are those of results.
    """
    made: list[Row] = []

    async def work(act: ActorContext) -> Outcome:
        checks = act.checks()
        _check_count(checks, input_.rows)
        if kind.check is not None:
            kind.check(checks, input_.rows)
        checks.raise_refusals()
        made[:] = [
            kind.make(index, replace(act, faults=_faults_of(row)), row)
            for index, row in enumerate(input_.rows)
        ]
        await kind.save(act, made, input_.row_policy)
        return _outcome(made, kind)

    async def more(values: Mapping[str, Any]) -> dict[str, Any]:
        stored: Sequence[Mapping[str, Any]] = values[RESULTS]
        told = [_user_errors(row, fields) for row, fields in zip(made, input_.rows, strict=False)]
        if not made:  # this request repeats an earlier one
            told = [_stored_errors(index, one[ERRORS]) for index, one in enumerate(stored)]
        return {RESULTS: await _results(info, kind, stored, told, also, is_replayed=not made)}

    def refused(rows: RowsRefused) -> Outcome:
        return _outcome(rows.rows, kind, is_saved=False)

    return await run_mutation(info, input_, work, payload, more=more, refused_rows=refused)


def _check_count(checks: Checks, rows: Sequence[Any]) -> None:
    if not rows:
        checks.refuse(RefusalCode.TOO_FEW_ITEMS, "Send at least one row.", ROWS, minimum=1)
    if len(rows) > MAX_ROWS:
        message = f"You can send at most {MAX_ROWS} rows at once."
        checks.refuse(RefusalCode.TOO_MANY_ITEMS, message, ROWS, limit=MAX_ROWS)


def _faults_of(row: Any) -> tuple[Refusal, ...]:
    return (*faults_in(row), *dry_run_ids_in(row))


def _outcome(rows: Sequence[BulkRow], kind: RowKind[Any, Any], *, is_saved: bool = True) -> Outcome:
    """Return the outcome of a call, which has ids and codes, and no data of a person."""
    refused = sum(row.refused is not None for row in rows)
    results = [
        {
            **dict.fromkeys(kind.objects),
            **(row.saved if is_saved and row.refused is None else _current(row, kind)),
            "is_replayed": is_saved and row.is_replayed,
            ERRORS: [[one.code.value, list(one.path), one.retryable] for one in row.refusals],
        }
        for row in rows
    ]
    saved = len(rows) - refused if is_saved else 0
    return Outcome({RESULTS: results, "saved_count": saved, "refused_count": refused})


def _current(row: BulkRow, kind: RowKind[Any, Any]) -> dict[str, str]:
    """Return the id of the object whose version is not the expected one, by the result's field."""
    if not isinstance(row.refused, StaleVersion):
        return {}
    current = row.refused.current
    return {
        name: current.pk
        for name, type_ in kind.objects.items()
        if isinstance(current, models_of[type_])
    }


async def _results(
    info: Info,
    kind: RowKind[Any, Any],
    stored: Sequence[Mapping[str, Any]],
    told: Sequence[list[UserError]],
    also: Also | None,
    *,
    is_replayed: bool,
) -> list[Any]:
    """Return the results of all rows; each kind of object is read with one query."""
    found: dict[str, dict[str, Any]] = {}
    for name, type_ in kind.objects.items():
        ids = list(dict.fromkeys(one[name] for one in stored if one[name] is not None))
        within = rows_within(info, type_) if is_replayed else ALWAYS
        objects: list[Any] = await read_by_ids(info, type_, ids, RESULTS, name, within=within)
        found[name] = {one.id: one for one in objects}
    further = await also(stored) if also is not None else [{} for _ in stored]
    results = []
    for index, (one, errors, rest) in enumerate(zip(stored, told, further, strict=True)):
        objects_of_row = {name: found[name].get(one[name]) for name in kind.objects}
        result = kind.result(index=index, user_errors=errors, **objects_of_row, **rest)
        if hasattr(result, "is_replayed"):
            result.is_replayed = one["is_replayed"]
        results.append(result)
    return results


def _user_errors(row: BulkRow, fields: Any) -> list[UserError]:
    refusals = with_dry_run_ids(row.refusals, dry_run_ids_in(fields)) if row.refused else []
    return [
        UserError.of(replace(one, path=(ROWS, str(row.index), *one.path)))
        for one in in_input_order(fields, refusals)
    ]


def _stored_errors(index: int, errors: Sequence[Any]) -> list[UserError]:
    """Return the errors of a row in a request that is repeated; their texts are not stored."""
    return [
        UserError.of(
            Refusal(
                RefusalCode(code),
                "This row was refused when the request was first sent.",
                (ROWS, str(index), *path),
                hint="Send the corrected row with a new idempotency key.",
                retryable=retryable,
            )
        )
        for code, path, retryable in errors
    ]
