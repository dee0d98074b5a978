"""Reads the query parameters of downloads and uploads.

A wrong parameter is refused with the error that the GraphQL endpoint has for a wrong variable.
"""

from collections.abc import Collection
from datetime import datetime
from enum import Enum
from typing import TypeVar

from starlette.requests import Request

from models.rules.errors import RefusalCode
from models.rules.text import nearest
from schema.base.errors import ErrorCode, RequestRefused
from schema.engine.plan.variable_faults import MAX_NAME, UNKNOWN_FIELD

Choice = TypeVar("Choice", bound=Enum)


def refuse_others(request: Request, *known: str, repeated: Collection[str] = ()) -> None:
    """Raise RequestRefused if a parameter is given twice, or is not one of the `known` ones.

    Those in `repeated` are known too, and may be given several times. A parameter that is ignored
    could make a download return more than its caller asked for, or an upload store what it should
    only check.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name in repeated:
            continue
        if name not in known:
            sent = name[:MAX_NAME]
            like = nearest(sent, [*known, *repeated])
            hint = "" if like is None else f" Did you mean `{like}`?"
            message = f"There is no parameter `{sent}`.{hint}"
            raise _refused(sent, UNKNOWN_FIELD, message)
        if names.count(name) > 1:
            message = f"The parameter `{name}` may be given only once."
            raise _refused(name, RefusalCode.DUPLICATE_ITEM, message)


def text_of(request: Request, name: str) -> str:
    """Return a parameter that must be there; raises RequestRefused if it is missing or damaged."""
    text = request.query_params.get(name, "")
    if not text:
        raise _refused(name, RefusalCode.REQUIRED, f"The parameter `{name}` is required.")
    _refuse_nul(name, text)
    return text


def optional_text_of(request: Request, name: str) -> str | None:
    """Return a parameter; None if it is missing. Raises RequestRefused if it is empty."""
    if request.query_params.get(name) == "":
        message = f"The parameter `{name}` is empty; leave it out, or send a value."
        raise _refused(name, RefusalCode.BLANK, message)
    return text_of(request, name) if name in request.query_params else None


def texts_of(request: Request, name: str) -> list[str] | None:
    """Return the values of a parameter, which may be repeated; None if it is missing."""
    texts = request.query_params.getlist(name)
    _refuse_nul(name, *texts)
    return texts or None


def choices_of(request: Request, name: str, kind: type[Choice]) -> list[Choice] | None:
    """Return the members of an enum that a parameter names, which may be repeated.

    None if it is missing; raises RequestRefused for any other value.
    """
    texts = request.query_params.getlist(name)
    known = [str(one.value) for one in kind]
    if any(text not in known for text in texts):
        message = f"The parameter `{name}` must be one of {', '.join(known)}."
        raise _refused(name, RefusalCode.BAD_FORMAT, message)
    return [kind(text) for text in texts] or None


def choice_of(request: Request, name: str, kind: type[Choice]) -> Choice | None:
    """Return the member of an enum that a parameter names; None if it is missing."""
    choices = choices_of(request, name, kind)
    return choices[-1] if choices else None


def optional_flag_of(request: Request, name: str) -> bool | None:
    """Return whether a parameter is true; None if it is missing."""
    return flag_of(request, name) if name in request.query_params else None


def instant_of(request: Request, name: str) -> datetime:
    """Return a required date-time, which may lack an offset; raises RequestRefused if wrong."""
    try:
        return datetime.fromisoformat(text_of(request, name))
    except ValueError:
        message = f"The parameter `{name}` must be a date-time such as 2026-10-01T00:00:00Z."
        raise _refused(name, RefusalCode.BAD_FORMAT, message) from None


def flag_of(request: Request, name: str) -> bool:
    """Return a parameter that is false if missing; raises RequestRefused if it is wrong."""
    text = request.query_params.get(name, "false")
    if text not in {"true", "false"}:
        message = f"The parameter `{name}` must be true or false."
        raise _refused(name, RefusalCode.BAD_FORMAT, message)
    return text == "true"


def _refuse_nul(name: str, *texts: str) -> None:
    if any("\x00" in text for text in texts):
        message = f"The parameter `{name}` must not contain the character NUL."
        raise _refused(name, RefusalCode.BAD_FORMAT, message)


def _refused(name: str, code: str, message: str) -> RequestRefused:
    fault = {"variable": name, "path": [], "code": str(code), "message": message}
    return RequestRefused(ErrorCode.BAD_USER_INPUT, message, faults=[fault])
