"""Writes the source of plans: functions that turn a value into its part of the answer.

For the value of `customer` in `{ customer { name tags } }`, it writes

    def plan(leaf_0, known_1, admit_2, null_3):
        def list_1(value):
            if type(value) is not list and type(value) is not tuple:
                return null_3(value)
            return [(v if type(v := item) is str else leaf_0(v)) for item in value]

        def object_2(value):
            if type(value) not in known_1:
                if value is None:
                    return None
                admit_2(value)
            return {
                "name": (v if type(v := value.name) is str else leaf_0(v)),
                "tags": list_1(value.tags),
            }
        return object_2

and calls `plan` with the objects that the parameters stand for; the result is the plan. Documents
with different texts can lead to equal sources, which are compiled once. Plans contain no reference
cycles, so they are freed together with their document.

Values of the expected type are checked inline. For others, plans call functions that do the same as
graphql-core, or raise `NotPlannable`. If a plan raises any exception, also one from reading an
attribute, its result is discarded and graphql-core completes the value.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache, partial
from types import CodeType, FunctionType
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from strawberry.types.field import StrawberryField

from schema.engine.plan.checks import JSON, SIMPLE, NotPlannable, admit_object, complete_null
from schema.engine.plan.leaves import Leaves, Names
from schema.engine.plan.plain import (
    PREPARED,
    foreign_extensions,
    plain_attribute,
    plain_method,
)
from schema.engine.plan.selection import Plan, Selected, Selection
from schema.engine.strawberry_internals import TYPE_CAST_ATTRIBUTE, definition_of

MAX_FIELDS = 1000
MAX_KEPT = 256
MAX_KEPT_LENGTH = 10_000
"""Maximum number of sources whose code is cached, and maximum characters of each."""

GLOBALS = {
    "SIMPLE": SIMPLE,
    "JSON": JSON,
    "UTC": UTC,
    "datetime": datetime,
}

Collect = Callable[[GraphQLObjectType, Selected], Selection]
"""Returns the fields that nodes select on an object of a type, by response key."""


def compile_plan(collect: Collect, wanted: GraphQLOutputType, selected: Selected) -> Plan | None:
    """Return the plan for values of the object or list type `wanted`, selected by `selected`.

    None if there can be no plan, because no field is plain.
    """
    writer = _Writer(collect)
    try:
        if is_object_type(wanted):
            rest: Selection = {}
            name = writer.object_function(wanted, selected, rest, is_nullable=False)
        else:
            assert is_list_type(wanted)  # noqa: S101  # nothing else is asked for
            name, rest = writer.list_function(wanted.of_type, selected, is_nullable=True), {}
    except Exception:  # graphql-core will raise the error too, with its location
        return None
    return None if name is None else Plan(writer.function(name), rest)


class _Writer:
    """Writes the functions of one plan, and collects the objects to which they refer by name."""

    def __init__(self, collect: Collect) -> None:
        self._collect = collect
        self._source: list[str] = []
        self._names = Names()
        self._name = self._names.name  # a bound method of the writer would be a cycle
        self._leaves = Leaves(self._names)
        self._functions = 0
        self._fields = 0

    def function(self, name: str) -> Callable[[Any], Any]:
        """Compile the source written so far, and return its function called `name`."""
        head = f"def plan({', '.join(self._names.meant)}):"
        source = "\n".join([head, *self._source, f" return {name}"])
        made = FunctionType(_compiled(source), GLOBALS)
        function: Callable[[Any], Any] = made(*self._names.meant.values())
        return function

    def value(self, wanted: GraphQLOutputType, selected: Selected, read: str) -> str | None:
        """Return the expression that completes the value of the expression `read`.

        None if a plan cannot complete values of the type.
        """
        is_nullable = not is_non_null_type(wanted)
        inner = wanted.of_type if is_non_null_type(wanted) else wanted
        if is_leaf_type(inner):
            return self._leaves.expression(inner, read, is_nullable=is_nullable)
        if is_list_type(inner):
            name = self.list_function(inner.of_type, selected, is_nullable=is_nullable)
        elif is_object_type(inner):
            name = self.object_function(inner, selected, None, is_nullable=is_nullable)
        else:
            return None
        return name and f"{name}({read})"

    def object_function(
        self,
        wanted: GraphQLObjectType,
        selected: Selected,
        rest: Selection | None,
        *,
        is_nullable: bool,
    ) -> str | None:
        """Write the function that completes objects of a type; return its name.

        Fields that are not plain are added to `rest`. Returns None if no field is plain. Also
        returns None if some field is not plain and `rest` is None.
        """
        written = self._object(wanted, selected, rest, ["return None"] if is_nullable else [])
        if written is None:
            return None
        checks, entries = written
        return self._write("object", *checks, "return {", *entries, "}")

    def _object(
        self,
        wanted: GraphQLObjectType,
        selected: Selected,
        rest: Selection | None,
        if_none: list[str],
    ) -> tuple[list[str], list[str]] | None:
        """Return the lines that check the object `value`, and the entries of its dictionary.

        Returns None as `object_function` does; `if_none` are the lines for an object that is None.
        """
        entries, plain = [], 0
        for key, nodes in self._collect(wanted, selected).items():
            self._fields += 1
            if self._fields > MAX_FIELDS:
                raise NotPlannable(wanted)
            expression = self._field(wanted, nodes)
            if expression is not None:
                plain += 1
            elif rest is None:
                return None
            else:
                rest[key] = nodes
            entries.append(f"{key!r}: {expression},")
        if not plain:
            return None
        known: set[type] = set()
        known_name = self._name("known", known)
        admit = self._name("admit", partial(admit_object, known, _check_of(wanted)))
        checks = [
            f"if type(value) not in {known_name}{self._doubt(wanted)}:",
            *([" if value is None:", *(f"  {line}" for line in if_none)] if if_none else []),
            f" {admit}(value)",
        ]
        return checks, entries

    def _doubt(self, wanted: GraphQLObjectType) -> str:
        """Return the condition, as source, on which even objects of known classes are checked."""
        if wanted.is_type_of is None:
            return ""
        definition = definition_of(wanted)
        if definition is not None and definition.is_type_of is None:
            # Strawberry's own check depends on the class, and on a call of strawberry.cast().
            return f" or getattr(value, {TYPE_CAST_ATTRIBUTE!r}, None) is not None"
        return f" or {self._name('check', _check_of(wanted))}(value) is not True"

    def _field(self, parent: GraphQLObjectType, selected: Selected) -> str | None:
        node = selected[0].node
        if node.name.value == "__typename":
            return repr(parent.name)
        field = parent.fields[node.name.value]
        read = self._read(field, node)
        return read and self.value(field.type, selected, read)

    def _read(self, field: GraphQLField, node: FieldNode) -> str | None:
        """Return the expression that reads a field of the object `value`; None if not plain."""
        definition = definition_of(field)
        if not isinstance(definition, StrawberryField):
            return None
        if name_of := definition.metadata.get(PREPARED):
            return None if foreign_extensions(definition) else f"value.{name_of(node)}"
        if attribute := plain_attribute(field, definition):
            return f"value.{attribute}"
        if method := plain_method(field, definition):
            return f"{self._name('method', method)}(value)"
        return None

    def list_function(
        self, item_type: GraphQLOutputType, selected: Selected, *, is_nullable: bool
    ) -> str | None:
        """Write the function that completes lists; return its name, None if items are not plain.

        The code for objects is written into the loop, as a function call per object is slow.
        """
        inner = item_type.of_type if is_non_null_type(item_type) else item_type
        if is_object_type(inner):
            if_none = [] if is_non_null_type(item_type) else ["add(None)", "continue"]
            written = self._object(inner, selected, None, if_none)
            if written is None:
                return None
            checks, entries = written
            lines = [
                "made = []",
                "add = made.append",
                "for value in value:",
                *(f" {line}" for line in checks),
                " add({",
                *entries,
                " })",
                "return made",
            ]
        else:
            item = self.value(item_type, selected, "item")
            if item is None:
                return None
            lines = [f"return [{item} for item in value]"]
        null = self._name("null", partial(complete_null, is_nullable))
        return self._write(
            "list",
            "if type(value) is not list and type(value) is not tuple:",
            f" return {null}(value)",
            *lines,
        )

    def _write(self, kind: str, *lines: str) -> str:
        self._functions += 1
        name = f"{kind}_{self._functions}"
        self._source += [f" def {name}(value):", *(f"  {line}" for line in lines)]
        return name


def _compiled(source: str) -> CodeType:
    """Return the code of the only function in a source; it is cached unless the source is long.

    Text from documents can inject no code, because it is in the source as repr().
    """
    return (_compile if len(source) <= MAX_KEPT_LENGTH else _compile.__wrapped__)(source)


@lru_cache(MAX_KEPT)
def _compile(source: str) -> CodeType:
    module = compile(source, "<plan>", "exec")
    return next(part for part in module.co_consts if isinstance(part, CodeType))


def _check_of(wanted: GraphQLObjectType) -> Callable[[Any], Any] | None:
    """Return the type's `is_type_of` as a function of the value alone; None if it has none.

    A check that uses `info` raises an error, because it gets None.
    """
    check: Callable[..., Any] | None = wanted.is_type_of
    return None if check is None else lambda value: check(value, None)
