"""The context of resolvers: the principal, the database, the clock, the loaders."""

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
    """A company found by a name search; None for what the register does not say."""

    company_number: str
    title: str
    status: str | None
    type: str | None
    incorporated_on: date | None
    address_snippet: str | None


class RegisterSearch(Protocol):
    """The name search of Companies House."""

    async def __call__(self, query: str) -> Sequence[Candidate]:
        """Return candidates; raises RegisterUnavailable."""


class RegisterUnavailable(Exception):
    """Companies House can't be asked now; `wait` is in seconds, where it is known."""

    def __init__(self, wait: float | None = None) -> None:
        super().__init__("Companies House can't be asked now")
        self.wait = wait


@dataclass(slots=True)
class Context:
    """One request, or one WebSocket connection, whose first message signs the principal in."""

    database: Database
    clock: Callable[[], datetime]
    search_companies: RegisterSearch
    request_id: str
    principal: Principal | None = None
    authorization: str | None = None
    client_address: str = ""
    """On a WebSocket: the address of the client."""
    sign_in_again: Callable[[], Awaitable[bool]] | None = None
    """On a WebSocket: signs in, and later checks whether the credential is still valid.

    False means that the connection was closed.
    """
    connection_params: dict[str, object] | None = None
    loaders: Loaders = field(default_factory=Loaders)
    delivery_policy: DeliveryPolicy = POLICY
    oldest_consent: timedelta = timedelta(days=730)
    """The age of a consent from which on renewing it is advised."""
    lookups: LookupMonitor = field(default_factory=LookupMonitor)
    """Watches the queue of lookups."""
    bulk_lookup_cooldown: timedelta = timedelta(hours=1)
    """The time until all customers of a class may be looked up again."""
    personal_data_needs_scope: bool = False
    """Whether personal data is masked for those who do not hold personal_data:read."""
    issuer: str | None = None
    """The issuer URL of the identity provider, if one is configured."""
    mail_quota: MailQuota = DEFAULT_QUOTA
    """How many mails callers may cause."""
    is_gone: Callable[[], bool] | None = None
    """Over HTTP: whether the client has hung up."""
    limiters: Limiters | None = None
    """Limit how many requests run at once."""
    slot: RequestSlot | None = None
    """The slot and the deadline of the operation."""
    search_limit: SearchLimit | None = None
    """Limits the name searches of each caller."""
    spending: Spending | None = None
    """What the operation costs, once that is known."""

    @property
    def caller(self) -> str:
        """Whose share of slots and caches the operation uses; empty before sign-in."""
        return "" if self.principal is None else self.principal.caller

    def enter(self) -> AbstractAsyncContextManager[object]:
        """Return the context manager of an operation's deadline, which releases its slot."""
        if self.limiters is None or self.principal is None:
            return nullcontext()
        self.slot = self.limiters.request(self.caller, self.is_gone)
        return self.slot

    @asynccontextmanager
    async def turn_to_read(self) -> AsyncIterator[None]:
        """Wait until the caller may use the event loop to read a message of a WebSocket.

        All callers who have not signed in share one turn.
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
        """Return a context that waits for, then holds, a slot for an event of a subscription."""
        if self.limiters is None or self.principal is None:
            return nullcontext()
        return self.limiters.part(self.caller)

    def outside(self) -> AbstractAsyncContextManager[None]:
        """Release the slot of a query while it waits for another service, as Companies House."""
        return self.slot.outside() if self.slot else nullcontext()

    @asynccontextmanager
    async def turn_of_search(self) -> AsyncIterator[None]:
        """Wait without a slot for a name search; raises RequestRefused beyond the limit."""
        limit, principal = self.search_limit, self.principal
        async with self.outside(), limit.turn(principal or SYSTEM) if limit else nullcontext():
            yield

    @property
    def is_masked(self) -> bool:
        """Whether the principal sees personal data masked."""
        return is_masked(self.principal, needs_scope=self.personal_data_needs_scope)

    def act(self) -> ActorContext:
        """Return who writes now, when and why, for the audit trail."""
        return ActorContext(
            self.principal or SYSTEM,
            self.clock(),
            self.request_id,
            issuer=self.issuer,
            is_masked=self.is_masked,
        )


Info = strawberry.Info[Context, None]
