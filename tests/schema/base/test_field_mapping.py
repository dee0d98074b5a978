"""Field mappings, and row queries that callers with the same visible fields share."""

from collections import defaultdict
from unittest.mock import Mock

import pytest

from models.storage.database import Database
from models.storage.row_query_compiler import compile_shape
from models.tables.access import Principal, Scope
from schema.base import projections
from schema.base.field_mapping import READ, Batched, models_of
from schema.base.selections import known_fields
from tests.graphql_client import context_of, the_schema

OTHERS = sorted(set(Scope) - {Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE, Scope.CONTACTS_READ})


def test_rows_of_one_name_are_the_same_rows_and_no_fields() -> None:
    for kind in models_of:
        fields = known_fields(kind).values()
        wanted = defaultdict(set)
        for field in fields:
            way = field.metadata.get(READ)
            for name, rows in way.rows.items() if isinstance(way, Batched) else ():
                wanted[name].add((rows.kind, rows.back, rows.order))
        assert all(len(ways) == 1 for ways in wanted.values())
        assert wanted.keys().isdisjoint(field.python_name for field in fields)


async def test_who_may_see_the_same_shares_a_reader(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Regardless of other scopes; otherwise one query would be kept for each set of scopes."""
    compiling = Mock(wraps=compile_shape)
    monkeypatch.setattr(projections, "compile_shape", compiling)
    schema = the_schema()
    document = "{ customers { nodes { name contacts { name } consent { isGiven entry { id } } } } }"
    for number in range(100):
        scopes = {one for place, one in enumerate(OTHERS) if number >> place & 1}
        scopes |= {Scope.CUSTOMERS_READ, *([Scope.CONTACTS_READ] if number % 2 else [])}
        principal = Principal("tok_1", "Tess", frozenset(scopes))
        context = context_of(database, principal)
        result = await schema.execute(document, context_value=context)
        assert result.data == {"customers": {"nodes": []}}
    # With and without contacts, and with and without consent entries.
    assert compiling.call_count == 4
