"""Close codes of WebSockets, chosen by what the public clients do with them."""

from dataclasses import dataclass

from schema.base.errors import RequestRefused

UNAUTHORISED, FORBIDDEN = 4401, 4403
"""Close codes of graphql-transport-ws.

Clients give up at once after UNAUTHORISED, but connect again after FORBIDDEN and TRY_AGAIN_LATER;
see `docs/adr/0045-close-codes-by-what-clients-do.md`.
"""

POLICY_VIOLATION, MESSAGE_TOO_BIG, TRY_AGAIN_LATER = 1008, 1009, 1013
"""Close codes of RFC 6455 and of the IANA registry."""

REASONS = {
    UNAUTHORISED: "The token is missing or not valid",
    TRY_AGAIN_LATER: "Try again later",
    POLICY_VIOLATION: "Too many messages before the sign-in",
    MESSAGE_TOO_BIG: "The message is too long before the sign-in",
}

MAX_REASON = 123
"""Bytes that the reason in a close frame may have."""


@dataclass(frozen=True, slots=True)
class SessionEnd:
    """How a session ends: the close code, and the error of running operations.

    If `is_resumable`, subscriptions get no error: an error would end them in the client too, which
    otherwise connects again and repeats them.
    """

    code: int
    refusal: RequestRefused
    is_resumable: bool = False
