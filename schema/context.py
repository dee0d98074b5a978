"""What every resolver can reach: the principal, the database, the clock, the loaders."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

import strawberry

from models.access import SYSTEM, Principal
from models.audit import Act
from models.database import Database
from schema.loaders import Loaders


@dataclass(frozen=True, slots=True)
class Candidate:
    """A company that a name search offers; what the register does not say is null."""

    company_number: str
    title: str
    status: str | None
    type: str | None
    incorporated_on: date | None
    address_snippet: str | None


class RegisterSearch(Protocol):
    """The name search of Companies House, as far as the API needs it."""

    async def __call__(self, query: str) -> Sequence[Candidate]:
        """Give candidates, or raise RegisterUnavailable."""


class RegisterUnavailable(Exception):
    """Companies House can't be asked now; `wait` is in seconds, where it is known."""

    def __init__(self, wait: float | None = None) -> None:
        super().__init__("Companies House can't be asked now")
        self.wait = wait


@dataclass(slots=True)
class Context:
    """One request, or one WebSocket connection, whose principal comes with its first message."""

    database: Database
    clock: Callable[[], datetime]
    search_companies: RegisterSearch
    request_id: str
    principal: Principal | None = None
    authorization: str | None = None
    sign_in_again: Callable[[], Awaitable[bool]] | None = None
    """On a WebSocket: tells whether the connection's token is still good."""
    connection_params: dict[str, object] | None = None
    loaders: Loaders = field(default_factory=Loaders)
    outside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    """Gives the request's turn up while it waits for somebody outside, such as the register."""

    def act(self) -> Act:
        """Give the circumstances of a write that is made now."""
        return Act(self.principal or SYSTEM, self.clock(), self.request_id)


Info = strawberry.Info[Context, None]
