"""How far the current operation reaches: everywhere, or to one reseller and its customers (R99).

A principal that is bound to a reseller reaches that customer and those whose parent it is, and for
it nothing else exists (R95). Whoever is signed in is bound from then on, in the task that signed it
in and in those that it starts: units of work, the operations of a WebSocket, streams. Workers and
operators sign nobody in and reach everything.

Nothing that reads or writes has to think of it: each statement passes
`models/storage/tenant_clients.py` or `models/storage/sql.py` run, where it is limited as
`models/storage/scope_tables.py` says.
"""

from contextvars import ContextVar

_reseller_id: ContextVar[str | None] = ContextVar("reseller_id", default=None)


class OutOfScopeError(Exception):
    """A bound operation sent a statement that can't be limited: a bug, which must not leak."""


NOWHERE = ""
"""The reach of nobody: no customer has this id."""

current_tenant = _reseller_id.get
"""Gives the reseller that the current operation is bound to, or nothing if it reaches all."""


def bind_tenant(reseller_id: str | None) -> None:
    """Let the current task, and those that it starts from now on, reach that reseller's alone."""
    _reseller_id.set(reseller_id)


class keeping_tenant:  # noqa: N801  # used as a function is
    """Reach as far afterwards as before, whoever signs in within."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _reseller_id.set(_reseller_id.get())

    def __exit__(self, *_: object) -> None:
        _reseller_id.reset(self._token)
