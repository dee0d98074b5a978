"""Renames the values of audit entries from stored names to those of the schema."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.rules.api_name import api_name
from models.rules.event_type import EventType
from models.tables.access import Scope

SCOPES = {"permissions", "scopes"}
"""Names of values that are lists of permissions, which the schema has as an enum."""

EVENT_TYPES = "event_types"
"""The name of a value that is a list of types of events, which the schema has as an enum."""

_SCOPE_NAMES = {scope.value: scope.name for scope in Scope}
_TYPE_NAMES = {kind.value: kind.name for kind in EventType}


def api_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with the names that the schema has for them, at all levels."""
    return {
        api_name(name): _enum_names(name, value) if isinstance(value, list) else _renamed(value)
        for name, value in values.items()
    }


def _enum_names(name: str, values: Sequence[Any]) -> list[Any]:
    """Return a list with the names of enum values in place of the stored codes."""
    if name in SCOPES:
        return [_SCOPE_NAMES.get(code, code) for code in values]
    if name == EVENT_TYPES:
        return [_TYPE_NAMES.get(code, code) for code in values]
    renamed: list[Any] = _renamed(values)
    return renamed


def _renamed(value: Any) -> Any:
    if isinstance(value, dict):
        return api_values(value)
    return [_renamed(one) for one in value] if isinstance(value, list) else value
