"""The playground's documents: each is valid, and runs on the sample customers without errors."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, OperationType, parse, print_ast, validate

from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import LiveApi, connected, serving, the_schema
from tests.sample_customers import sampled_api

FOLDER = Path(__file__).resolve().parent.parent.parent / "playground" / "operations"
DOCUMENTS = sorted(FOLDER.glob("[0-9]*.graphql"))
PLACEHOLDER = re.compile(r"\{\{([\w.]+)\}\}")
TOPICS = ["save-and-enrich", "follow", "suggestions", "contacts", "consent", "delivery-preview"]
TOPICS += ["retire", "many-at-once", "events", "report", "webhooks", "imports", "exports"]


@pytest.fixture
async def sampled(databases: Databases, clock: Clock) -> AsyncIterator[LiveApi]:
    """Yield the application with the sample customers, whose lookups have ended."""
    clock.now = datetime.now(UTC)  # as the worker's, which deletes old imports
    async with sampled_api(databases, clock) as live:
        yield live


def value_at(within: Any, path: str) -> Any:
    """Return the value at a path such as `plc.nodes.0.id`, as the page does."""
    for key in path.split("."):
        within = within[int(key) if isinstance(within, list) else key]
    return within


async def variables_of(api: LiveApi, document: Path) -> dict[str, Any]:
    """Return the variables of a document, with the ids of the samples in place of placeholders."""
    samples = await api.data((FOLDER / "samples.graphql").read_text())
    text = document.with_suffix(".json").read_text()
    filled = PLACEHOLDER.sub(lambda found: str(value_at(samples, found[1])), text)
    variables: dict[str, Any] = json.loads(filled)
    return variables


def operations_of(document: Path) -> list[OperationDefinitionNode]:
    nodes = parse(document.read_text()).definitions
    return [node for node in nodes if isinstance(node, OperationDefinitionNode)]


def test_each_topic_has_a_tab() -> None:
    names = [document.stem.partition("-")[2] for document in DOCUMENTS]
    assert names == TOPICS


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.graphql")), ids=lambda path: path.stem)
def test_a_document_is_valid_and_explains_itself(path: Path) -> None:
    text = path.read_text()
    assert validate(the_schema()._schema, parse(text)) == []
    assert text.startswith("# ")
    for operation in operations_of(path):
        assert operation.name is not None  # it names its tab, and the entry of the run button


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
async def test_each_operation_of_a_tab_runs_as_it_stands(sampled: LiveApi, path: Path) -> None:
    """In the order of the document, and without errors for a newcomer to puzzle over."""
    variables = await variables_of(sampled, path)
    text, operations = path.read_text(), operations_of(path)  # noqa: ASYNC240  # a small file
    async with serving(sampled.app) as address, connected(address) as socket:
        await socket.sign_in(sampled.token)
        for operation in operations:
            assert operation.name is not None
            name = operation.name.value
            payload = {"query": text, "variables": variables, "operationName": name}
            await socket.send(type="subscribe", id=name, payload=payload)
            body = await socket.next(name)
            assert "errors" not in body, body
            for field, answer in body["data"].items():
                assert answer is not None, (name, field)
                if operation.operation is OperationType.MUTATION:
                    assert answer["userErrors"] == [], (name, answer)
            if operation.operation is OperationType.SUBSCRIPTION:
                await socket.send(type="complete", id=name)
            else:
                assert await socket.receive() == {"type": "complete", "id": name}


async def test_the_sample_with_typed_values_has_two_suggestions(sampled: LiveApi) -> None:
    """One to accept and one to reject."""
    samples = await sampled.data((FOLDER / "samples.graphql").read_text())
    assert len(samples["corrected"]["nodes"][0]["suggestions"]) == 2


async def test_the_question_what_if_has_an_answer_before_and_after_the_consent(
    sampled: LiveApi,
) -> None:
    """The tabs are run from left to right, so the consent of the one before may be stored."""
    (consent,) = (path for path in DOCUMENTS if path.stem == "05-consent")
    (preview,) = (path for path in DOCUMENTS if path.stem == "06-delivery-preview")
    what_if = operations_of(preview)[1]
    assert what_if.name is not None
    assert what_if.name.value == "WhatIf"
    text = print_ast(what_if)
    asked = {"personId": (await variables_of(sampled, preview))["personId"]}
    found = []
    for recorded in (False, True):
        if recorded:
            record = print_ast(operations_of(consent)[0])
            variables = {"consent": (await variables_of(sampled, consent))["consent"]}
            answer = await sampled.data(record, **variables)
            assert answer["recordConsent"]["userErrors"] == []
        customer = (await sampled.data(text, **asked))["customer"]
        found.append(
            [customer[name]["difference"] != [] for name in ("withConsent", "withoutConsent")]
        )
    assert found == [[True, False], [False, True]]
