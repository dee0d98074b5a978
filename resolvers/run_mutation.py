"""Runs a mutation in one transaction and returns its payload."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Protocol, TypeVar

import strawberry
from tortoise.models import Model

from models.changes.bulk_rows import RowsRefused
from models.changes.idempotency import (
    IdempotencyConflict,
    IdempotencyKeyReused,
    KeyedRequest,
    earlier_outcome,
    keep_outcome,
)
from models.rules.checks import with_faults
from models.rules.errors import Refusal, Refused
from models.tables.audit import ActorContext
from resolvers.outcome import More, Outcome, payload_of
from resolvers.request_content import DRY_RUN, content_of
from schema.base.context import Info
from schema.base.dry_run_ids import dry_run_ids_in, with_dry_run_ids
from schema.base.field_mapping import models_of
from schema.base.idempotent import in_progress, key_reused
from schema.base.input_faults import faults_in, in_input_order
from schema.base.loaders import Loaders
from schema.base.mutation_fields import MutationPayload
from schema.base.projections import read_by_id
from schema.base.request_notes import note_user_errors
from schema.base.user_error import UserError

Fields = TypeVar("Fields")
Payload = TypeVar("Payload", bound=MutationPayload)
Created = TypeVar("Created")

ROWS = "rows"
"""The input field with the rows of a mutation of many rows."""

NULL_IN_DRY_RUNS = ("deleted_id", "erased_id", "secret", "url")
"""Fields of payloads that are null in a dry run, which deletes nothing and issues no token."""

Input = Annotated[Fields, strawberry.argument()]
"""Type of the only argument of a mutation, as in `input: Input[SaveContactInput]`.

`describe_inputs` gives the argument the description of its type.
"""


class HasDryRun(Protocol):
    """An input with the field `dryRun`, which every mutation has."""

    dry_run: bool | None


async def run_mutation(
    info: Info,
    input_: HasDryRun,
    work: Callable[[ActorContext], Awaitable[Model | Outcome]],
    payload: type[Payload],
    *,
    shows: type | tuple[type, ...] = (),
    more: More | None = None,
    refused_rows: Callable[[RowsRefused], Outcome] | None = None,
) -> Payload:
    """Run `work` in one transaction, which a dry run rolls back, and return the payload.

    `work` returns the outcome, or the changed row, from which the payload is then made. If `work`
    raises Refused, the payload has the user errors, and the current state of the row that the
    refusal is about. If the request has an idempotency key with which the same request was stored
    before, the payload is made from the outcome of that one, and `work` does not run. Raises
    RequestRefused if the key was used for another request, or by one that is running.

    `shows` lists the GraphQL types for which the payload has a field, such as `customer` for
    `Customer`. The row is read for that field only if the document selects it. `more` computes
    further fields of the payload from the outcome. `refused_rows` returns the outcome of a mutation
    of many rows that saved none, because some have errors; each row tells its own errors.
    """
    of_dry_runs = _of_no_row(dry_run_ids_in(input_))
    faults = (*_of_no_row(faults_in(input_)), *of_dry_runs)
    act = replace(info.context.act(), faults=faults)
    is_dry_run = bool(input_.dry_run)
    kinds = shows if isinstance(shows, tuple) else (shows,)
    request = None if is_dry_run else _keyed_request(info, act, input_)

    async def unit() -> Outcome:
        earlier = None if request is None else await earlier_outcome(request)
        if earlier is not None:
            return Outcome(earlier, is_replayed=True)
        done = await work(act)
        act.checks().raise_refusals()
        changed = _outcome_of(done, kinds) if isinstance(done, Model) else done
        if request is not None:
            await keep_outcome(request, changed.values, act.now)
        return changed

    async def unit_with_payload() -> Payload:
        return await payload_of(info, payload, await unit(), more)

    try:
        result = await info.context.database.transaction(unit_with_payload, dry_run=is_dry_run)
    except RowsRefused as refused:
        assert refused_rows is not None  # noqa: S101  # this mutation has rows
        note_user_errors(len(refused.refusals))
        result = await payload_of(info, payload, refused_rows(refused), more)
    except Refused as refused:
        found = with_dry_run_ids(with_faults(refused.refusals, faults), of_dry_runs)
        refusals = in_input_order(input_, found)
        user_errors = [UserError.of(refusal) for refusal in refusals]
        note_user_errors(len(user_errors))
        current = await _shown(info, kinds, refused.current)
        result = payload(**current, user_errors=user_errors)
    except IdempotencyConflict as conflict:
        is_reused = isinstance(conflict, IdempotencyKeyReused)
        raise (key_reused() if is_reused else in_progress()) from conflict
    if result.is_replayed:
        info.context.has_replayed = True
    if is_dry_run:
        _show_as_dry_run(info, result)
    # Rows that the loaders read before the write are stale now.
    info.context.loaders = Loaders()
    return result


def _of_no_row(refusals: Sequence[Refusal]) -> list[Refusal]:
    """Return the refusals that are not about a row of a mutation of many rows."""
    return [one for one in refusals if one.path[:1] != (ROWS,)]


def _keyed_request(info: Info, act: ActorContext, input_: HasDryRun) -> KeyedRequest | None:
    """Return the request for its idempotency key; None if the mutation has no key."""
    key = info.context.idempotency_keys.get(str(info.path.key))
    if key is None:
        return None
    content = content_of(input_, without=DRY_RUN)
    caller, secret = act.principal.quota_key, info.context.idempotency_secret
    return KeyedRequest.of(caller, key, info.field_name, content, secret)


def _outcome_of(row: Model, kinds: tuple[type, ...]) -> Outcome:
    """Return the outcome of a mutation that changed one row."""
    return Outcome({_field_for(kind)[0]: row.pk for kind in _kinds_of(row, kinds)})


def _show_as_dry_run(info: Info, payload: MutationPayload) -> None:
    """Say in a payload that it comes from a dry run; the engine will mark the ids in it."""
    payload.is_dry_run = True
    for name in NULL_IN_DRY_RUNS:
        if hasattr(payload, name):
            setattr(payload, name, None)
    info.context.dry_runs.add(str(info.path.key))


async def _shown(info: Info, kinds: tuple[type, ...], row: Model | None) -> dict[str, Any]:
    """Return the field of the payload that shows the row, as keyword arguments of the payload.

    Empty if there is no row to show, or if the payload has no field for rows of its type.
    """
    # A refusal of `eraseContact` can be about a deleted contact, which is never shown.
    if row is None or getattr(row, "deleted_at", None) is not None:
        return {}
    for kind in _kinds_of(row, kinds):
        name, graphql_name = _field_for(kind)
        return {name: await read_by_id(info, kind, row.pk, graphql_name)}
    return {}


def _kinds_of(row: Model, kinds: tuple[type, ...]) -> list[type]:
    """Return the GraphQL type of a row, if it is among `kinds`."""
    return [kind for kind in kinds if isinstance(row, models_of[kind])][:1]


@cache
def _field_for(kind: type) -> tuple[str, str]:
    """Return the name of a payload's field for a type: in Python, and in GraphQL."""
    name = kind.__name__
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(), f"{name[0].lower()}{name[1:]}"


def given(input_: Any, *names: str) -> dict[str, Any]:
    """Return the named fields of an input that the client sent; an explicit null is None."""
    values = {name: getattr(input_, name) for name in names}
    return {name: value for name, value in values.items() if value is not strawberry.UNSET}


async def created(
    act: ActorContext, expected_version: int | None, work: Awaitable[Created]
) -> Created:
    """Return the result of `work`, which creates an object.

    Refuses `expectedVersion`: the client has probably forgotten the `id`.
    """
    checks = act.checks()
    checks.refuse_version_of_new(expected_version)
    return await checks.conclude(work)
