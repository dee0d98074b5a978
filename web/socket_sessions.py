"""Knows the open WebSockets (sessions) of each credential, and limits their number.

When a credential ends or loses a permission, its sessions are ended.
"""

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from models.storage.database import Signals
from models.storage.database_faults import FaultKind
from models.storage.fault_log import FAULTS, report
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from models.tables.access import MAX_MEMORY_S, TOKENS, Principal
from schema.base.errors import ErrorCode, RequestRefused, too_many_subscriptions
from schema.base.subscriptions import MAX_WAIT_S, wait_for
from web.close_codes import FORBIDDEN, TRY_AGAIN_LATER, SessionEnd
from web.sign_in import Identify, SignInUnavailable


def _ended(principal: Principal, now: datetime) -> SessionEnd:
    is_expired = principal.expires_at is not None and now >= principal.expires_at
    message = "The token has expired." if is_expired else "The token is no longer valid."
    refusal = RequestRefused(ErrorCode.UNAUTHENTICATED, message)
    return SessionEnd(FORBIDDEN, refusal, is_resumable=is_expired)


def _lost() -> SessionEnd:
    message = "The token has fewer permissions than at sign-in; connect again."
    return SessionEnd(FORBIDDEN, RequestRefused(ErrorCode.FORBIDDEN, message))


class TooManySessions(Exception):
    """A user or partner already has the allowed number of sessions in this process."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Limits on one session, and on all sessions of a user or partner in this process."""

    subscriptions: int = 50
    credential_subscriptions: int = 500
    credential_connections: int = 100


class SocketSession(Protocol):
    """A WebSocket that has signed in."""

    @property
    def running(self) -> int:
        """The number of operations that are running."""

    def set_principal(self, principal: Principal) -> None:
        """Set the principal of operations that begin from now on."""

    async def end(self, ending: SessionEnd) -> None:
        """End running operations, and close the WebSocket."""


@dataclass(eq=False, slots=True)
class _Credential:
    """A credential with its open sessions.

    `checked_at` is when the credential was last checked, by a monotonic clock.
    """

    authorization: str
    principal: Principal
    state: Hashable | None = None
    """What `SocketSessions.state` returned at the last check; None before the first."""
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

    `state` returns a value that changes whenever any credential may have changed, or None if it is
    unknown whether one has. If a credential loses a permission, its sessions are ended; clients may
    connect again with the remaining permissions.
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

    @property
    def number(self) -> int:
        """The number of open sessions."""
        return sum(len(one.open) for one in self._credentials.values())

    def add(self, authorization: str, principal: Principal, session: SocketSession) -> None:
        """Add a session that has signed in with a credential; raises TooManySessions."""
        if len(self._of(principal)) >= self.limits.credential_connections:
            raise TooManySessions
        known = self._credentials.get(authorization)
        if known is None or not self._note(known, principal):
            known = self._credentials[authorization] = _Credential(authorization, principal)
            self._by_quota_key.setdefault(principal.quota_key, set()).add(known)
        known.open.add(session)
        session.set_principal(principal)

    def remove(self, authorization: str | None, session: SocketSession) -> None:
        """Remove a session that has ended."""
        credential = self._credentials.get(authorization or "")
        if credential is not None:
            credential.open.discard(session)
            if not credential.open:
                self._forget(credential)

    def check_operation_limits(self, principal: Principal, session: SocketSession) -> None:
        """Raise RequestRefused if one more operation on a session would exceed a limit.

        There is a limit for each session, and one for all sessions of a user or partner.
        """
        most = self.limits.subscriptions
        if session.running >= most:
            raise too_many_subscriptions(
                f"A WebSocket may run at most {most} operations at once.", most
            )
        most = self.limits.credential_subscriptions
        if sum(each.running for each in self._of(principal)) >= most:
            raise too_many_subscriptions(
                f"A user or partner may run at most {most} operations on all WebSockets together.",
                most,
            )

    async def check(self, authorization: str | None) -> bool:
        """Return whether a credential still has all its permissions; if not, end its sessions."""
        credential = self._credentials.get(authorization or "")
        if credential is not None and await self._check(credential):
            return True
        if self._ending:
            await asyncio.wait(set(self._ending))
        return False

    async def watch(self, signals: Signals) -> None:
        """End sessions within a second of the end of their credential; runs until cancelled."""
        with signals.watching(TOKENS) as told:
            while True:
                await wait_for(told, self._pause())
                told.clear()
                try:
                    await self._check_all()
                except Exception as error:
                    # The database may be down, for example. Credentials are checked again soon. If
                    # the schema does not fit this program, that has been logged already.
                    fault = FAULTS.fault_of(error)
                    if fault is None or fault.kind is not FaultKind.SCHEMA_MISMATCH:
                        report("sessions_unchecked", error)

    def _pause(self) -> float:
        """Return the seconds until the next expiry of a credential; MAX_WAIT_S if none expires."""
        now = self._clock()
        ends = (credential.principal.expires_at for credential in self._credentials.values())
        waits = ((end - now).total_seconds() for end in ends if end is not None)
        return max(0.0, min(waits, default=MAX_WAIT_S))

    async def _check_all(self) -> None:
        now = self._clock()
        for credential in list(self._credentials.values()):
            expires_at = credential.principal.expires_at
            if expires_at is not None and now >= expires_at:
                self._end(credential, _ended(credential.principal, now))
        state = self._state()
        for credential in list(self._credentials.values()):
            if credential.is_due(state):
                await self._check(credential)

    async def _check(self, credential: _Credential) -> bool:
        state, checked_at = self._state(), time.monotonic()
        try:
            with preserve_tenant_scope():
                bind_tenant(None)  # tokens belong to no tenant
                principal = await self._identify(credential.authorization)
        except SignInUnavailable as unavailable:
            ending = SessionEnd(TRY_AGAIN_LATER, unavailable.refusal, is_resumable=True)
            self._end(credential, ending)
            return False
        if principal is None:
            self._end(credential, _ended(credential.principal, self._clock()))
            return False
        credential.state, credential.checked_at = state, checked_at
        return self._note(credential, principal)

    def _note(self, credential: _Credential, principal: Principal) -> bool:
        """Store the current principal of a credential, or end its sessions if it lost a permission.

        Returns whether the sessions go on.
        """
        if not _covers(principal, credential.principal):
            self._end(credential, _lost())
            return False
        if principal is not credential.principal:
            credential.principal = principal
            for session in credential.open:
                session.set_principal(principal)
        return True

    def _end(self, credential: _Credential, ending: SessionEnd) -> None:
        """Start to end all sessions of a credential."""
        self._forget(credential)
        for session in credential.open:
            task = asyncio.create_task(session.end(ending))
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
        """Return the sessions of a principal's user or partner, whichever credential they use."""
        credentials = self._by_quota_key.get(principal.quota_key, ())
        return [session for credential in credentials for session in credential.open]


def _covers(principal: Principal, before: Principal) -> bool:
    """Return whether `principal` is the same as `before`, and still has all its permissions."""
    is_same = (principal.id, principal.reseller_id) == (before.id, before.reseller_id)
    return is_same and before.permissions <= principal.permissions
