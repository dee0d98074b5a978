"""The mutation that links to an export."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from models.changes.export_link import create_export_link
from models.rules.checks import Checks
from models.rules.errors import RefusalCode
from models.rules.export import ExportKind
from models.tables.access import SYSTEM
from models.tables.audit import ActorContext
from models.tables.event_feed import platform_secret
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, run_mutation
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.input_faults import faults_of
from schema.types.export import EXPORTS
from schema.types.export_changes import CreateExportInput, CreateExportPayload

FILTER = "filter"
MAX_NAME = 100
"""Maximum characters of a name that the client sent, in an error."""


async def create_export(info: Info, input: Input[CreateExportInput]) -> CreateExportPayload:
    context = info.context
    key = context.export_secret or await platform_secret()
    filter_: Any = {} if input.filter is None else input.filter
    is_kind_known = "kind" not in faults_of(input)
    faults = await _faults(info, input.kind, filter_) if is_kind_known else {}

    async def work(act: ActorContext) -> Outcome:
        checks = act.checks()
        _refuse(checks, faults)
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


def _refuse(checks: Checks, faults: Mapping[tuple[str, ...], str]) -> None:
    """Add a refusal of each fault of the filter, which are messages by their paths."""
    for path, message in faults.items():
        checks.refuse(RefusalCode.BAD_FORMAT, message, *path)


async def _faults(info: Info, kind: ExportKind, filter_: Any) -> dict[tuple[str, ...], str]:
    """Return what is wrong with a filter, as messages by their paths.

    Raises RequestRefused if the holder of the link could not download the list with this filter.
    """
    export, context = EXPORTS[kind], info.context
    if not isinstance(filter_, dict):
        return {(FILTER,): "The filter must be an object, such as `{ isReseller: true }`."}
    unknown = export.arguments(filter_).keys() - export.types.keys()
    if unknown:
        names = sorted(name[:MAX_NAME] for name in unknown)
        return {(FILTER, name): f"`{name}` is not a member of the filter." for name in names}
    principal = context.principal or SYSTEM
    holder = replace(principal, scopes=principal.lasting)
    try:
        assert context.check_export is not None  # noqa: S101  # links are only made where it is set
        await context.check_export(context.request_id, holder, kind, filter_)
    except RequestRefused as refused:
        if refused.code is not ErrorCode.BAD_USER_INPUT:
            raise
        faults = (refused.extensions or {}).get("faults", ())
        return {_path_of(fault): fault["message"] for fault in faults} or {
            (FILTER,): refused.message
        }
    return {}


def _path_of(fault: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the path in the input for a fault of a variable, or argument, of an export."""
    variable = fault.get("variable") or fault["argument"]
    return (FILTER, *([] if variable == FILTER else [variable]), *fault["path"])
