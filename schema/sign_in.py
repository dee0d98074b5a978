"""How requests and sockets sign in, as far as the contract needs to know."""

from collections.abc import Awaitable, Callable

from models.access import Principal

Authenticate = Callable[[str | None], Awaitable[Principal | None]]
"""Gives whom an Authorization header stands for; raises SignInUnavailable."""

SIGN_IN_UNAVAILABLE = "Your token can't be checked now; try again later."


class SignInUnavailable(Exception):
    """Nobody can tell now whether a credential is good; try again in `wait` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__("sign-in can't be checked now")
        self.wait = wait
