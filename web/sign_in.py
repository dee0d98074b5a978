"""How requests and sockets sign in, as far as the contract needs to know."""

from collections.abc import Awaitable, Callable

from models.tables.access import Principal
from schema.base.errors import sign_in_unavailable

Identify = Callable[[str | None], Awaitable[Principal | None]]
"""Gives whom an Authorization header stands for; raises SignInUnavailable."""

Authenticate = Callable[[str | None, str], Awaitable[Principal | None]]
"""Does the same for a header that came from an address.

Raises TooManyGuesses, too, when too many of that address stood for nobody.
"""


class SignInUnavailable(Exception):
    """Nobody can tell now whether a credential is good; try again in `retry_after` seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("sign-in can't be checked now")
        self.refusal = sign_in_unavailable(retry_after)
