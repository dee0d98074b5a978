"""Documents that were seen before are executed without parsing and validating them again."""

from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, parse
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import MaxTokensLimiter
from strawberry.scalars import JSON
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.graphql import OperationType

from schema import execution
from schema.documents import Documents
from schema.execution import MOST_TOKENS, NamedOperation, RememberingSchema
from schema.plan import PlannedExecution

DOCUMENT = parse("{ a }")


def test_the_least_recently_used_document_makes_room() -> None:
    documents = Documents(most=2)
    documents.keep("a", DOCUMENT)
    documents.keep("b", DOCUMENT)
    assert documents.get("a") is DOCUMENT
    documents.keep("c", DOCUMENT)
    assert [documents.get(text) for text in "abc"] == [DOCUMENT, None, DOCUMENT]


def test_long_texts_count_for_more() -> None:
    documents = Documents(most_text=10)
    documents.keep("aaaa", DOCUMENT)
    documents.keep("bbbb", DOCUMENT)
    documents.keep("bbbb", DOCUMENT)
    assert len(documents) == 2
    documents.keep("cccc", DOCUMENT)
    assert documents.get("aaaa") is None
    assert documents.get("bbbb") is DOCUMENT
    documents.keep("d" * 10, DOCUMENT)
    assert len(documents) == 1


def test_a_text_that_is_too_long_pushes_nothing_out() -> None:
    documents = Documents(longest_text=5)
    documents.keep("a", DOCUMENT)
    documents.keep("b" * 6, DOCUMENT)
    assert documents.get("a") is DOCUMENT
    assert documents.get("b" * 6) is None


class Watched:
    """What a schema was asked to process."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, Any, Any]] = []

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Note the errors with their request, and mask bugs."""
        assert execution_context is not None
        for error in errors:
            self.errors.append((error.message, execution_context.query, execution_context.context))
            if error.original_error is not None:
                error.message = "Masked."


class Remembering(Watched, RememberingSchema):
    """The schema that is tested."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Watched.__init__(self)
        RememberingSchema.__init__(self, *args, **kwargs)


class Ordinary(Watched, strawberry.Schema):
    """What it is compared with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Watched.__init__(self)
        kwargs["extensions"] = [lambda: MaxTokensLimiter(MOST_TOKENS), NamedOperation]
        strawberry.Schema.__init__(self, *args, **kwargs)


@strawberry.type
class Query:
    @strawberry.field
    async def twice(self, text: str) -> str:
        """Say it twice."""
        return text * 2

    @strawberry.field
    def extensions(self, info: strawberry.Info) -> JSON:
        """Give the extensions of the request."""
        raw: Any = info._raw_info
        return JSON(raw.operation_extensions)

    @strawberry.field
    def bug(self) -> str | None:
        """Fail."""
        raise ZeroDivisionError("secret")

    @strawberry.field
    def root(self, info: strawberry.Info) -> str:
        """Give the root value and the context."""
        return f"{info.root_value} {info.context}"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def act(self) -> int:
        """Act."""
        return 1


def build(kind: type[Any], **settings: Any) -> Any:
    return kind(Query, Mutation, execution_context_class=PlannedExecution, **settings)


READS = [OperationType.QUERY]
REQUESTS: list[dict[str, Any]] = [
    {"query": '{ twice(text: "a") }'},
    {"query": "query ($t: String!) { twice(text: $t) }", "variable_values": {"t": "b"}},
    {"query": "query ($t: String!) { twice(text: $t) }", "variable_values": {}},
    {"query": "query ($t: String!) { twice(text: $t) }"},
    {"query": "{ extensions }", "operation_extensions": {"a": 1}},
    {"query": "{ root }", "root_value": "r", "context_value": "c"},
    {"query": "{ bug }", "context_value": "c"},
    {"query": "mutation { act }"},
    {"query": "mutation { act }", "allowed_operation_types": READS},
    {"query": "mutation { nothing }", "allowed_operation_types": READS},
    {"query": "query A { root } query B { bug }"},
    {"query": "query A { root } query B { bug }", "operation_name": "B"},
    {"query": "query A { root } query B { bug }", "operation_name": "C"},
    {"query": "{ root } query B { bug }"},
    {"query": "fragment F on Query { bug }"},
    {"query": "{ nothing }", "context_value": "c"},
    {"query": "{ unfinished", "context_value": "c"},
    {"query": "{ a " * 3000},
    {"query": ""},
    {"query": None},
]


async def outcome(schema: Any, request: dict[str, Any]) -> Any:
    try:
        result: ExecutionResult = await schema.execute(**request)
    except (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError) as error:
        return type(error), str(error)
    errors = [error.formatted for error in result.errors or []]
    return type(result), result.data, errors, result.extensions


@pytest.mark.parametrize("request_", REQUESTS)
async def test_a_request_comes_out_as_from_strawberry(request_: dict[str, Any]) -> None:
    remembering, ordinary = build(Remembering), build(Ordinary)
    expected = await outcome(ordinary, request_)
    once = list(ordinary.errors)
    assert await outcome(remembering, request_) == expected
    assert remembering.errors == once
    assert await outcome(remembering, request_) == expected
    assert remembering.errors == once * 2


async def test_a_document_is_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[str] = []

    def watch(name: str) -> None:
        function = getattr(execution, name)

        def watched(*given: Any, **named: Any) -> Any:
            prepared.append(name)
            return function(*given, **named)

        monkeypatch.setattr(execution, name, watched)

    watch("parse")
    watch("validate_document")
    schema = build(Remembering)
    for text in ("a", "b"):
        result = await schema.execute(
            "query ($t: String!) { twice(text: $t) }", variable_values={"t": text}
        )
        assert result.data == {"twice": text * 2}
    assert prepared == ["parse", "validate_document"]


@pytest.mark.parametrize("text", ["{ nothing }", "{ unfinished"])
async def test_what_is_not_valid_is_not_kept(text: str) -> None:
    schema = build(Remembering)
    assert (await schema.execute(text)).errors
    assert len(schema.documents) == 0


async def test_a_document_that_was_refused_unvalidated_is_not_taken_for_valid() -> None:
    schema = build(Remembering)
    with pytest.raises(InvalidOperationTypeError):
        await schema.execute("mutation { nothing }", allowed_operation_types=READS)
    result = await schema.execute("mutation { nothing }")
    assert [error.message for error in result.errors] == [
        "Cannot query field 'nothing' on type 'Mutation'."
    ]


async def test_a_known_mutation_is_still_refused_where_only_reading_is_allowed() -> None:
    schema = build(Remembering)
    await schema.execute("mutation { act }")
    with pytest.raises(InvalidOperationTypeError):
        await schema.execute("mutation { act }", allowed_operation_types=READS)
