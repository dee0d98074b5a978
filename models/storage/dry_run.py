"""Whether the current transaction is a dry run, which is rolled back."""

from contextvars import ContextVar

is_dry_run: ContextVar[bool] = ContextVar("is_dry_run", default=False)
"""True in the transaction of a dry run; `Database.transaction` sets it."""


def version_step() -> int:
    """Return by how much a change increases a row's version.

    That is 0 in a dry run: its result shows the version that is stored, which is also the one that
    a real change must expect.
    """
    return 0 if is_dry_run.get() else 1
