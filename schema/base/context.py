"""The context that resolvers get: principal, database, clock, loaders, limiters, settings."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol

import strawberry

from models.lists.lookup_monitor import LookupMonitor
from models.lists.personal_data import is_masked
from models.rules.delivery import POLICY, DeliveryPolicy
from models.storage.database import Database
from models.tables.access import SYSTEM, Principal
from models.tables.audit import ActorContext
from models.tables.mail_quota import DEFAULT_QUOTA, MailQuota
from schema.base.loaders import Loaders
from schema.base.request_slot import Limiters, RequestSlot
from schema.base.search_limit import SearchLimit
from schema.engine.spending import Spending


@dataclass(frozen=True, slots=True)
class Candidate:
    """A company found by a name search at Companies House.

    A value is None if Companies House does not supply it.
    """

    company_number: str
    title: str
    status: str | None
    type: str | None
    incorporated_on: date | None
    address_snippet: str | None


class RegisterSearch(Protocol):
    """The name search of Companies House."""

    async def __call__(self, query: str) -> Sequence[Candidate]:
        """Return the companies whose names match `query`; raises RegisterUnavailable."""


class RegisterUnavailable(Exception):
    """Raised when Companies House cannot be queried now.

    `wait` is the time in seconds after which to try again; None if it is not known.
    """

    def __init__(self, wait: float | None = None) -> None:
        super().__init__("Companies House can't be asked now")
        self.wait = wait


@dataclass(slots=True)
class Context:
    """The context of one HTTP request, or of one WebSocket connection.

    On a WebSocket, `principal` is None until the first message has signed the caller in.
    """

    database: Database
    clock: Callable[[], datetime]
    search_companies: RegisterSearch
    request_id: str
    principal: Principal | None = None
    authorization: str | None = None
    client_address: str = ""
    """On a WebSocket: the IP address of the client."""
    sign_in_again: Callable[[], Awaitable[bool]] | None = None
    """On a WebSocket: signs the caller in, and later checks that their credential is still valid.

    Returns False if it closed the connection because the credential is not valid.
    """
    connection_params: dict[str, object] | None = None
    loaders: Loaders = field(default_factory=Loaders)
    delivery_policy: DeliveryPolicy = POLICY
    oldest_consent: timedelta = timedelta(days=730)
    """The age at which an advisory recommends to renew a consent."""
    lookups: LookupMonitor = field(default_factory=LookupMonitor)
    """Reports the state of the queue of lookups at Companies House."""
    bulk_lookup_cooldown: timedelta = timedelta(hours=1)
    """The minimum time between two bulk lookups of the customers of a class."""
    personal_data_needs_scope: bool = False
    """Whether personal data is masked for callers without the scope `personal_data:read`."""
    issuer: str | None = None
    """The issuer URL of the identity provider, if one is configured."""
    mail_quota: MailQuota = DEFAULT_QUOTA
    """The maximum number of mails that callers may cause."""
    is_gone: Callable[[], bool] | None = None
    """Over HTTP: returns whether the client has disconnected."""
    limiters: Limiters | None = None
    """The limiters of concurrent requests; None if there is no limit."""
    slot: RequestSlot | None = None
    """The slot and the deadline of the operation; None if requests are not limited."""
    search_limit: SearchLimit | None = None
    """Limits the name searches of each caller; None if there is no limit."""
    spending: Spending | None = None
    """The cost of the operation and the account charged for it; None until it is known."""

    @property
    def caller(self) -> str:
        """The key of the user or partner in limiters and caches; empty before sign-in."""
        return "" if self.principal is None else self.principal.caller

    def enter(self) -> AbstractAsyncContextManager[object]:
        """Return a context manager that sets the operation's deadline, then frees its slot."""
        if self.limiters is None or self.principal is None:
            return nullcontext()
        self.slot = self.limiters.request(self.caller, self.is_gone)
        return self.slot

    @asynccontextmanager
    async def turn_to_read(self) -> AsyncIterator[None]:
        """Wait until the caller may use the event loop to read a message of a WebSocket.

        Clients that have not signed in are treated as one caller.
        """
        if self.limiters is None:
            yield
            return
        share = self.limiters.share
        await share.wait(self.caller)
        try:
            yield
        finally:
            share.leave()

    def turn_of_event(self) -> AbstractAsyncContextManager[None]:
        """Return a context manager that holds a slot for one event of a subscription."""
        if self.limiters is None or self.principal is None:
            return nullcontext()
        return self.limiters.part(self.caller)

    def outside(self) -> AbstractAsyncContextManager[None]:
        """Return a context manager that frees the operation's slot while another service is called.

        At exit it waits for a slot again.
        """
        return self.slot.outside() if self.slot else nullcontext()

    @asynccontextmanager
    async def turn_of_search(self) -> AsyncIterator[None]:
        """Let the caller search names at Companies House, without holding a slot meanwhile.

        Waits for the caller's running searches; raises RequestRefused if the caller searches too
        often.
        """
        limit, principal = self.search_limit, self.principal
        async with self.outside(), limit.turn(principal or SYSTEM) if limit else nullcontext():
            yield

    @property
    def is_masked(self) -> bool:
        """Whether personal data is masked for the caller."""
        return is_masked(self.principal, needs_scope=self.personal_data_needs_scope)

    def act(self) -> ActorContext:
        """Return the actor, time and request id to record with a change in the audit trail."""
        return ActorContext(
            self.principal or SYSTEM,
            self.clock(),
            self.request_id,
            issuer=self.issuer,
            is_masked=self.is_masked,
        )


Info = strawberry.Info[Context, None]
