"""The mutation that links to an export."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from models.changes.export_link import create_export_link
from models.rules.checks import Checks
from models.rules.errors import RefusalCode
from models.tables.audit import ActorContext
from models.tables.event_feed import platform_secret
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, run_mutation
from schema.base.context import Info
from schema.base.input_values import MAX_SHOWN, fault_of_value
from schema.base.permissions import require
from schema.types.export import EXPORTS, Export
from schema.types.export_changes import CreateExportInput, CreateExportPayload


async def create_export(info: Info, input: Input[CreateExportInput]) -> CreateExportPayload:
    export = EXPORTS[input.kind]
    for scope in export.scopes:
        require(info, scope)
    context = info.context
    key = context.export_secret or await platform_secret()

    async def work(act: ActorContext) -> Outcome:
        checks = act.checks()
        filter_: Any = {} if input.filter is None else input.filter
        _check(checks, info, export, filter_)
        checks.raise_refusals()
        text, expires_at = await create_export_link(
            act, input.kind, input.format, filter_, context.export_lifetime, key
        )
        path = f"/exports/{input.kind}.{input.format}?{urlencode({'link': text})}"
        url = f"{context.links_begin_with}{path}"
        return outcome(expires_at=expires_at.isoformat(), shown_once={"url": url})

    async def more(values: Mapping[str, Any]) -> dict[str, Any]:
        return {"expires_at": datetime.fromisoformat(values["expires_at"])}

    return await run_mutation(info, input, work, CreateExportPayload, more=more)


def _check(checks: Checks, info: Info, export: Export, filter_: Any) -> None:
    """Add a refusal if the filter is not one of the list."""
    fault = _fault(info, export, filter_)
    if fault is not None:
        message = f"The filter does not fit the list: {fault}."
        checks.refuse(RefusalCode.BAD_FORMAT, message, "filter")


def _fault(info: Info, export: Export, filter_: Any) -> str | None:
    if not isinstance(filter_, dict):
        return "it must be an object"
    for name, value in export.arguments(filter_).items():
        if name not in export.types:
            return f"`{name[:MAX_SHOWN]}` is not a member of it"
        fault = fault_of_value(info, export.types[name], value)
        if fault is not None:
            return fault
    return None
