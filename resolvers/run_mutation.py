"""Runs a mutation in one transaction and returns its payload."""

import re
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Annotated, Any, Protocol, TypeVar

import strawberry
from tortoise.models import Model

from models.rules.errors import RefusalCode, Refused, refuse
from models.tables.audit import ActorContext
from schema.base.context import Info
from schema.base.field_mapping import models_of
from schema.base.loaders import Loaders
from schema.base.projections import read_by_id
from schema.base.request_notes import note_user_errors
from schema.base.user_error import UserError

Fields = TypeVar("Fields")
Payload = TypeVar("Payload")

Input = Annotated[
    Fields,
    strawberry.argument(description="What to do; the input type describes each of its fields."),
]
"""Type of the only argument of a mutation, as in `input: Input[SaveContactInput]`."""


class HasDryRun(Protocol):
    """An input with the field `dryRun`, which every mutation has."""

    dry_run: bool | None


async def run_mutation(
    info: Info,
    input_: HasDryRun,
    work: Callable[[ActorContext], Awaitable[Model | Payload]],
    payload: Callable[..., Payload],
    *,
    shows: type | tuple[type, ...] = (),
) -> Payload:
    """Run `work` in one transaction, which a dry run rolls back, and return the payload.

    `work` returns the payload, or the changed row, from which the payload is then made. If `work`
    raises Refused, the payload has the user errors, and the current state of the row that the
    refusal is about.

    `shows` lists the GraphQL types for which the payload has a field, such as `customer` for
    `Customer`. The row is read for that field only if the document selects it.
    """
    act = info.context.act()
    kinds = shows if isinstance(shows, tuple) else (shows,)

    async def unit() -> Payload:
        done = await work(act)
        return payload(**await _shown(info, kinds, done)) if isinstance(done, Model) else done

    try:
        result = await info.context.database.transaction(unit, dry_run=bool(input_.dry_run))
    except Refused as refused:
        user_errors = [UserError.of(refusal) for refusal in refused.refusals]
        note_user_errors(len(user_errors))
        current = await _shown(info, kinds, refused.current)
        result = payload(**current, user_errors=user_errors)
    # Rows that the loaders read before the write are stale now.
    info.context.loaders = Loaders()
    return result


async def _shown(info: Info, kinds: tuple[type, ...], row: Model | None) -> dict[str, Any]:
    """Return the field of the payload that shows the row, as keyword arguments of the payload.

    Empty if there is no row to show, or if the payload has no field for rows of its type.
    """
    # A refusal of `eraseContact` can be about a deleted contact, which is never shown.
    if row is None or getattr(row, "deleted_at", None) is not None:
        return {}
    for kind in kinds:
        if isinstance(row, models_of[kind]):
            name, graphql_name = _field_for(kind)
            return {name: await read_by_id(info, kind, row.pk, graphql_name)}
    return {}


@cache
def _field_for(kind: type) -> tuple[str, str]:
    """Return the name of a payload's field for a type: in Python, and in GraphQL."""
    name = kind.__name__
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(), f"{name[0].lower()}{name[1:]}"


def given(input_: Any, *names: str) -> dict[str, Any]:
    """Return the named fields of an input that the client sent; an explicit null is None."""
    values = {name: getattr(input_, name) for name in names}
    return {name: value for name, value in values.items() if value is not strawberry.UNSET}


def refuse_version_of_nothing(expected_version: int | None) -> None:
    """Raise Refused if `expectedVersion` is set when an object is to be created.

    The client has probably forgotten the `id`.
    """
    if expected_version is not None:
        raise refuse(
            RefusalCode.INVALID,
            "A new object has no version yet. To change an object, send its `id` too; to create"
            " one, leave `expectedVersion` out.",
            "expectedVersion",
        )
