"""The tenant scope of the current operation: everything, or one reseller and its customers (R99).

The scope of a principal that is bound to a reseller is that customer and the customers whose parent
it is; nothing else exists for it (R95). Signing in sets the scope for the current task and the
tasks that it starts: transactions, operations of a WebSocket, streams. Workers and operators have
no scope and see everything.

Code that reads or writes does not apply the scope itself: each statement passes
`models/storage/tenant_clients.py` or `run` in `models/storage/sql.py`, which apply what
`models/storage/scope_tables.py` declares.
"""

from contextvars import ContextVar

_reseller_id: ContextVar[str | None] = ContextVar("reseller_id", default=None)


class OutOfScopeError(Exception):
    """A partner's operation sent a statement that cannot be scoped: a bug, masked as such."""


NOWHERE = ""
"""A scope without customers: no customer has this id."""

current_tenant = _reseller_id.get
"""Returns the reseller id of the current scope; None if the operation sees everything."""


def bind_tenant(reseller_id: str | None) -> None:
    """Set the scope of the current task and of the tasks that it starts from now on."""
    _reseller_id.set(reseller_id)


class keeping_tenant:  # noqa: N801  # used as a function is
    """Restore the scope at the end of the block."""

    __slots__ = ("_token",)

    def __enter__(self) -> None:
        self._token = _reseller_id.set(_reseller_id.get())

    def __exit__(self, *_: object) -> None:
        _reseller_id.reset(self._token)
