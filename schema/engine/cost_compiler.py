"""Compiles the cost of an operation into a formula, with one walk through its document."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
    print_ast,
    value_from_ast_untyped,
)
from strawberry.types import get_object_definition

from schema.base.field_mapping import READ, Batched, models_of
from schema.base.pagination import DEFAULT_PAGE, MAX_PAGE, ROWS
from schema.engine.cost import NOTHING, Cost, Factor, Term
from schema.engine.cost_weights import (
    ASSUMED_PARTS,
    ASSUMED_ROWS,
    MUTATION_WEIGHT,
    ROWS_OF,
    SIZES,
    WEIGHTS,
)
from schema.engine.graphql_core_internals import attachments
from schema.engine.strawberry_internals import definition_of

COSTS = "costs"
"""The key, in the dictionary attached to an operation, of the costs of its selection sets."""

PAGED = ("nodes", "edges")
RESULTS = "results"
"""The field of a payload that has an entry for each row of the input."""
INPUT = "input"
IDS = "ids"

Sets = dict[tuple[int, Factor | int | None], Cost]


class UnweightedError(Exception):
    """Raised if root fields of a schema have no weight, or weights have no field."""


@dataclass(slots=True)
class OperationCost:
    """The cost of an operation (`whole`), and of each of its selection sets (`sets`).

    The key of a selection set is the `id()` of its node, with the size of the page (of a list) to
    which it belongs, or None if it belongs to no page.
    """

    whole: Cost
    sets: Sets


def cost_of(
    schema: GraphQLSchema,
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
) -> OperationCost:
    """Return the cost of a valid operation; it is compiled once and kept with the operation."""
    known: OperationCost | None = attachments(operation).get(COSTS)
    if known is None:
        root = schema.get_root_type(operation.operation)
        assert root is not None  # noqa: S101  # the operation is valid
        compiler = _Compiler(schema, fragments, _defaults(operation))
        whole = compiler.below(root, operation.selection_set, None)
        known = attachments(operation)[COSTS] = OperationCost(whole, compiler.sets)
    return known


def refuse_unweighted(schema: GraphQLSchema) -> None:
    """Raise UnweightedError for root fields without a weight, and weights of unknown fields."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    places = {f"{root.name}.{name}" for root in roots if root for name in root.fields}
    fields = {
        f"{kind.name}.{name}"
        for kind in schema.type_map.values()
        for name in getattr(kind, "fields", ())
    }
    missing = sorted(places - WEIGHTS.keys())
    known = {*WEIGHTS, *SIZES}
    stale = sorted(place for place in known - fields if not place.startswith("Query.__"))
    if missing or stale:
        raise UnweightedError(
            f"schema/engine/cost_weights.py lacks a weight for {missing or 'nothing'},"
            f" and has one for {stale or 'nothing'}, which the schema does not have."
        )


def row_weight(
    operation: OperationDefinitionNode,
    sets: Iterable[SelectionSetNode | None],
    variables: Mapping[str, Any],
) -> int:
    """Return the points of a row: one, and those of the objects that `sets` select in it."""
    known: OperationCost | None = attachments(operation).get(COSTS)
    if known is None:
        return 1
    found = (known.sets.get((id(one), None), NOTHING) for one in sets)
    return 1 + sum(cost.of(variables)[1] for cost in found)


@dataclass(slots=True)
class _Compiler:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    defaults: Mapping[str, Any]
    sets: Sets = field(default_factory=dict)

    def below(
        self, parent: GraphQLNamedType, selected: SelectionSetNode, page: Factor | int | None
    ) -> Cost:
        """Return the cost of a selection set on the type `parent`.

        `page` is the size of the page if the selection set is that of a connection; otherwise None.
        """
        key = (id(selected), page)
        known = self.sets.get(key)
        if known is None:
            known = NOTHING
            for node in selected.selections:
                known += self._under_conditions(node, self._selection(parent, node, page))
            self.sets[key] = known
        return known

    def _selection(
        self, parent: GraphQLNamedType, node: SelectionNode, page: Factor | int | None
    ) -> Cost:
        if isinstance(node, FieldNode):
            return self._field(parent, node, page)
        about: Any = node
        if isinstance(node, FragmentSpreadNode):
            about = self.fragments[node.name.value]
        condition = about.type_condition
        kind = parent if condition is None else self.schema.type_map[condition.name.value]
        return self.below(kind, about.selection_set, page)

    def _field(self, parent: GraphQLNamedType, node: FieldNode, page: Factor | int | None) -> Cost:
        name = node.name.value
        place = f"{parent.name}.{name}"
        weight = WEIGHTS.get(place, 0)
        own = Cost(weight, weight)
        if place in ROWS_OF:
            own += self._written_rows(node, ROWS_OF[place])
        if name.startswith("__") or node.selection_set is None:
            return own
        definition: GraphQLField = parent.fields[name]  # type: ignore[attr-defined]  # it is valid
        inner = get_named_type(definition.type)
        size = self._row_count(node, None) if place in ROWS_OF else self._size(node, definition)
        one = self.below(inner, node.selection_set, size)
        is_on_page = name in (*PAGED, RESULTS) and page is not None
        # An edge and its node count as one object.
        if not is_on_page and not parent.name.endswith("Edge"):
            one += Cost(1, 1)
        is_read = _is_read(definition, inner)
        if not _is_list(definition):
            # Objects joined to a row are counted with that row; others are read by their own query.
            one += self._rows(inner, node.selection_set, size)
            return own + one.times(1, is_read=is_read and self._begins(parent, definition))
        if is_on_page and page is not None:
            length: Factor | int = page
        elif size is not None:
            length = size
        else:
            length = SIZES.get(place, ASSUMED_ROWS if is_read else ASSUMED_PARTS)
        if isinstance(length, int):
            return own + one.times(max(length, 0), is_read=is_read)
        return own + Cost(terms=(Term(length, one, is_read),))

    def _begins(self, parent: GraphQLNamedType, definition: GraphQLField) -> bool:
        """Return whether a field's rows are read by a query of their own, and not by a join."""
        is_row = parent.name in _row_types(len(models_of))
        return not is_row or isinstance(_way_of(definition), Batched)

    def _rows(
        self, inner: GraphQLNamedType, selected: SelectionSetNode, page: Factor | int | None
    ) -> Cost:
        """Return the cost of a page's rows, which count once however many fields need them.

        `page` is the size of the page. The cost is zero if `page` is None, or if nothing that the
        connection's selection set selects needs rows.
        """
        nodes = getattr(inner, "fields", {}).get("nodes")
        if page is None or nodes is None or not self._selects(selected, ROWS):
            return NOTHING
        is_read = _is_read(nodes, get_named_type(nodes.type))
        if isinstance(page, int):
            return Cost(1, 1).times(page, is_read=is_read)
        return Cost(terms=(Term(page, Cost(1, 1), is_read),))

    def _selects(self, selected: SelectionSetNode, names: Collection[str]) -> bool:
        """Return whether, for some values of variables, any of the named fields is selected."""
        sets, seen = [selected], {id(selected)}
        for one in sets:
            for node in one.selections:
                if self._under_conditions(node, Cost(1)) == NOTHING:
                    continue
                if isinstance(node, FieldNode):
                    if node.name.value in names:
                        return True
                    continue
                about: Any = node
                if isinstance(node, FragmentSpreadNode):
                    about = self.fragments[node.name.value]
                if id(about.selection_set) not in seen:
                    seen.add(id(about.selection_set))
                    sets.append(about.selection_set)
        return False

    def _under_conditions(self, node: SelectionNode, cost: Cost) -> Cost:
        if cost == NOTHING:
            return NOTHING
        for directive in node.directives or ():
            if directive.name.value in ("skip", "include") and directive.arguments:
                wanted = directive.name.value == "include"
                cost = self._if(directive.arguments[0].value, cost, is_wanted=wanted)
        return cost

    def _if(self, value: ValueNode, cost: Cost, *, is_wanted: bool) -> Cost:
        if isinstance(value, BooleanValueNode):
            return cost if value.value == is_wanted else NOTHING
        name = value.name.value if isinstance(value, VariableNode) else ""
        default = self.defaults.get(name)

        def times(variables: Mapping[str, Any]) -> int:
            return variables.get(name, default) is is_wanted

        return Cost(terms=(Term(times, cost),))

    def _size(self, node: FieldNode, definition: GraphQLField) -> Factor | int | None:
        """Return how many objects a field's arguments request; None without such an argument."""
        given = {argument.name.value: argument.value for argument in node.arguments or ()}
        if "first" in definition.args:
            sizes = [self._number(given.get(name)) for name in ("first", "last")]
            return _page(*sizes)
        if IDS in definition.args and IDS in given:
            return self._length(given[IDS])
        return None

    def _written_rows(self, node: FieldNode, inner: str | None) -> Cost:
        """Return the cost of the rows that a mutation writes, and of their lists `inner`."""
        written = self._row_count(node, inner)
        one = Cost(MUTATION_WEIGHT, MUTATION_WEIGHT)
        return one.times(written) if isinstance(written, int) else Cost(terms=(Term(written, one),))

    def _row_count(self, node: FieldNode, inner: str | None) -> Factor | int:
        """Return the number of rows in a mutation's input; those of lists `inner` count too."""
        value = next((one.value for one in node.arguments or () if one.name.value == INPUT), None)
        if value is None:
            return 0
        defaults = self.defaults

        def count(variables: Mapping[str, Any]) -> int:
            given = value_from_ast_untyped(value, {**defaults, **variables})
            return _count_rows(given, inner)

        has_variables = "$" in print_ast(value)
        return count if has_variables else count({})

    def _number(self, value: ValueNode | None) -> Factor | int | None:
        if isinstance(value, IntValueNode):
            return _in_bounds(int(value.value))
        if not isinstance(value, VariableNode):
            return None
        name, default = value.name.value, self.defaults.get(value.name.value)
        return lambda variables: _in_bounds(variables.get(name, default))

    def _length(self, value: ValueNode) -> Factor | int:
        if isinstance(value, ListValueNode):
            return len(value.values)
        if not isinstance(value, VariableNode):
            return 1
        name, default = value.name.value, self.defaults.get(value.name.value)

        def length(variables: Mapping[str, Any]) -> int:
            ids = variables.get(name, default)
            return len(ids) if isinstance(ids, list) else 1

        return length


def _count_rows(given: Any, inner: str | None) -> int:
    rows = given.get("rows") if isinstance(given, dict) else None
    rows = rows if isinstance(rows, list) else [rows] if rows is not None else []
    lists = (one.get(inner) for one in rows if inner is not None and isinstance(one, dict))
    return len(rows) + sum(len(one) for one in lists if isinstance(one, list))


def _page(first: Factor | int | None, last: Factor | int | None) -> Factor | int:
    """Return the page size for the arguments `first` and `last`.

    -1 has the same meaning as None. If both are None, the size is DEFAULT_PAGE.
    """
    if not callable(first) and not callable(last):
        sizes = [one for one in (first, last) if one is not None and one >= 0]
        return max(sizes, default=DEFAULT_PAGE)

    def size(variables: Mapping[str, Any]) -> int:
        sizes = [one(variables) if callable(one) else one for one in (first, last)]
        return max((one for one in sizes if one is not None and one >= 0), default=DEFAULT_PAGE)

    return size


def _in_bounds(size: Any) -> int:
    """Return a page size, within 0 to MAX_PAGE; -1 for None, MAX_PAGE for what is not a number."""
    if size is None:
        return -1
    return min(max(size, 0), MAX_PAGE) if type(size) is int else MAX_PAGE


def _defaults(operation: OperationDefinitionNode) -> dict[str, Any]:
    return {
        one.variable.name.value: value_from_ast_untyped(one.default_value)
        for one in operation.variable_definitions or ()
        if one.default_value is not None
    }


def _is_list(definition: GraphQLField) -> bool:
    kind: Any = definition.type
    return is_list_type(kind.of_type if is_non_null_type(kind) else kind)


def _way_of(definition: GraphQLField) -> Any:
    """Return the mapping of a field, such as `ToOne` (see `field_mapping`); None if it has none."""
    field_of = definition_of(definition)
    return field_of.metadata.get(READ) if field_of is not None else None


def _is_read(definition: GraphQLField, inner: GraphQLNamedType) -> bool:
    """Return whether a field returns rows that a row query counts."""
    way = _way_of(definition)
    is_made_of_others = isinstance(way, Batched) and way.rows
    return not is_made_of_others and inner.name in _row_types(len(models_of))


@lru_cache(maxsize=4)
def _row_types(_: int) -> frozenset[str]:
    """Return the names of the types that are read from rows.

    The result is cached by the number of types that are mapped so far.
    """
    names = {get_object_definition(kind, strict=True).name for kind in models_of}
    edges = {f"{name}Edge" for name in names}
    return frozenset({"Node"} | names | edges)
