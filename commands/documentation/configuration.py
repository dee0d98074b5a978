"""The page of settings: each variable with its type, default, range and meaning."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from commands.documentation.markdown import code, table
from commands.documentation.setting_descriptions import SECTIONS
from settings import ROOT, Settings

INTRODUCTION = """# Configuration

Settings are environment variables. An empty variable counts as absent. A value that makes no sense
stops the process before it starts, with a message that names the variable; `manage.py check` lists
everything that is wrong for production.
"""
TYPES: Mapping[Any, str] = {
    bool: "true or false",
    float: "number",
    int: "integer",
    str: "text",
    Path: "path",
    SecretStr: "text, secret",
}
SIGNS = ((Ge, "ge", "from"), (Gt, "gt", "above"), (Le, "le", "to"), (Lt, "lt", "below"))


def configuration_page(
    fields: Mapping[str, FieldInfo] = Settings.model_fields,
    sections: Mapping[str, Mapping[str, str]] = SECTIONS,
) -> str:
    """Return the page; raises ValueError if a setting has no description, or the reverse."""
    described = {name for names in sections.values() for name in names}
    if described != fields.keys():
        raise ValueError(
            "SECTIONS in commands/documentation/setting_descriptions.py must describe every field"
            f" of Settings in settings.py, and nothing else: {sorted(described ^ fields.keys())}"
        )
    return "\n".join((INTRODUCTION, *_parts(fields, sections)))


def _parts(
    fields: Mapping[str, FieldInfo], sections: Mapping[str, Mapping[str, str]]
) -> Iterator[str]:
    for title, names in sections.items():
        rows = [
            (code(name.upper()), _type_of(fields[name]), _default_of(fields[name]), description)
            for name, description in names.items()
        ]
        yield f"## {title}\n\n{table(('Variable', 'Type', 'Default', 'Meaning'), rows)}"


def _type_of(field: FieldInfo) -> str:
    kinds = [kind for kind in get_args(field.annotation) if kind is not NoneType]
    optional = NoneType in get_args(field.annotation)
    kind = kinds[0] if optional else field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(code(choice) for choice in get_args(kind))
    if get_origin(kind) is tuple:
        return "list"
    return " ".join((TYPES[kind], *_range_of(field)))


def _range_of(field: FieldInfo) -> Iterator[str]:
    for bound, attribute, word in SIGNS:
        for part in field.metadata:
            if isinstance(part, bound):
                yield f"{word} {getattr(part, attribute):,}"


def _default_of(field: FieldInfo) -> str:
    default = field.default
    if default is None or default == ():
        return "none"
    if isinstance(default, bool):
        return code(str(default).lower())
    if isinstance(default, float):
        default = f"{default:g}" if default < 1 else f"{default:.0f}"
    # Paths are below the checkout, wherever that is.
    return code(str(default).replace(str(ROOT), "<checkout>"))
