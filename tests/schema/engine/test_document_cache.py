"""Known documents are executed without being parsed and validated again."""

import gc
import weakref
from collections.abc import Iterator
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, build_ast_schema, parse, print_ast, validate
from strawberry.exceptions import MissingQueryError
from strawberry.extensions import MaxTokensLimiter, SchemaExtension
from strawberry.scalars import JSON
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from models.storage.database import Database
from models.tables.access import Principal, Scope
from schema.engine import execution
from schema.engine.document_cache import Documents
from schema.engine.execution import AMBIGUOUS, MAX_TOKENS, RememberingSchema
from schema.engine.graphql_core_internals import forget_tokens
from schema.engine.limits import Limits
from schema.engine.plan import PlannedExecution
from tests.graphql_client import context_of, the_schema

DOCUMENT = parse("{ a }")


def used(documents: Documents, texts: str) -> None:
    """Store each document, and use it once."""
    for text in texts:
        documents.keep(text, DOCUMENT)
        documents.get(text)


def kept(documents: Documents, texts: str) -> str:
    """Return the texts whose documents are in the cache."""
    return "".join(text for text in texts if documents.get(text))


def test_the_least_recently_used_document_makes_room() -> None:
    documents = Documents(most=5)
    used(documents, "abcd")
    assert documents.get("a") is DOCUMENT
    used(documents, "e")
    assert kept(documents, "abcde") == "acde"


def test_documents_asked_for_once_push_out_only_each_other() -> None:
    documents = Documents(most=10)
    used(documents, "abcdefgh")
    for number in range(100):
        documents.keep(f"once {number}", DOCUMENT)
    assert kept(documents, "abcdefgh") == "abcdefgh"
    assert len(documents) == 10
    assert documents.get("once 97") is None
    assert documents.get("once 98") is DOCUMENT
    assert documents.get("once 98") is DOCUMENT
    assert kept(documents, "ab") == "b"


def test_long_texts_count_for_more() -> None:
    documents = Documents(most_text=20)
    for text in ("aaaa", "bbbb", "cccc", "cccc", "dddd", "eeee"):
        documents.keep(text, DOCUMENT)
        documents.get(text)
    assert len(documents) == 4
    assert documents.get("aaaa") is None
    assert documents.get("bbbb") is DOCUMENT
    documents.keep("f" * 5, DOCUMENT)
    assert documents.get("f" * 5) is None


def test_a_text_that_is_too_long_pushes_nothing_out() -> None:
    documents = Documents(longest_text=5)
    documents.keep("a", DOCUMENT)
    documents.keep("b" * 6, DOCUMENT)
    assert documents.get("a") is DOCUMENT
    assert documents.get("b" * 6) is None


def test_without_its_tokens_a_document_says_the_same() -> None:
    text = "query A($b: Int = 1, $c: [I] = [{ d: [2] }]) @e(f: $b) { g: h(i: { j: $b }) { ...K } }"
    text += " fragment K on L @m { n ... on O { p } } # q"
    document, whole = parse(text), parse(text)
    forget_tokens(document)
    assert document == whole
    assert print_ast(document) == print_ast(whole)
    errors = [
        validate(build_ast_schema(parse("type Query { h: Int }")), one) for one in (document, whole)
    ]
    assert [str(error) for error in errors[0]] == [str(error) for error in errors[1]]
    assert len(errors[0]) > 5


async def test_a_forgotten_document_is_gone_at_once() -> None:
    schema = build(Remembering)
    schema.documents = Documents(most=5)
    for _ in range(3):
        await schema.execute("query ($t: String!) { twice(text: $t) }", {"t": "a"})
    document = weakref.ref(next(iter(schema.documents._in_use._entries.values())).value)
    gc.disable()
    try:
        used(schema.documents, "abcd")
        assert document() is None
    finally:
        gc.enable()


NEW = (
    "query NAME($id: ID!) { customer(id: $id) { id contacts { name } consent { isGiven } } }",
    """query NAME($id: ID) { customers(first: 5) { nodes { ...Part } } }
    query Other($id: ID) { customer(id: $id) { ...Part } }
    fragment Part on Customer { id customerClass { name customers(first: 2) { totalCount } } }""",
    "query NAME { nothing { ...Nowhere } viewer { id(x: $y) } }",
    f"query NAME($id: ID!) {{ viewer {{ {'id ' * 50} {'no ' * 50} }} }}",
    "{ NAME",
    "query NAME { users { totalCount } }",
    'query NAME { customer(id: "1", accountNumber: "2") { id } }',
    "query NAME { customerClasses { nodes { auditTrail { nodes { id } } } } }",
)
NEW_TO_WHOM = Principal("tok_1", "Tess", frozenset({Scope.CUSTOMERS_READ, Scope.CONTACTS_READ}))


async def test_new_documents_and_refusals_leave_nothing_to_the_collector(
    database: Database,
) -> None:
    """Collecting the garbage of hundreds of requests would delay all requests."""
    schema = the_schema().with_limits(Limits())
    schema.documents = Documents(most=5)

    async def ask(number: int) -> None:
        for text in NEW:
            context = context_of(database, NEW_TO_WHOM)
            await schema.execute(
                text.replace("NAME", f"Q{number}"),
                {"id": "cus_1"},
                context_value=context,
                operation_name=f"Q{number}",
            )

    await ask(0)
    gc.collect()
    gc.disable()
    try:
        for number in range(1, 11):
            await ask(number)
        # graphql-core's printer is a reference cycle.
        assert gc.collect() < 10 * len(NEW)
    finally:
        gc.enable()


class Watched:
    """Records the errors that a schema processes."""

    def __init__(self) -> None:
        self.errors: list[tuple[str, Any, Any]] = []

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Record the errors with their request, and mask bugs."""
        assert execution_context is not None
        for error in errors:
            self.errors.append((error.message, execution_context.query, execution_context.context))
            if error.original_error is not None:
                error.message = "Masked."


class Remembering(Watched, RememberingSchema):
    """The schema under test."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Watched.__init__(self)
        RememberingSchema.__init__(self, *args, **kwargs)


class NamedOperation(SchemaExtension):
    """Refuses several operations without a name; Strawberry would execute the first."""

    def on_validate(self) -> Iterator[None]:
        """Check the document after parsing."""
        context = self.execution_context
        document = context.graphql_document
        if document is not None and context._provided_operation_name is None:
            kinds = [one.kind for one in document.definitions]
            if kinds.count("operation_definition") > 1:
                context.pre_execution_errors = [GraphQLError(AMBIGUOUS)]
        yield


class Ordinary(Watched, strawberry.Schema):
    """The schema to compare with, which remembers nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Watched.__init__(self)
        kwargs["extensions"] = [lambda: MaxTokensLimiter(MAX_TOKENS), NamedOperation]
        strawberry.Schema.__init__(self, *args, **kwargs)


@strawberry.type
class Query:
    @strawberry.field
    async def twice(self, text: str) -> str:
        """Return the text twice."""
        return text * 2

    @strawberry.field
    def extensions(self, info: strawberry.Info) -> JSON:
        """Return the extensions of the request."""
        raw: Any = info._raw_info
        return JSON(raw.operation_extensions)

    @strawberry.field
    def bug(self) -> str | None:
        """Fail."""
        raise ZeroDivisionError("secret")

    @strawberry.field
    def root(self, info: strawberry.Info) -> str:
        """Return the root value and the context."""
        return f"{info.root_value} {info.context}"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def act(self) -> int:
        """Return 1."""
        return 1


def build(kind: type[Any], **settings: Any) -> Any:
    return kind(Query, Mutation, execution_context_class=PlannedExecution, **settings)


READS = [OperationType.QUERY]
REQUESTS: list[dict[str, Any]] = [
    {"query": '{ twice(text: "a") }'},
    {"query": "query ($t: String!) { twice(text: $t) }", "variable_values": {"t": "b"}},
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
    # Strawberry does not know the subclass that tells whether anything was executed.
    kind = PreExecutionError if isinstance(result, PreExecutionError) else ExecutionResult
    return kind, result.data, errors, result.extensions


@pytest.mark.parametrize("request_", REQUESTS)
async def test_a_request_comes_out_as_from_strawberry(request_: dict[str, Any]) -> None:
    remembering, ordinary = build(Remembering), build(Ordinary)
    expected = await outcome(ordinary, request_)
    once = list(ordinary.errors)
    assert await outcome(remembering, request_) == expected
    assert remembering.errors == once
    assert await outcome(remembering, request_) == expected
    assert remembering.errors == once * 2


@pytest.mark.parametrize("values", [{}, None, {"t": 7}])
async def test_wrong_variables_are_told_each_time(values: dict[str, Any] | None) -> None:
    """In words of our own, unlike Strawberry; see `test_variable_faults`."""
    remembering = build(Remembering)
    query = "query ($t: String!) { twice(text: $t) }"
    for given in (values, {"t": "b"}, values):
        result = await remembering.execute(query, variable_values=given)
        wrong = [error.extensions["code"] for error in result.errors or ()]
        assert wrong == ([] if given == {"t": "b"} else ["BAD_USER_INPUT"])


async def test_a_document_is_prepared_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[str] = []

    def watch(name: str) -> None:
        function = getattr(execution, name)

        def watched(*given: Any, **named: Any) -> Any:
            prepared.append(name)
            return function(*given, **named)

        monkeypatch.setattr(execution, name, watched)

    watch("parse")
    watch("faults_of")
    schema = build(Remembering)
    for text in ("a", "b"):
        result = await schema.execute(
            "query ($t: String!) { twice(text: $t) }", variable_values={"t": text}
        )
        assert result.data == {"twice": text * 2}
    assert prepared == ["parse", "faults_of"]


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


@pytest.mark.parametrize("valid", [True, False])
async def test_what_comes_over_a_socket_is_known_as_well(
    valid: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    schema = build(Remembering)
    text = f"query ($t: String!) {{ {'twice' if valid else 'nothing'}(text: $t) }}"

    async def streamed(given: str) -> list[Any]:
        results = [one async for one in await schema.stream(text, {"t": given})]
        return [(one.data, [error.message for error in one.errors or []]) for one in results]

    first = await streamed("a")
    assert len(schema.documents) == valid
    assert (first == [({"twice": "aa"}, [])]) is valid
    if valid:
        monkeypatch.setattr(execution, "faults_of", None)
        monkeypatch.setattr(execution, "parse", None)
        assert await streamed("b") == [({"twice": "bb"}, [])]
        assert (await schema.execute(text, {"t": "c"})).data == {"twice": "cc"}
    else:
        assert await streamed("a") == first


async def test_an_ambiguous_document_of_a_socket_is_not_taken_for_valid() -> None:
    schema = build(Remembering)
    text = "query A { nothing } query B { bug }"
    for _ in range(2):
        (result,) = [one async for one in await schema.stream(text)]
        assert [error.message for error in result.errors] == [AMBIGUOUS]
        assert len(schema.documents) == 0
    (result,) = [one async for one in await schema.stream(text, operation_name="B")]
    assert [error.message for error in result.errors] == [
        "Cannot query field 'nothing' on type 'Query'."
    ]
