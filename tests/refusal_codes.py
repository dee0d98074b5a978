"""Finds in the source which codes of refusals a mutation can lead to.

`.venv/bin/python -m tests.refusal_codes` writes them to `schema/root/user_errors.py`.

From the mutation's resolver it follows every function, class and constant that the source names.
Methods are followed by their names, in all classes that were met. A code counts if it is named
anywhere on the way, so a mutation can have codes that only other callers of a function lead to.
"""

import ast
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from strawberry.types import get_object_definition
from strawberry.types.base import StrawberryList, StrawberryOptional
from strawberry.types.enum import StrawberryEnumDefinition

from models.rules.errors import RefusalCode
from schema.base.scalars import SCALARS
from schema.base.selections import inner_type
from schema.root import Mutation
from tests.source_modules import MODULES, ROOT

FOLLOWED = (
    *("models.rules.", "models.changes.", "models.tables.", "models.lists.", "resolvers."),
    *("schema.base.dry_run_ids.", "schema.base.input_faults."),
)
CODES = "models.rules.errors.RefusalCode"
TABLE = ROOT / "schema" / "root" / "user_errors.py"
HEAD = '''"""The codes of user errors that each mutation can give.

Generated from the source by `.venv/bin/python -m tests.refusal_codes`.
"""

from collections.abc import Mapping

USER_ERRORS: Mapping[str, str] = {
'''
WIDTH = 98


@dataclass
class Module:
    """What a module defines at its top, by name, and what its imports mean."""

    defined: dict[str, ast.AST] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)


@cache
def module(name: str) -> Module:
    found = Module()
    for node in ast.parse(MODULES[name].read_text()).body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found.defined[node.name] = node
            case ast.Assign(targets=[ast.Name(id=target)]):
                found.defined[target] = node
            case ast.AnnAssign(target=ast.Name(id=target)):
                found.defined[target] = node
            case ast.ImportFrom(module=str(origin), names=names):
                for one in names:
                    found.imported[one.asname or one.name] = f"{origin}.{one.name}"
            case ast.Import(names=names):
                for one in names:
                    found.imported[one.asname or one.name.partition(".")[0]] = one.name
            case _:
                pass
    return found


class Search:
    """Follows what is named from one function, and collects the codes."""

    def __init__(self) -> None:
        self.codes: set[RefusalCode] = set()
        self._seen: set[str] = set()
        self._methods: dict[str, list[tuple[str, ast.AST]]] = {}
        self._called: set[str] = set()

    def follow(self, name: str) -> None:
        """Follow the object with a full name, if it is in one of the modules in FOLLOWED."""
        if name in self._seen or not name.startswith(FOLLOWED):
            return
        self._seen.add(name)
        owner, _, own = name.rpartition(".")
        if owner not in MODULES:
            return
        known = module(owner)
        if own in known.imported:
            self.follow(known.imported[own])
        node = known.defined.get(own)
        if isinstance(node, ast.ClassDef):
            self._meet(owner, node)
        elif node is not None:
            self._read(owner, node)

    def _meet(self, owner: str, node: ast.ClassDef) -> None:
        for part in node.body:
            if (
                not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)
                or part.name.startswith("__")
                or part.name in self._called
            ):
                self._read(owner, part)
            else:
                self._methods.setdefault(part.name, []).append((owner, part))
        for base in node.bases:
            self._read(owner, base)

    def _read(self, owner: str, node: ast.AST) -> None:
        for part in without_annotations(node):
            if isinstance(part, ast.Name):
                self.follow(self._meant(owner, part.id))
            elif isinstance(part, ast.Attribute):
                self._attribute(owner, part)

    def _attribute(self, owner: str, part: ast.Attribute) -> None:
        if isinstance(part.value, ast.Name):
            meant = self._meant(owner, part.value.id)
            if meant == CODES:
                self.codes.add(RefusalCode[part.attr])
            self.follow(f"{meant}.{part.attr}")
        self._called.add(part.attr)
        for place, method in self._methods.pop(part.attr, ()):
            self._read(place, method)

    def _meant(self, owner: str, name: str) -> str:
        known = module(owner)
        return known.imported.get(name, f"{owner}.{name}")


def without_annotations(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and all nodes below it, except annotations, which run nothing."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns"}:
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.AST):
                yield from without_annotations(one)


def reachable_codes(resolver: Callable[..., Any]) -> set[RefusalCode]:
    """Return the codes to which a resolver can lead."""
    search = Search()
    search.follow("models.rules.checks.Checks")  # which changes get from their context
    search.follow(f"{resolver.__module__}.{resolver.__name__}")
    return search.codes


def all_codes() -> dict[str, list[str]]:
    """Return the codes of every mutation in the schema, by the name of its attribute."""
    fields: Any = Mutation.__strawberry_definition__.fields  # type: ignore[attr-defined]  # set by strawberry
    return {field.python_name: sorted(_codes(field)) for field in fields}


def _codes(mutation: Any) -> set[RefusalCode]:
    codes = reachable_codes(mutation.base_resolver.wrapped_func)
    (argument,) = mutation.arguments
    taken = {
        field.python_name
        for kind in (argument.type, *_below(argument.type))
        for field in get_object_definition(kind, strict=True).fields
    }
    if taken.isdisjoint({"expected_version", "expected_versions"}):
        codes -= {RefusalCode.VERSION_CONFLICT}
    return codes | _unreadable(argument.type)


def _below(kind: Any) -> Iterator[Any]:
    """Yield the types of input objects in an input, at any depth."""
    for one in get_object_definition(kind, strict=True).fields:
        inner = inner_type(one.type)
        if get_object_definition(inner) is not None:
            yield inner
            yield from _below(inner)


def _unreadable(kind: Any) -> set[RefusalCode]:
    """Return the codes of values of an input, at any depth, that cannot be read, or are missing."""
    codes: set[RefusalCode] = set()
    for one in get_object_definition(kind, strict=True).fields:
        is_optional = isinstance(one.type, StrawberryOptional)
        kind_: Any = one.type
        inner = kind_.of_type if is_optional else kind_
        is_choice = isinstance(inner_type(inner), StrawberryEnumDefinition)
        is_leaf = not isinstance(inner, StrawberryList) and get_object_definition(inner) is None
        if not is_optional and (is_choice or (is_leaf and inner not in {bool, int})):
            codes.add(RefusalCode.REQUIRED)
        if isinstance(inner, StrawberryEnumDefinition):
            codes.add(RefusalCode.VALUE_NOT_ALLOWED)
        if isinstance(inner, StrawberryList):
            inner = inner.of_type if inner.of_type not in SCALARS else None
        if inner is int:
            codes.add(RefusalCode.OUT_OF_RANGE)
            if one.python_name != "expected_version":  # which no user types
                codes.add(RefusalCode.BAD_FORMAT)
        elif inner in SCALARS:
            codes.add(RefusalCode.BAD_FORMAT)
        elif isinstance(inner, type) and get_object_definition(inner) is not None:
            codes |= _unreadable(inner)
    return codes


def table() -> str:
    """Return the source of the module with the codes of all mutations."""
    lines: list[str] = []
    for mutation, codes in all_codes().items():
        wrapped = textwrap.wrap(
            " ".join(codes),
            WIDTH,
            initial_indent=f'    "{mutation}": "',
            subsequent_indent='    " ',
        )
        lines += [f'{line}"' for line in wrapped]
        lines[-1] += ","
    return HEAD + "\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TABLE.write_text(table())
