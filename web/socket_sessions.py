"""Open WebSockets by credential: how many there may be, and that they end when it does."""

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from models.storage.database import Signals
from models.storage.database_faults import FaultKind
from models.storage.fault_log import FAULTS, report
from models.storage.tenant_scope import bind_tenant, keeping_tenant
from models.tables.access import MAX_MEMORY_S, TOKENS, Principal
from schema.base.errors import ErrorCode, RequestRefused, too_many_subscriptions
from schema.base.subscriptions import MAX_WAIT_S, wait_for
from web.sign_in import Identify, SignInUnavailable

FORBIDDEN, TRY_AGAIN_LATER = 4403, 1013
"""Close codes: of graphql-transport-ws, and of RFC 6455's registry."""


def _ended() -> RequestRefused:
    return RequestRefused(ErrorCode.UNAUTHENTICATED, "The token is no longer valid.")


def _lost() -> RequestRefused:
    message = "The token may do less than when it signed in; connect again."
    return RequestRefused(ErrorCode.FORBIDDEN, message)


class TooManyConnections(Exception):
    """A user or a partner has as many connections in this process as it may have."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a process grants to one connection, and to all of one user or partner together."""

    subscriptions: int = 50
    credential_subscriptions: int = 500
    credential_connections: int = 100


class Connection(Protocol):
    """A socket that has signed in."""

    @property
    def running(self) -> int:
        """Tell how many operations are under way."""

    def act_as(self, principal: Principal) -> None:
        """Let operations that begin from now on act as this."""

    async def end(self, refusal: RequestRefused, code: int) -> None:
        """End what is under way with an error, and close."""


@dataclass(eq=False, slots=True)
class _Credential:
    """A credential with its open connections, and when it was looked at last."""

    authorization: str
    principal: Principal
    state: Hashable | None = None
    """As it was when that was looked at; at first, none."""
    looked_at: float = 0.0
    open: set[Connection] = field(default_factory=set)

    def is_due(self, state: Hashable | None) -> bool:
        return (
            state is None
            or state != self.state
            or time.monotonic() >= self.looked_at + MAX_MEMORY_S
        )


class Connections:
    """The open connections of a process.

    `state` gives what changes whenever any credential may have. A credential that lost anything
    that it had counts as ended: who connects again gets what is left.
    """

    def __init__(
        self,
        identify: Identify,
        state: Callable[[], Hashable | None],
        clock: Callable[[], datetime],
        limits: ConnectionLimits,
    ) -> None:
        self.limits = limits
        self._identify = identify
        self._state = state
        self._clock = clock
        self._credentials: dict[str, _Credential] = {}
        self._by_payer: dict[str, set[_Credential]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def add(self, authorization: str, principal: Principal, connection: Connection) -> None:
        """Note a connection that has signed in; raises TooManyConnections."""
        if len(self._of(principal)) >= self.limits.credential_connections:
            raise TooManyConnections
        known = self._credentials.get(authorization)
        if known is None or not self._note(known, principal):
            known = self._credentials[authorization] = _Credential(authorization, principal)
            self._by_payer.setdefault(principal.quota_key, set()).add(known)
        known.open.add(connection)
        connection.act_as(principal)

    def remove(self, authorization: str | None, connection: Connection) -> None:
        """Forget a connection that has ended."""
        credential = self._credentials.get(authorization or "")
        if credential is not None:
            credential.open.discard(connection)
            if not credential.open:
                self._forget(credential)

    def refuse_one_too_many(self, principal: Principal, connection: Connection) -> None:
        """Refuse an operation when the connection, or all of its quota_key, run enough."""
        most = self.limits.subscriptions
        if connection.running >= most:
            raise too_many_subscriptions(f"A connection runs {most} operations at most.", most)
        most = self.limits.credential_subscriptions
        if sum(each.running for each in self._of(principal)) >= most:
            raise too_many_subscriptions(f"A user or partner runs {most} operations at most.", most)

    async def check(self, authorization: str | None) -> bool:
        """Tell whether a credential is still as good as it was; end its connections if not."""
        credential = self._credentials.get(authorization or "")
        if credential is not None and await self._check(credential):
            return True
        if self._ending:
            await asyncio.wait(set(self._ending))
        return False

    async def watch(self, signals: Signals) -> None:
        """End connections when their credential does, at once or within a second, for ever."""
        with signals.watching(TOKENS) as told:
            while True:
                await wait_for(told, self._pause())
                told.clear()
                try:
                    await self._look()
                except Exception as error:
                    # As when the database is away. Whoever has signed in is looked at again soon.
                    # A schema that does not fit was logged when that was found.
                    fault = FAULTS.fault_of(error)
                    if fault is None or fault.kind is not FaultKind.SCHEMA_MISMATCH:
                        report("connections_unchecked", error)

    def _pause(self) -> float:
        """Give for how long to wait for news: until the next expiry, if that is soon."""
        now = self._clock()
        ends = (credential.principal.expires_at for credential in self._credentials.values())
        waits = ((end - now).total_seconds() for end in ends if end is not None)
        return max(0.0, min(waits, default=MAX_WAIT_S))

    async def _look(self) -> None:
        now = self._clock()
        for credential in list(self._credentials.values()):
            expires_at = credential.principal.expires_at
            if expires_at is not None and now >= expires_at:
                self._end(credential, _ended(), FORBIDDEN)
        state = self._state()
        for credential in list(self._credentials.values()):
            if credential.is_due(state):
                await self._check(credential)

    async def _check(self, credential: _Credential) -> bool:
        state, looked_at = self._state(), time.monotonic()
        try:
            with keeping_tenant():
                bind_tenant(None)  # whoever signs in reaches nothing yet
                principal = await self._identify(credential.authorization)
        except SignInUnavailable as unavailable:
            self._end(credential, unavailable.refusal, TRY_AGAIN_LATER)
            return False
        if principal is None:
            self._end(credential, _ended(), FORBIDDEN)
            return False
        credential.state, credential.looked_at = state, looked_at
        return self._note(credential, principal)

    def _note(self, credential: _Credential, principal: Principal) -> bool:
        """Let a credential stand for this from now on, or end it if it has lost anything."""
        if not _covers(principal, credential.principal):
            self._end(credential, _lost(), FORBIDDEN)
            return False
        if principal is not credential.principal:
            credential.principal = principal
            for connection in credential.open:
                connection.act_as(principal)
        return True

    def _end(self, credential: _Credential, why: RequestRefused, code: int) -> None:
        """End all connections of a credential, none of them waiting for another's client."""
        self._forget(credential)
        for connection in credential.open:
            task = asyncio.create_task(connection.end(why, code))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _forget(self, credential: _Credential) -> None:
        if self._credentials.get(credential.authorization) is credential:
            del self._credentials[credential.authorization]
        others = self._by_payer.get(credential.principal.quota_key, set())
        others.discard(credential)
        if not others:
            self._by_payer.pop(credential.principal.quota_key, None)

    def _of(self, principal: Principal) -> list[Connection]:
        """Give the connections of the same quota_key, whatever tokens they have signed in by."""
        credentials = self._by_payer.get(principal.quota_key, ())
        return [connection for credential in credentials for connection in credential.open]


def _covers(principal: Principal, before: Principal) -> bool:
    """Tell whether nothing was lost: it is bound to the same, and may do all that it might."""
    is_same = (principal.id, principal.reseller_id) == (before.id, before.reseller_id)
    return is_same and before.permissions <= principal.permissions
