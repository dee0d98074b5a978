"""Refuses changes of the contract that break clients without notice.

`python -m tests.contract_changes` compares the printed schema with the last released one. A part of
the contract may be removed or changed from the day on which the released schema says that it is
removed. With `--release`, the printed schema becomes the released one.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from graphql import (
    BreakingChangeType,
    DangerousChangeType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    find_schema_changes,
)

from schema.base.deprecation import FORM, removal_day
from tests.contract_expiry import deprecations, malformed, without_expired

ROOT = Path(__file__).resolve().parent.parent
PRINTED = ROOT / "schema" / "schema.graphql"
RELEASED = ROOT / "schema" / "released.graphql"

NOTICE = timedelta(days=90)
"""How long before its removal a part must be deprecated in a release."""

COORDINATE = re.compile(r"[A-Za-z_]\w*\.\w+(\(\w+:\))?")
MADE_REQUIRED = {
    BreakingChangeType.REQUIRED_ARG_ADDED,
    BreakingChangeType.REQUIRED_INPUT_FIELD_ADDED,
    BreakingChangeType.REQUIRED_DIRECTIVE_ARG_ADDED,
}


@dataclass
class Changes:
    """How a schema differs from the released one, in sentences."""

    refused: list[str] = field(default_factory=list)
    """Changes that break clients without notice, each with what to do."""
    dangerous: list[str] = field(default_factory=list)
    """Changes that can surprise clients, such as another enum value."""


def changes(released: str, printed: str, today: date) -> Changes:
    """Compare the SDL of a schema with that of the released one."""
    before, after = build_schema(released), build_schema(printed)
    promised = build_schema(without_expired(released, today), assume_valid=True)
    told = deprecations(before)
    found = Changes()
    for change in find_schema_changes(promised, after):
        if isinstance(change.type, BreakingChangeType) and "Standard scalar" not in (
            change.description
        ):
            found.refused.append(f"{change.description}\n    {_advice(change, told, today)}")
    found.refused += [f"{what}\n    {advice}" for what, advice in _narrowed(promised, after)]
    found.dangerous += [
        change.description
        for change in find_schema_changes(before, after)
        if isinstance(change.type, DangerousChangeType)
    ]
    return found


def too_soon(released: str, printed: str, today: date) -> Iterator[str]:
    """Yield what a release would announce for a day before the end of the notice."""
    old = deprecations(build_schema(released))
    for coordinate, reason in deprecations(build_schema(printed)).items():
        day, before = removal_day(reason), removal_day(old.get(coordinate, ""))
        is_news = before is None or (day is not None and day < before)
        if day is not None and is_news and day < today + NOTICE:
            yield (
                f"{coordinate} would be removed on {day}.\n    A release must announce it"
                f" {NOTICE.days} days before: set {today + NOTICE} or later."
            )


def _advice(change: object, told: Mapping[str, str], today: date) -> str:
    description, kind = change.description, change.type  # type: ignore[attr-defined]  # a change
    if kind in MADE_REQUIRED:
        return "Make it optional: its type nullable, or with a default."
    match = COORDINATE.search(description)
    coordinate = match.group() if match else ""
    reason = told.get(coordinate) or told.get(coordinate.partition("(")[0])
    if reason is None:
        return (
            "It is not deprecated in schema/released.graphql. Keep it as it was, with"
            f' @deprecated(reason: "{FORM}"), and add what replaces it beside it. It may go on'
            f" that day, at least {NOTICE.days} days after the release."
        )
    day = removal_day(reason)
    if day is None:
        return f'Its deprecation names no day: "{reason}". Release one like "{FORM}" first.'
    return f'Clients were told "{reason}". Keep it for another {(day - today).days} days.'


def _narrowed(before: GraphQLSchema, after: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Yield changes that graphql-core does not look for: of permissions, and of @oneOf."""
    for name, kind in before.type_map.items():
        other = after.type_map.get(name)
        if isinstance(kind, GraphQLInputObjectType) and isinstance(other, GraphQLInputObjectType):
            if other.is_one_of and not kind.is_one_of:
                yield f"{name} became @oneOf.", "Add another input instead."
        elif not (isinstance(kind, GraphQLObjectType) and isinstance(other, GraphQLObjectType)):
            continue
        for key, part in kind.fields.items():
            if key not in other.fields:
                continue
            old, new = _permissions(part), _permissions(other.fields[key])
            if new and (not old or not old <= new):
                lost = ", ".join(sorted(old - new)) or "no permission"
                yield (
                    f"{name}.{key} needs other permissions: callers with {lost} would be refused.",
                    "Keep the permission, or add another field with the new one.",
                )


def _permissions(part: object) -> frozenset[str]:
    """Return the permissions in `@requiresPermission`, of which a caller needs one."""
    node = part.ast_node  # type: ignore[attr-defined]  # None for introspection
    return frozenset(
        value.value
        for directive in getattr(node, "directives", None) or ()
        if directive.name.value == "requiresPermission"
        for argument in directive.arguments
        for value in argument.value.values
    )


def report(released: str, printed: str, today: date, *, is_release: bool) -> tuple[list[str], bool]:
    """Return the lines to print, and whether the change is accepted."""
    found = changes(released, printed, today)
    lines: list[str] = []
    if found.dangerous:
        lines += ["Changes that clients may have to know (put them into the changelog):"]
        lines += [f"  {one}" for one in found.dangerous]
    faults = {
        "These changes break clients:": found.refused,
        f'These deprecations have no reason of the form "{FORM}":': list(
            malformed(build_schema(printed))
        ),
        "These removals come too soon:": (
            list(too_soon(released, printed, today)) if is_release else []
        ),
    }
    for title, entries in faults.items():
        if entries:
            lines += [title, *(f"  {one}" for one in entries)]
    return lines, not any(faults.values())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--today", type=date.fromisoformat, default=datetime.now(UTC).date())
    parser.add_argument("--release", action="store_true")
    parser.add_argument("--released", type=Path, default=RELEASED)
    parser.add_argument("--printed", type=Path, default=PRINTED)
    asked = parser.parse_args(arguments)
    printed = asked.printed.read_text()
    released = asked.released.read_text() if asked.released.exists() else printed
    lines, is_accepted = report(released, printed, asked.today, is_release=asked.release)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    if is_accepted and asked.release:
        asked.released.write_text(printed)
    return 0 if is_accepted else 1


if __name__ == "__main__":
    sys.exit(main())
