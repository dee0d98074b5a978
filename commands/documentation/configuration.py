"""Generates the page of settings: each variable with its type, range, default and meaning."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from commands.documentation.markdown import code, table
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


SECTIONS = {
    "host": "Listening",
    "database_url": "Database",
    "log_format": "Logs",
    "running_requests": "Concurrency",
    "max_request_bytes": "Limits of one request",
    "max_cost": "Cost and time",
    "introspection": "Schema and documents",
    "cors_origins": "Browsers, proxies and connections",
    "worker_slots": "Jobs",
    "keep_jobs_days": "Retention",
    "companies_house_api_key": "Companies House",
    "consent_needs_verified_email": "Consent and personal data",
    "public_url": "Links and mails",
    "webhook_keys": "Webhooks",
    "oidc_issuer": "Identity provider",
    "connection_subscriptions": "WebSockets",
}
"""The title of each section by the section's first setting, in the order of `Settings`."""


def configuration_page(fields: Mapping[str, FieldInfo] = Settings.model_fields) -> str:
    """Return the page of settings.

    Raises ValueError if a setting has no description, or SECTIONS names an unknown setting.
    """
    told = {name: field.description for name, field in fields.items()}
    bare = [name for name, description in told.items() if not description]
    lost = sorted(SECTIONS.keys() - fields.keys())
    if bare or lost:
        raise ValueError(
            f"settings.py: describe {bare or 'nothing more'};"
            f" no settings in SECTIONS of commands/documentation/configuration.py: {lost}"
        )
    rows: dict[str, list[tuple[str, str, str, str]]] = {}
    title = ""
    for name, field in fields.items():
        title = SECTIONS.get(name, title)
        row = (code(name.upper()), _type_of(field), _default_of(field), told[name] or "")
        rows.setdefault(title, []).append(row)
    titles = ("Variable", "Type", "Default", "Meaning")
    parts = (f"## {section}\n\n{table(titles, listed)}" for section, listed in rows.items())
    return "\n".join((INTRODUCTION, *parts))


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
    # Default paths are in the checkout, whose place differs between machines.
    return code(str(default).replace(str(ROOT), "<checkout>"))
