"""Selects everything in the payloads of mutations."""

from tests.graphql_client import the_schema
from tests.selecting import everything_of


def whole(mutation: str) -> str:
    """Return the document of a mutation that selects all fields below its payload."""
    mutations = the_schema()._schema.mutation_type
    assert mutations is not None
    select = everything_of(mutations.fields[mutation].type, {"at": '"2026-11-01T00:00:00Z"'})
    kind = f"{mutation[0].upper()}{mutation[1:]}Input"
    return f"mutation($input: {kind}!) {{ {mutation}(input: $input) {select} }}"
