"""Open WebSockets by credential: limits on their number, and their end with the credential."""

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
"""WebSocket close codes: of graphql-transport-ws, and of the IANA registry."""


def _ended() -> RequestRefused:
    return RequestRefused(ErrorCode.UNAUTHENTICATED, "The token is no longer valid.")


def _lost() -> RequestRefused:
    message = "The token has fewer permissions than at sign-in; connect again."
    return RequestRefused(ErrorCode.FORBIDDEN, message)


class TooManySessions(Exception):
    """A user or partner has as many sessions in this process as allowed."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Limits of one session, and of all sessions of a user or partner in this process."""

    subscriptions: int = 50
    credential_subscriptions: int = 500
    credential_connections: int = 100


class SocketSession(Protocol):
    """A WebSocket that has signed in."""

    @property
    def running(self) -> int:
        """The number of operations that are running."""

    def act_as(self, principal: Principal) -> None:
        """Let operations that begin from now on act as this principal."""

    async def end(self, refusal: RequestRefused, code: int) -> None:
        """End running operations with an error, and close the WebSocket."""


@dataclass(eq=False, slots=True)
class _Credential:
    """A credential with its open sessions, and when it was last checked."""

    authorization: str
    principal: Principal
    state: Hashable | None = None
    """The state of all credentials at the last check; None at first."""
    checked_at: float = 0.0
    open: set[SocketSession] = field(default_factory=set)

    def is_due(self, state: Hashable | None) -> bool:
        return (
            state is None
            or state != self.state
            or time.monotonic() >= self.checked_at + MAX_MEMORY_S
        )


class SocketSessions:
    """The open sessions of a process.

    `state` returns a value that changes whenever any credential may have changed. A credential that
    lost a permission ends its sessions; clients may connect again with what is left.
    """

    def __init__(
        self,
        identify: Identify,
        state: Callable[[], Hashable | None],
        clock: Callable[[], datetime],
        limits: SessionLimits,
    ) -> None:
        self.limits = limits
        self._identify = identify
        self._state = state
        self._clock = clock
        self._credentials: dict[str, _Credential] = {}
        self._by_quota_key: dict[str, set[_Credential]] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def add(self, authorization: str, principal: Principal, session: SocketSession) -> None:
        """Add a session that has signed in; raises TooManySessions."""
        if len(self._of(principal)) >= self.limits.credential_connections:
            raise TooManySessions
        known = self._credentials.get(authorization)
        if known is None or not self._note(known, principal):
            known = self._credentials[authorization] = _Credential(authorization, principal)
            self._by_quota_key.setdefault(principal.quota_key, set()).add(known)
        known.open.add(session)
        session.act_as(principal)

    def remove(self, authorization: str | None, session: SocketSession) -> None:
        """Remove a session that has ended."""
        credential = self._credentials.get(authorization or "")
        if credential is not None:
            credential.open.discard(session)
            if not credential.open:
                self._forget(credential)

    def refuse_one_too_many(self, principal: Principal, session: SocketSession) -> None:
        """Raise RequestRefused if the session, or all of its user or partner, run too many."""
        most = self.limits.subscriptions
        if session.running >= most:
            raise too_many_subscriptions(f"A connection may run at most {most} operations.", most)
        most = self.limits.credential_subscriptions
        if sum(each.running for each in self._of(principal)) >= most:
            raise too_many_subscriptions(
                f"A user or partner may run at most {most} operations.", most
            )

    async def check(self, authorization: str | None) -> bool:
        """Tell whether a credential has kept its permissions; end its sessions if not."""
        credential = self._credentials.get(authorization or "")
        if credential is not None and await self._check(credential):
            return True
        if self._ending:
            await asyncio.wait(set(self._ending))
        return False

    async def watch(self, signals: Signals) -> None:
        """End sessions whose credential ended, at once or within a second; runs until cancelled."""
        with signals.watching(TOKENS) as told:
            while True:
                await wait_for(told, self._pause())
                told.clear()
                try:
                    await self._check_all()
                except Exception as error:
                    # For example, the database is away: the credentials are checked again soon.
                    # A schema that does not fit has been logged already.
                    fault = FAULTS.fault_of(error)
                    if fault is None or fault.kind is not FaultKind.SCHEMA_MISMATCH:
                        report("sessions_unchecked", error)

    def _pause(self) -> float:
        """Return the seconds to wait for a signal: until the next expiry, if that is soon."""
        now = self._clock()
        ends = (credential.principal.expires_at for credential in self._credentials.values())
        waits = ((end - now).total_seconds() for end in ends if end is not None)
        return max(0.0, min(waits, default=MAX_WAIT_S))

    async def _check_all(self) -> None:
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
        state, checked_at = self._state(), time.monotonic()
        try:
            with keeping_tenant():
                bind_tenant(None)  # tokens belong to no tenant
                principal = await self._identify(credential.authorization)
        except SignInUnavailable as unavailable:
            self._end(credential, unavailable.refusal, TRY_AGAIN_LATER)
            return False
        if principal is None:
            self._end(credential, _ended(), FORBIDDEN)
            return False
        credential.state, credential.checked_at = state, checked_at
        return self._note(credential, principal)

    def _note(self, credential: _Credential, principal: Principal) -> bool:
        """Update the principal of a credential, or end its sessions if it lost a permission."""
        if not _covers(principal, credential.principal):
            self._end(credential, _lost(), FORBIDDEN)
            return False
        if principal is not credential.principal:
            credential.principal = principal
            for session in credential.open:
                session.act_as(principal)
        return True

    def _end(self, credential: _Credential, why: RequestRefused, code: int) -> None:
        """End all sessions of a credential at the same time."""
        self._forget(credential)
        for session in credential.open:
            task = asyncio.create_task(session.end(why, code))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    def _forget(self, credential: _Credential) -> None:
        if self._credentials.get(credential.authorization) is credential:
            del self._credentials[credential.authorization]
        others = self._by_quota_key.get(credential.principal.quota_key, set())
        others.discard(credential)
        if not others:
            self._by_quota_key.pop(credential.principal.quota_key, None)

    def _of(self, principal: Principal) -> list[SocketSession]:
        """Return the sessions of a user or partner, over all of their tokens."""
        credentials = self._by_quota_key.get(principal.quota_key, ())
        return [session for credential in credentials for session in credential.open]


def _covers(principal: Principal, before: Principal) -> bool:
    """Tell whether a principal is the same as before and kept all permissions."""
    is_same = (principal.id, principal.reseller_id) == (before.id, before.reseller_id)
    return is_same and before.permissions <= principal.permissions
