"""Types of the functions by which requests and WebSockets sign in."""

from collections.abc import Awaitable, Callable

from models.tables.access import Principal
from schema.base.errors import sign_in_unavailable

Identify = Callable[[str | None], Awaitable[Principal | None]]
"""Returns the principal of an Authorization header; None if it is missing or invalid.

Raises SignInUnavailable.
"""

Authenticate = Callable[[str | None, str], Awaitable[Principal | None]]
"""Returns the principal of an Authorization header that a client at an IP address sent.

None if the header is missing or invalid. Raises SignInUnavailable, and TooManyAuthFailures if too
many sign-ins from the address have failed.
"""


class SignInUnavailable(Exception):
    """Credentials cannot be checked now; retry in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("sign-in can't be checked now")
        self.refusal = sign_in_unavailable(retry_after)
