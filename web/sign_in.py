"""The interfaces by which requests and WebSockets sign in."""

from collections.abc import Awaitable, Callable

from models.tables.access import Principal
from schema.base.errors import sign_in_unavailable

Identify = Callable[[str | None], Awaitable[Principal | None]]
"""Returns the principal of an Authorization header, or None; raises SignInUnavailable."""

Authenticate = Callable[[str | None, str], Awaitable[Principal | None]]
"""Returns the principal of an Authorization header sent from a client's address, or None.

Raises SignInUnavailable, and TooManyAuthFailures if the address has failed too often.
"""


class SignInUnavailable(Exception):
    """Credentials cannot be checked now; retry in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("sign-in can't be checked now")
        self.refusal = sign_in_unavailable(retry_after)
