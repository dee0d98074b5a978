"""Recomputes the keys of names and searches, with the same sort order on both databases.

Keys ignore case, invisible characters and repeated blanks, and in searches also accents. Account
numbers get a key too, which is unique.
"""

from collections.abc import Iterable
from typing import Any

from tortoise import fields, migrations
from tortoise.migrations import operations as ops
from tortoise.migrations.schema_editor.base import BaseSchemaEditor
from tortoise.migrations.schema_generator.state_apps import StateApps

from models.rules.folding import folded, searchable

AT_ONCE = 1_000
MAX_KEY = 500
"""The maximum length of a key to which an id is appended."""

NAMED = ("customer_class", "customer_template", "user_group")
"""Tables in which a name is unique."""

ORDERED = (
    ("customer", "name_key", 600),
    ("customer", "account_number", 64),
    ("customer", "account_number_key", 225),
    *((table, "name_key", 600) for table in (*NAMED, "app_user")),
)
"""Columns that lists are ordered by, with their lengths."""

SAME_NUMBERS = """UPDATE customer SET account_number_key = account_number_key || {line_feed} || id
  WHERE id IN (SELECT id FROM (
    SELECT id, row_number() OVER (PARTITION BY account_number_key ORDER BY id) AS place
    FROM customer) AS numbered WHERE place > 1)"""

UNIQUE = """CREATE UNIQUE INDEX uid_customer_account_number_key ON customer (account_number_key)"""


RENAMED_REASON = """UPDATE enrichment_run SET reason = 'NOT_LIMITED_OR_PLC'
  WHERE reason = 'NOT_A_UK_COMPANY'"""
"""The reason gets a clearer name: most people would call a UK partnership a UK company too."""


class Rows:
    """Reads and writes rows by hand-written statements, on either database."""

    def __init__(self, editor: BaseSchemaEditor) -> None:
        self._client: Any = editor.client
        self.is_postgres = editor.DIALECT == "postgres"

    async def read(self, text: str, *values: Any) -> list[dict[str, Any]]:
        """Run a query and return its rows; each `?` in `text` stands for the next value."""
        found: list[dict[str, Any]] = await self._client.execute_query_dict(
            self._spelt(text), list(values)
        )
        return found

    async def write(self, text: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run a statement once for each tuple of values."""
        if given := [list(row) for row in rows]:
            await self._client.execute_many(self._spelt(text), given)

    def _spelt(self, text: str) -> str:
        first, *rest = text.split("?")
        if not self.is_postgres:
            return text
        return first + "".join(f"${place}{part}" for place, part in enumerate(rest, start=1))


async def renew_names(rows: Rows, table: str) -> None:
    """Recompute the keys of a table's names, which must be unique.

    If several names now have the same key, a row that had this key before keeps it, or else the
    oldest row gets it. The keys of the others end in a line feed, which no name contains, and the
    row's id.
    """
    found = await rows.read(f"SELECT id, name, name_key FROM {table} ORDER BY id")  # noqa: S608  # a constant
    changed = [row for row in found if folded(row["name"]) != row["name_key"]]
    taken = {row["name_key"] for row in found} - {row["name_key"] for row in changed}
    made = []
    for row in changed:
        key = folded(row["name"])
        if key in taken:
            key = f"{key[:MAX_KEY]}\n{row['id']}"
        taken.add(key)
        made.append((key, row["id"]))
    update = f"UPDATE {table} SET name_key = ? WHERE id = ?"  # noqa: S608  # a constant
    await rows.write(update, ((f"\n{row_id}", row_id) for _, row_id in made))
    await rows.write(update, made)


async def renew_users(rows: Rows) -> None:
    """Recompute the keys of users' names, which need not be unique."""
    found = await rows.read("SELECT id, name, name_key FROM app_user")
    made = ((folded(row["name"]), row["id"]) for row in found)
    await rows.write("UPDATE app_user SET name_key = ? WHERE id = ?", made)


async def renew_customers(rows: Rows) -> None:
    """Recompute the keys of customers in batches; only rows whose keys change are updated."""
    last = ""
    while found := await rows.read(
        "SELECT id, name, name_key, account_number, company_number, external_reference, search_key,"
        f" erased_at FROM customer WHERE id > ? ORDER BY id LIMIT {AT_ONCE:d}",
        last,
    ):
        last = found[-1]["id"]
        await rows.write(
            "UPDATE customer SET account_number_key = ? WHERE id = ?",
            ((folded(row["account_number"]), row["id"]) for row in found),
        )
        renewed = ((folded(row["name"]), _search_key(row), row) for row in found)
        await rows.write(
            "UPDATE customer SET name_key = ?, search_key = ? WHERE id = ?",
            (
                (name, search, row["id"])
                for name, search, row in renewed
                if (name, search) != (row["name_key"], row["search_key"])
            ),
        )
    line_feed = "chr(10)" if rows.is_postgres else "char(10)"
    await rows.write(SAME_NUMBERS.format(line_feed=line_feed), [()])
    await rows.write(UNIQUE, [()])


def _search_key(row: dict[str, Any]) -> str:
    if row["erased_at"] is not None:
        return ""
    searched = ("name", "account_number", "company_number", "external_reference")
    return "\n".join(searchable(row[name]) for name in searched if row[name])


async def renew(_: StateApps, editor: BaseSchemaEditor) -> None:
    """Set the collations of key columns, and recompute all keys."""
    rows = Rows(editor)
    if rows.is_postgres:
        for table, column, length in ORDERED:
            await editor.client.execute_query(
                f'ALTER TABLE {table} ALTER COLUMN {column} TYPE varchar({length}) COLLATE "C"'
            )
    for table in NAMED:
        await renew_names(rows, table)
    await renew_users(rows)
    await renew_customers(rows)
    await rows.write(RENAMED_REASON, [()])


class Migration(migrations.Migration):
    """Recomputes all keys, even if some collide.

    Account numbers whose keys are now equal keep working: the oldest customer is found by all
    spellings, each other customer by their exact number. No further customer can get such a number,
    and an edit that does not change the number does not change its key.
    """

    dependencies = [("models", "0016_job_places")]  # noqa: RUF012  # the framework's own form

    operations = [  # noqa: RUF012  # see above
        ops.AddField(
            "Customer", "account_number_key", fields.CharField(max_length=225, db_default="")
        ),
        ops.RunPython(renew, ops.RunPython.noop),
    ]
