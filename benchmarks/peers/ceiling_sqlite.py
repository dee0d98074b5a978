"""The upper bound on SQLite: the same answers, read by `sqlite3` on the event loop."""

import os
import re
import sqlite3
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.peers import ceiling
from benchmarks.peers.written_rows import BARE, WHOLE, new_rows

FIRST_OF_CLASS = """SELECT customer_class_id, id, name, account_number FROM customer
  WHERE customer_class_id = ? AND erased_at IS NULL ORDER BY name_key, id LIMIT 5"""


def in_sqlite(statement: str) -> str:
    """Translate a PostgreSQL statement for SQLite."""
    lists = re.sub(r"= ANY \(\$1\)", "IN (SELECT value FROM json_each(?1))", statement)
    return re.sub(r"\$(\d)", r"?\1", lists)


class Store:
    """The server's only connection to SQLite."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, cached_statements=256)
        self._connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 15000"
        )
        self._translated: dict[str, str] = {}

    def fetch(self, statement: str, *values: Any) -> list[Any]:
        """Return the rows of a statement."""
        text = self._translated.get(statement)
        if text is None:
            text = self._translated[statement] = in_sqlite(statement)
        given = [
            orjson.dumps(value).decode()
            if isinstance(value, list)
            else str(value)
            if isinstance(value, datetime)
            else value
            for value in values
        ]
        return self._connection.execute(text, given).fetchall()

    async def fetch_at_once(self, statement: str, *values: Any) -> list[Any]:
        """Return the rows of a statement; a coroutine for asyncpg's interface, but blocking."""
        if statement == ceiling.FIRST_OF_CLASSES:
            return [row for one in values[0] for row in self.fetch(FIRST_OF_CLASS, one)]
        return self.fetch(statement, *values)

    def write(self, operation: str, wanted: dict[str, Any]) -> dict[str, Any]:
        """Store a customer: its bare row, or all the rows that the project writes with it."""
        row = self.fetch("SELECT id, name FROM customer_class WHERE id = $1", wanted["classId"])[0]
        self._connection.execute("BEGIN IMMEDIATE")
        for statement, values in new_rows(wanted, BARE if operation == "Q5" else WHOLE):
            self.fetch(statement, *values)
        self._connection.execute("COMMIT")
        customer = {
            "name": wanted["name"],
            "companyNumber": wanted["companyNumber"],
            "version": 1,
            "customerClass": {"id": row[0], "name": row[1]},
        }
        return {"saveCustomer": {"customer": customer, "userErrors": []}}


def create_app() -> Starlette:
    """Return the application."""
    store = Store(urlsplit(os.environ["DATABASE_URL"]).path)

    async def answer(request: Request) -> Response:
        body = orjson.loads(await request.body())
        operation, variables = body["operationName"], body["variables"]
        if operation.startswith("Q5"):
            return ceiling.json_answer(store.write(operation, variables["input"]))
        return ceiling.json_answer(await ceiling.read(store.fetch_at_once, operation, variables))

    return Starlette(routes=[Route("/graphql", answer, methods=["POST"])])


if __name__ == "__main__":
    uvicorn.run(create_app(), port=int(os.environ["PORT"]), log_level="error", access_log=False)
