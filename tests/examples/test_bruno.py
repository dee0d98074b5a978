"""The Bruno collection has each operation of the schema, is up to date, and has no secrets."""

import json
from typing import Any

from graphql import GraphQLError, build_schema, parse, validate, validate_input_value

from tests.bruno_collection import COLLECTION, GENERATED, ROOT, files
from tests.graphql_client import Api

SCHEMA = build_schema((ROOT / "schema" / "schema.graphql").read_text())
MADE = files(SCHEMA, ROOT / "playground" / "operations")


def block(text: str, title: str) -> str:
    """Return the content of a block of a request."""
    return text.partition(f"{title} {{\n")[2].partition("\n}\n")[0]


def test_the_collection_is_as_generated() -> None:
    written = {
        str(path.relative_to(COLLECTION)): path.read_text()
        for folder in GENERATED
        for path in (COLLECTION / folder).rglob("*.bru")
    }
    assert written == MADE, "write it anew: make collection"


def test_each_query_and_mutation_has_a_request() -> None:
    assert SCHEMA.query_type is not None
    assert SCHEMA.mutation_type is not None
    for folder, root in (("queries", SCHEMA.query_type), ("mutations", SCHEMA.mutation_type)):
        made = {name for name in MADE if name.startswith(f"{folder}/")}
        assert made == {f"{folder}/{name}.bru" for name in root.fields}


def test_each_document_is_valid() -> None:
    for name, text in MADE.items():
        faults = validate(SCHEMA, parse(block(text, "body:graphql")))
        assert [fault.message for fault in faults] == [], name


def test_each_mutation_has_a_sample_input_of_its_type() -> None:
    root = SCHEMA.mutation_type
    assert root is not None
    for name, field in root.fields.items():
        given = json.loads(block(MADE[f"mutations/{name}.bru"], "body:graphql:vars"))["input"]
        assert given, name
        assert all(given.get("rows", ["any"])), name
        faults: list[str] = []

        def note(error: GraphQLError, _: object, known: list[str] = faults) -> None:
            known.append(error.message)

        validate_input_value(given, field.args["input"].type, note)
        assert faults == [], name


def test_the_environment_has_no_secret() -> None:
    text = (COLLECTION / "environments" / "local.bru").read_text()
    assert text == "vars {\n  api: http://127.0.0.1:8000\n}\nvars:secret [\n  token\n]\n"


async def test_each_query_is_within_the_limits_and_answers(api: Api) -> None:
    """Those by an id find nothing, and no register of companies can be reached here."""
    refused = {}
    for name, text in MADE.items():
        if name.startswith("queries/"):
            variables: dict[str, Any] = json.loads(block(text, "body:graphql:vars") or "{}")
            body = await api.answer(block(text, "body:graphql"), **variables)
            codes = {one["extensions"]["code"] for one in body.get("errors", ())}
            if codes:
                refused[name] = codes
    assert refused == {"queries/companySearch.bru": {"COMPANIES_HOUSE_UNAVAILABLE"}}
