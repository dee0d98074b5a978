"""Writes examples/bruno: a Bruno collection with each query and mutation of the schema.

`python -m tests.bruno_collection` makes it from the printed schema, and from the operations of the
playground, whose variables need the ids that its request `Samples` stores.
"""

import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from graphql import (
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_enum_type,
    is_leaf_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
    parse,
    print_ast,
)

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = ROOT / "examples" / "bruno"
RESULTS = "results"
"""The field of payloads with a result for each row, which is selected as far as a payload."""
GENERATED = ("queries", "mutations", "playground")
"""The folders that are written anew."""

PLACEHOLDER = re.compile(r"\{\{([\w.]+)\}\}")
DEPTH = 1
"""How deep objects are selected below the object of a root field."""

VALUES: Mapping[str, Any] = {
    "ID": "",
    "String": "text",
    "Int": 1,
    "Float": 1.0,
    "Boolean": False,
    "Date": "2026-01-01",
    "DateTime": "2026-01-01T00:00:00Z",
    "Decimal": "1.50",
}

NAMED = {"untilOn": "2026-12-31", "untilAt": "2027-01-01T00:00:00Z"}
"""Values of arguments by name, so that a period ends after it has begun."""

CHOSEN: Mapping[str, dict[str, Any]] = {
    "contact": {"id": ""},
    "customer": {"id": ""},
    "customerClass": {"code": "CHARITY"},
}
"""Arguments of queries that need one of several."""


INPUTS: Mapping[str, dict[str, Any]] = {
    "redeliverWebhooks": {
        "endpointId": "",
        "fromAt": "2026-01-01T00:00:00Z",
        "untilAt": "2026-01-02T00:00:00Z",
        "outcomes": ["FAILED"],
    },
    "restartEnrichments": {"filter": {"statuses": ["FAILED"]}, "dryRun": True},
    "saveContact": {
        "customerId": "",
        "name": "Ann Sample",
        "email": "ann@sample.example",
        "receivesBills": True,
    },
    "saveContacts": {
        "rows": [{"customerId": "", "name": "Ann Sample", "externalReference": "contact-1"}]
    },
    "saveCustomer": {
        "name": "Sandbox Beta Limited",
        "classCode": "COMPANY_UK_LIMITED",
        "companyNumber": "90000001",
    },
    "saveCustomerClass": {"name": "Housing associations", "checkCompaniesHouse": False},
    "saveCustomerTemplate": {"name": "New charities", "classId": ""},
    "saveCustomers": {
        "rows": [{"name": "Sample", "classCode": "CHARITY", "externalReference": "customer-1"}]
    },
    "savePlatformDefaults": {"classId": ""},
    "saveUser": {"name": "Ann Sample", "email": "ann@sample.example"},
    "saveUserGroup": {"name": "Front office"},
    "saveWebhookEndpoint": {
        "url": "https://hooks.example/in",
        "eventTypes": ["CUSTOMER_CREATED", "CUSTOMER_UPDATED"],
    },
}
"""Inputs of mutations whose input types require nothing, or rows that require nothing."""


def files(schema: GraphQLSchema, operations: Path) -> dict[str, str]:
    """Return the generated files of the collection: their content by path."""
    found = {}
    for folder, root in (("queries", schema.query_type), ("mutations", schema.mutation_type)):
        fields = root.fields if root is not None else {}
        for number, (name, field) in enumerate(sorted(fields.items()), 1):
            text = document(name, field, "query" if folder == "queries" else "mutation")
            given = {
                key: NAMED.get(key) or example(argument.type)
                for key, argument in field.args.items()
                if is_required_argument(argument)
            }
            if name in INPUTS:
                given["input"] = INPUTS[name]
            found[f"{folder}/{name}.bru"] = request(
                name, number, text, given | CHOSEN.get(name, {}), docs=field.description or ""
            )
    return found | dict(_of_playground(operations))


def request(
    name: str, number: int, text: str, variables: object, *, docs: str = "", script: str = ""
) -> str:
    """Return a request in Bruno's markup."""
    blocks = {
        "meta": f"name: {name}\ntype: graphql\nseq: {number}",
        "post": "url: {{api}}/graphql\nbody: graphql\nauth: inherit",
        "body:graphql": text,
        "body:graphql:vars": json.dumps(variables, indent=2),
        "script:post-response": script,
        "docs": docs,
    }
    return "\n".join(
        f"{title} {{\n{_indented(body)}\n}}\n" for title, body in blocks.items() if body
    )


def document(name: str, field: GraphQLField, kind: str) -> str:
    """Return a document with a root field, all of its arguments, and what it returns."""
    title = f"{name[0].upper()}{name[1:]}"
    variables = ", ".join(f"${key}: {argument.type}" for key, argument in field.args.items())
    arguments = ", ".join(f"{key}: ${key}" for key in field.args)
    given = (f"({variables})", f"({arguments})") if field.args else ("", "")
    selected = selection(get_named_type(field.type), DEPTH)
    return print_ast(parse(f"{kind} {title}{given[0]} {{ {name}{given[1]} {selected} }}"))


def selection(kind: Any, depth: int) -> str:
    """Return a selection of a type's fields that need no arguments, as far as `depth`."""
    if is_leaf_type(kind):
        return ""
    parts = ["__typename"] if is_abstract_type(kind) else []
    for name, field in getattr(kind, "fields", {}).items():
        needs_more = any(map(is_required_argument, field.args.values()))
        if needs_more or field.deprecation_reason is not None:
            continue
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            parts.append(name)
        elif depth > 0 and name != "edges":
            parts.append(f"{name} {selection(inner, depth - (name != RESULTS))}")
    return f"{{ {' '.join(parts) or '__typename'} }}"


ALWAYS = frozenset({"customerId"})
"""Optional input fields of which examples have a value, as one of several is required."""


def example(kind: Any) -> Any:
    """Return a value of an input type, with the fields that it needs, for the reader to change."""
    kind = get_nullable_type(kind)
    if is_list_type(kind):
        return [example(kind.of_type)]
    if is_enum_type(kind):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        fields = kind.fields.items()
        if kind.is_one_of:
            return {name: example(field.type) for name, field in list(fields)[:1]}
        return {
            name: example(one.type)
            for name, one in fields
            if is_required_input_field(one) or name in ALWAYS
        }
    return VALUES.get(kind.name, "")


def _of_playground(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the requests of the playground, first the one that stores the ids that others need."""
    sources = sorted(folder.glob("[0-9]*.graphql"))
    variables = {path: path.with_suffix(".json").read_text() for path in sources}
    wanted = sorted({one for text in variables.values() for one in PLACEHOLDER.findall(text)})
    script = "\n".join(f'bru.setVar("{one}", {_javascript(one)});' for one in wanted)
    (_, samples), *_ = _operations(folder / "samples.graphql")
    docs = "Run this first: it stores the ids that the other requests of this folder need."
    yield "playground/samples.bru", request("Samples", 1, samples, {}, docs=docs, script=script)
    for path in sources:
        given = json.loads(variables[path])
        for number, (node, text) in enumerate(_operations(path), 1):
            if node.operation is OperationType.SUBSCRIPTION or node.name is None:
                continue  # these need a WebSocket
            names = [one.variable.name.value for one in node.variable_definitions or ()]
            used = {name: given[name] for name in names if name in given}
            name = node.name.value
            yield f"playground/{path.stem}/{name}.bru", request(name, number, text, used)


def _javascript(path: str) -> str:
    """Return `res.body.data.plc?.nodes?.[0]?.id` for `plc.nodes.0.id`."""
    keys = "".join(f"?.[{key}]" if key.isdigit() else f"?.{key}" for key in path.split("."))
    return f"res.body.data{keys}"


def _operations(path: Path) -> Iterator[tuple[OperationDefinitionNode, str]]:
    """Yield the operations of a document, each with its text and all fragments."""
    definitions = parse(path.read_text()).definitions
    fragments = [one for one in definitions if isinstance(one, FragmentDefinitionNode)]
    for node in definitions:
        if isinstance(node, OperationDefinitionNode):
            text = print_ast(node)
            used = [one for one in fragments if f"...{one.name.value}" in text]
            yield node, "\n\n".join([text, *map(print_ast, used)])


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in text.split("\n"))


def main() -> None:
    """Write the collection."""
    schema = build_schema((ROOT / "schema" / "schema.graphql").read_text())
    for folder in GENERATED:
        shutil.rmtree(COLLECTION / folder, ignore_errors=True)
    made = files(schema, ROOT / "playground" / "operations")
    for name, text in made.items():
        path = COLLECTION / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    sys.stdout.write(f"{len(made)} requests in {COLLECTION.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
