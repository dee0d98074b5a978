"""The context that all resolvers get: principal, database, clock, loaders, limiters, settings."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import strawberry

from models.lists.lookup_monitor import LookupMonitor
from models.lists.personal_data import is_masked
from models.rules.delivery import POLICY, DeliveryPolicy
from models.rules.export import ExportKind
from models.storage.database import Database
from models.tables.access import SYSTEM, Principal
from models.tables.audit import ActorContext
from models.tables.deprecated_use import DeprecatedUseCounter
from models.tables.mail_quota import DEFAULT_QUOTA, MailQuota
from models.tables.webhook import WebhookOptions
from schema.base.company_searches import Candidate, CompanySearches
from schema.base.loaders import Loaders
from schema.base.request_slot import Limiters, RequestSlot
from schema.engine.limits import Limits
from schema.engine.spending import Spending

DEFAULT_LIMITS = Limits()


class RegisterSearch(Protocol):
    """The name search of Companies House."""

    async def __call__(self, query: str, size: int) -> Sequence[Candidate]:
        """Return at most `size` companies whose names match; raises RegisterUnavailable."""


class CheckExport(Protocol):
    """Asks for a list as its export does."""

    async def __call__(
        self, request_id: str, principal: Principal, kind: ExportKind, filter_: Mapping[str, Any]
    ) -> None:
        """Raise RequestRefused as the list would be refused to the principal with this filter."""


class RegisterUnavailable(Exception):
    """Raised when Companies House cannot be searched now.

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
    traceparent: str | None = None
    """On a WebSocket: the client's trace context by W3C, to which its operations belong."""
    sign_in_again: Callable[[], Awaitable[bool]] | None = None
    """On a WebSocket: signs the caller in; later calls check that the credential is still valid.

    Returns False if the credential is not valid, so that the connection was closed.
    """
    connection_params: dict[str, object] | None = None
    loaders: Loaders = field(default_factory=Loaders)
    dry_runs: set[str] = field(default_factory=set)
    """The response keys of those mutations of the operation that are dry runs."""
    idempotency_key: str | None = None
    """The key in the header of an HTTP request; None if it has none."""
    idempotency_keys: Mapping[str, str] = field(default_factory=dict)
    """The idempotency keys of the operation's mutations, by response key."""
    idempotency_secret: bytes = b""
    """The secret for fingerprints of requests with idempotency keys; empty if none is set."""
    export_secret: bytes = b""
    """The secret that encrypts links to exports; empty for one that is kept in the database."""
    export_lifetime: timedelta = timedelta(minutes=5)
    """How long a link to an export works."""
    check_export: CheckExport | None = None
    """Asks for a list as an export does, but for no row; None if exports are not served."""
    links_begin_with: str = ""
    """The beginning of links to this platform."""
    has_replayed: bool = False
    """Whether a mutation of the operation was answered as a repeat of an earlier one."""
    delivery_policy: DeliveryPolicy = POLICY
    oldest_consent: timedelta = timedelta(days=730)
    """The age from which consent counts as outdated, for an advisory."""
    webhooks: WebhookOptions = field(default_factory=WebhookOptions)
    lookups: LookupMonitor = field(default_factory=LookupMonitor)
    """Reports the state of the queue of lookups at Companies House."""
    bulk_lookup_cooldown: timedelta = timedelta(hours=1)
    """The minimum time between two bulk lookups of the customers of a class."""
    personal_data_needs_scope: bool = False
    """Whether personal data is masked for callers without the scope `personal_data:read`."""
    issuer: str | None = None
    """The issuer URL of the identity provider, if one is configured."""
    mail_quota: MailQuota = DEFAULT_QUOTA
    """The maximum numbers of mails that callers may cause in an hour."""
    limits: Limits = DEFAULT_LIMITS
    """The limits of a request."""
    is_gone: Callable[[], bool] | None = None
    """Over HTTP: returns whether the client has disconnected."""
    limiters: Limiters | None = None
    """The limiters of concurrent requests; None if these are not limited."""
    slot: RequestSlot | None = None
    """The operation's slot and deadline; None if concurrent requests are not limited."""
    searches: CompanySearches | None = None
    """Limits each caller's searches at Companies House and remembers their answers, if not None."""
    deprecated_uses: DeprecatedUseCounter | None = None
    """Counts the uses of deprecated parts of the schema; None if they are not counted."""
    spending: Spending | None = None
    """The cost of the operation and the account charged for it; None until it is known."""

    @property
    def caller(self) -> str:
        """The key of the user or partner in limiters and caches; empty before sign-in."""
        return "" if self.principal is None else self.principal.caller

    def enter(self) -> AbstractAsyncContextManager[object]:
        """Return a context manager for the operation's deadline; at exit, it frees the slot."""
        if self.limiters is None or self.principal is None:
            return nullcontext()
        self.slot = self.limiters.request(self.caller, self.is_gone)
        return self.slot

    @asynccontextmanager
    async def reading_share(self) -> AsyncIterator[None]:
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

    def event_slot(self) -> AbstractAsyncContextManager[None]:
        """Return a context manager that holds a slot for one event of a subscription."""
        if self.limiters is None or self.principal is None:
            return nullcontext()
        return self.limiters.part(self.caller)

    def without_slot(self) -> AbstractAsyncContextManager[None]:
        """Return a context manager for calling another service, which frees the operation's slot.

        At exit it waits for a slot again.
        """
        return self.slot.without_slot() if self.slot else nullcontext()

    async def find_companies(self, query: str, size: int) -> Sequence[Candidate]:
        """Search names at Companies House, or return the caller's remembered answer.

        Holds no slot meanwhile, and waits for the caller's running searches. Raises
        RegisterUnavailable, and RequestRefused if the caller searches too often.
        """
        principal, searches = self.principal or SYSTEM, self.searches
        if searches is None:
            return await self.search_companies(query, size)
        known = searches.remembered(principal, query, size)
        if known is None:
            async with self.without_slot(), searches.slot(principal):
                known = await self.search_companies(query, size)
            searches.remember(principal, query, size, known)
        return known

    @property
    def is_masked(self) -> bool:
        """Whether personal data is masked for the caller."""
        return is_masked(self.principal, needs_scope=self.personal_data_needs_scope)

    def act(self) -> ActorContext:
        """Return the actor, time and request id that the audit trail records with a change."""
        return ActorContext(
            self.principal or SYSTEM,
            self.clock(),
            self.request_id,
            issuer=self.issuer,
            is_masked=self.is_masked,
            delivery_policy=self.delivery_policy,
        )


Info = strawberry.Info[Context, None]
