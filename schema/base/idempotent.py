"""The directive `@idempotent`, and the errors about idempotency keys."""

import strawberry
from strawberry.directive import DirectiveLocation, DirectiveValue

from models.rules.idempotency import MAX_KEY, is_key
from schema.base.errors import ErrorCode, RequestRefused

NAME, KEY = "idempotent", "key"
"""The names of the directive and of its argument."""

HEADER = "Idempotency-Key"

RETRY_AFTER_S = 1

KEY_DESCRIPTION = (
    f"The key: 1 to {MAX_KEY} visible ASCII characters, chosen by you; best a UUID in a variable, a"
    " new one for each change that you want to make."
)


@strawberry.directive(
    locations=[DirectiveLocation.FIELD],
    name=NAME,
    description="Makes a mutation safe to repeat. A repeat of the same request with the same key"
    " changes nothing, and is answered from what the first one stored, with `isReplayed: true`."
    " Another request with the key is refused (IDEMPOTENCY_KEY_REUSED). Only for fields of"
    f" `Mutation`. The HTTP header `{HEADER}` does the same for a request with one mutation.",
)
def idempotent(value: DirectiveValue[str], key: str) -> str:  # noqa: ARG001  # names the argument
    """Declare the directive; this is never called, as `run_mutation` does the work."""
    return value


def invalid_key(name: str) -> RequestRefused:
    """Return the error for a text that cannot be a key; `name` says where it was sent."""
    return RequestRefused(
        ErrorCode.IDEMPOTENCY_KEY_INVALID,
        f"{name} must have 1 to {MAX_KEY} visible ASCII characters, and no spaces.",
        limit=MAX_KEY,
    )


def checked_key(key: str, name: str) -> str:
    """Return a key; raises RequestRefused if a text cannot be one."""
    if not is_key(key):
        raise invalid_key(name)
    return key


def key_reused() -> RequestRefused:
    """Return the error for a key that the caller used for another request; HTTP status 422."""
    return RequestRefused(
        ErrorCode.IDEMPOTENCY_KEY_REUSED,
        "The idempotency key was already used for another request, so nothing was done. Use a new"
        " key for each new request, and the same key only to repeat a request unchanged.",
        retryable=False,
    )


def in_progress() -> RequestRefused:
    """Return the error for a request whose twin is running now; HTTP status 409."""
    return RequestRefused(
        ErrorCode.IDEMPOTENCY_IN_PROGRESS,
        "A request with the same idempotency key is running now, so this one did nothing. Repeat it"
        " later to get the result.",
        retryable=True,
        retryAfterSeconds=RETRY_AFTER_S,
    )
