"""Runs what a mutation does: one transaction, refusals turned into user errors, dry runs undone."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import strawberry

from models.rules.errors import RefusalCode, Refused
from models.rules.errors import refuse as refusal
from models.tables.audit import ActorContext
from schema.base.context import Info
from schema.base.loaders import Loaders
from schema.base.request_notes import note_user_errors
from schema.base.user_error import UserError

Result = TypeVar("Result")
Payload = TypeVar("Payload")


class Input(Protocol):
    """What every mutation's input has."""

    dry_run: bool | None


async def run_mutation(
    info: Info,
    input_: Input,
    work: Callable[[ActorContext], Awaitable[Result]],
    succeed: Callable[[Result], Awaitable[Payload]],
    refuse: Callable[[list[UserError], Any], Awaitable[Payload]],
) -> Payload:
    """Do the work in one transaction and give the payload.

    `succeed` makes the payload within the transaction, so that a dry run shows what would be.
    `refuse` makes that of a refusal, from the user errors and, after a version conflict or a
    refused deletion, from the row as it is.
    """
    act = info.context.act()

    async def unit() -> Payload:
        return await succeed(await work(act))

    try:
        payload = await info.context.database.transaction(unit, dry_run=bool(input_.dry_run))
    except Refused as refused:
        note_user_errors(len(refused.refusals))
        payload = await refuse(_user_errors(refused), refused.current)
    # What was read before the write would be stale below the payload.
    info.context.loaders = Loaders()
    return payload


def given(input_: Any, *names: str) -> dict[str, Any]:
    """Give those fields of an input that the caller sent, an explicit null included."""
    values = {name: getattr(input_, name) for name in names}
    return {name: value for name, value in values.items() if value is not strawberry.UNSET}


def refuse_version_of_nothing(expected_version: int | None) -> None:
    """Refuse to create when a version is expected: the caller meant an object and lost its id."""
    if expected_version is not None:
        raise refusal(
            RefusalCode.INVALID,
            "A new object has no version to expect; was its id left out?",
            "expectedVersion",
        )


def _user_errors(refused: Refused) -> list[UserError]:
    return [UserError.of(refusal) for refusal in refused.refusals]
