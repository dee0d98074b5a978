"""The tenant scope of the current operation: everything, or one reseller and its customers (R99).

A principal (user or token) that is bound to a reseller can see and change only the reseller, which
is a customer itself, and the customers whose parent is the reseller (R95). Authentication sets the
scope for the current task and the tasks that it starts: transactions, operations of a WebSocket,
streams. Workers and operators have no scope, and see everything.

Code that reads or writes does not apply the scope itself: each statement passes through
`models/storage/tenant_clients.py` or `run` in `models/storage/sql.py`, which apply the rules of
`models/storage/scope_tables.py`.
"""

from contextvars import ContextVar

_reseller_id: ContextVar[str | None] = ContextVar("reseller_id", default=None)


class OutOfScopeError(Exception):
    """A partner's operation ran a statement that the scope does not allow; this is a bug."""


NOWHERE = ""
"""A reseller id that no customer has: a scope without customers."""

current_tenant = _reseller_id.get
"""Returns the reseller id of the current scope; None if the operation sees everything."""


def bind_tenant(reseller_id: str | None) -> None:
    """Set the scope of the current task and the tasks that it starts; None means everything."""
    _reseller_id.set(reseller_id)


class preserve_tenant_scope:  # noqa: N801  # used as a function is
    """A context at whose end the tenant scope is what it was at the beginning."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _reseller_id.set(_reseller_id.get())

    def __exit__(self, *_: object) -> None:
        _reseller_id.reset(self._token)
