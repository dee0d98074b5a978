"""Checks whether the database's schema fits this program, by the names of the migrations.

The names of the program's migrations are compared with those that were applied to the database. A
program may write although it does not know an applied migration whose name ends in `_additive`:
such a migration only adds an index, a table or a nullable column, for example.
"""

import pkgutil
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from models.storage.database_faults import DatabaseFault, DatabaseUnavailable, FaultKind

APPLIED = "SELECT name FROM tortoise_migrations WHERE app = 'models'"
ADDITIVE = "_additive"
FOLDER = Path(__file__).parents[1] / "migrations"


@dataclass(frozen=True, slots=True)
class SchemaFit:
    """How the migrations applied to the database differ from those of this program."""

    missing: tuple[str, ...] = ()
    """Migrations of this program that were not applied: the database is older."""
    unknown: tuple[str, ...] = ()
    """Applied migrations that this program does not know: the database is newer."""

    @property
    def may_write(self) -> bool:
        return not self.missing and not self.breaking

    @property
    def mismatch(self) -> DatabaseFault | None:
        """The fault to report for refused writes; None if the program may write."""
        if self.may_write:
            return None
        return DatabaseFault(FaultKind.SCHEMA_MISMATCH, (*self.missing, *self.breaking)[0])

    @property
    def breaking(self) -> tuple[str, ...]:
        """Those unknown migrations with which this program may not write."""
        return tuple(name for name in self.unknown if not name.endswith(ADDITIVE))

    def __str__(self) -> str:
        """Say how the schema differs from what the program needs; `ok` if the program may write."""
        if self.missing:
            return f"older: {', '.join(self.missing)} missing; run `manage.py migrate`"
        if self.breaking:
            return f"newer: {', '.join(self.breaking)} unknown; update this program"
        return "ok"

    def refuse_writes(self) -> None:
        """Raise DatabaseUnavailable if the program may not write."""
        if (mismatch := self.mismatch) is not None:
            raise DatabaseUnavailable(mismatch)


def fit_of(own: Collection[str], applied: Collection[str]) -> SchemaFit:
    """Compare the names of a program's `own` migrations with those of the applied ones."""
    return SchemaFit(tuple(sorted(set(own) - set(applied))), tuple(sorted(set(applied) - set(own))))


@cache
def own_migrations() -> frozenset[str]:
    """Return the names of this program's migrations, from the files of `models/migrations`."""
    return frozenset(
        module.name for module in pkgutil.iter_modules([str(FOLDER)]) if module.name[0].isdigit()
    )
