"""Fills a new SQLite file with rows in all tables, in a process of its own.

`python -m tests.sqlite_world FILE` prints the secret of a token with all scopes. A process can use
only one kind of database, so a test on PostgreSQL cannot do this itself.
"""

import asyncio
import sys
from datetime import UTC, date, datetime
from typing import Any

from tortoise import fields
from tortoise.models import Model

from models import Customer, Heartbeat, JobPause
from models.storage.database import Database
from models.storage.migrate import migrate
from models.tables.access import Scope, new_token
from tests.clock import Clock
from tests.factories import TABLES
from tests.partner_world import two_partners

INSTANT = datetime(2026, 10, 1, 9, 30, 0, 123456, tzinfo=UTC)
ODD_NAME = 'Zoë \\N \t"O\'Brien" 🏢 \\'
ODD_JSON = {"b": 1.10, "a": [100000, 1e5, 12345678901234567890, None, True], "é": "\\\n"}

VALUES: dict[type[Any], Any] = {
    fields.SmallIntField: 3,
    fields.BigIntField: 2**62,
    fields.IntField: 2**30,
    fields.BooleanField: True,
    fields.DatetimeField: INSTANT,
    fields.DateField: date(2026, 10, 1),
    fields.BinaryField: bytes(range(256)),
    fields.JSONField: ODD_JSON,
}
"""A value for a field of each type."""


def value_of(field: Any) -> Any:
    """Return a value that fits a field."""
    if (enum := getattr(field, "enum_type", None)) is not None:
        return next(iter(enum))
    return next((VALUES[kind] for kind in VALUES if isinstance(field, kind)), "x")


async def add_row(model: type[Model]) -> None:
    """Add a row with a value in each column to a table that references no other."""
    await model.create(
        **{
            name: value_of(field)
            for name, field in model._meta.fields_map.items()
            if not (field.pk and field.generated)
        }
    )


async def fill(url: str) -> str:
    """Create the file, and return a token's secret."""
    database = Database(url)
    await database.open()
    try:
        await migrate(database)
        await two_partners(database, Clock())
        token, secret = new_token("all", frozenset(Scope), INSTANT)
        await token.save()
        customer = await Customer.filter(erased_at=None).order_by("id").first()
        assert customer is not None
        await Customer.filter(id=customer.id).update(
            name=ODD_NAME, profile={**customer.profile, "odd": ODD_JSON}
        )
        for model in TABLES:
            if not await model.exists():
                await add_row(model)
        await Heartbeat.all().delete()
        await add_row(Heartbeat)
        # A sequence goes on after ids that were given and deleted.
        for kind in ("one", "two"):
            await JobPause.create(kind=kind, paused_at=INSTANT)
        await JobPause.filter(kind="two").delete()
        empty = [one.__name__ for one in TABLES if not await one.exists()]
        assert empty == []
    finally:
        await database.close()
    return secret


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(fill(f"sqlite://{sys.argv[1]}")))
