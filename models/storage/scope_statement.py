"""Limits each SQL statement to the rows in the tenant scope of the operation (R99).

Each table in a statement is replaced by a subquery of the rows in scope: `FROM customer AS t0`
becomes `FROM (SELECT … FROM customer AS reached WHERE …) AS t0`. A row out of scope is therefore
missing from joins and counts. UPDATE and DELETE get the same condition. For inserted rows, the
owner (the row to which they belong) is recorded, and checked before the transaction commits.

The statement is tokenized. A table name in an unexpected place, or a table that is not declared, is
refused, so that a mistake causes an error and never reveals another tenant's data.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import Any

from tortoise import Tortoise

from models.storage.scope_tables import TABLES, Access, TableScope
from models.storage.tenant_scope import OutOfScopeError

TOKEN = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*')|(?P<quoted>"[^"]+")|(?P<word>[A-Za-z_]\w*)"""
    r"""|(?P<mark>\$\d+|\?\d*)|(?P<other>.))""",
    re.DOTALL,
)
FOLLOWING = re.compile(
    "CROSS|EXCEPT|FETCH|FOR|FULL|GROUP|HAVING|INNER|INTERSECT|JOIN|LEFT|LIMIT|NATURAL|OFFSET|ON"
    "|ORDER|RETURNING|RIGHT|SET|UNION|USING|WHERE|WINDOW",
    re.IGNORECASE,
)
"""Keywords that may follow a table name; any other word there is an alias."""

FUNCTIONS = frozenset({"json_each", "unnest"})
"""Table functions that are allowed: they unpack list parameters."""

MAX_KEPT = 2_000
MAX_KEPT_LENGTH = 20_000
"""Longer statements, such as inserts of hundreds of rows, rarely repeat and are not cached."""

ROW = "reached"


@dataclass(frozen=True, slots=True)
class ScopedStatement:
    """A statement with the tenant scope applied.

    `places` has an entry for each parameter: its index in the original parameters, or None for the
    reseller's id. `owners` are the indexes of those parameters that are owners of inserted rows.
    """

    text: str
    places: tuple[int | None, ...]
    owners: tuple[int, ...]

    def parameters(self, values: Sequence[Any], reseller_id: str) -> list[Any]:
        """Return the parameters of the scoped statement; `values` are those of the original."""
        return [reseller_id if place is None else values[place] for place in self.places]


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    whole: str
    """The token's text, with the white space before it."""

    @property
    def name(self) -> str:
        """The token as an identifier, unquoted."""
        return self.text.strip('"') if self.kind == "quoted" else self.text.lower()

    def says(self, *words: str) -> bool:
        """Return whether the token is one of the keywords `words`, which are in upper case."""
        return self.kind == "word" and self.text.upper() in words


NOTHING = _Token("other", "", "")


def scope_statement(text: str, *, count: int, is_postgres: bool, is_shown: bool) -> ScopedStatement:
    """Apply the tenant scope to a statement with `count` parameters.

    With `is_shown`, columns that the partner may not see are masked.

    Raises OutOfScopeError for a statement that cannot be scoped.
    """
    write = written if len(text) <= MAX_KEPT_LENGTH else written.__wrapped__
    return write(text, count=count, is_postgres=is_postgres, is_shown=is_shown)


@lru_cache(MAX_KEPT)
def written(text: str, *, count: int, is_postgres: bool, is_shown: bool) -> ScopedStatement:
    """Return what `scope_statement` returns; results are cached."""
    return _Writer(text, count, is_postgres=is_postgres, is_shown=is_shown).write()


class _Writer:
    """Goes through the tokens of one statement and writes the scoped statement.

    In its methods, `place` is the index of a token.
    """

    def __init__(self, text: str, count: int, *, is_postgres: bool, is_shown: bool) -> None:
        self._tokens = [_token(found) for found in TOKEN.finditer(text.strip())]
        self._count = count
        self._is_postgres = is_postgres
        self._is_shown = is_shown
        self._is_bound = False
        self._parts: list[str] = []
        self._places: list[int | None] = []
        self._owners: list[int] = []
        self._target: tuple[str, str] | None = None
        """The scope condition and table of an UPDATE or DELETE, until WHERE is written."""

    def write(self) -> ScopedStatement:
        marks, end = 0, ""
        depth: list[bool] = []
        for place, token in enumerate(self._tokens):
            if token.text == "(":
                depth.append(self._gives_rows(place))
            elif token.text == ")" and depth and depth.pop():
                self._refuse_list(place + 1)
            if self._is_table(place):
                self._table(place)
            elif self._target and not depth and token.says("WHERE"):
                self._parts.append(f" WHERE ({self._condition(*self._target)}) AND (")
                self._target, end = None, ")"
            else:
                self._refuse_stray(place)
                self._parts.append(token.whole)
            if token.kind == "mark" and not self._is_postgres:
                self._places.append(marks)
                marks += 1
        if self._target:
            self._parts.append(f" WHERE {self._condition(*self._target)}")
        is_numbered = any(token.kind == "mark" and token.text != "?" for token in self._tokens)
        if self._is_postgres or not self._is_bound:
            self._places = [*range(self._count), *([None] if self._is_bound else [])]
        elif is_numbered:
            raise OutOfScopeError("numbered marks leave no room for another")
        return ScopedStatement("".join(self._parts) + end, tuple(self._places), tuple(self._owners))

    def _gives_rows(self, place: int) -> bool:
        """Return whether the parenthesis at `place` opens a subquery that is used as a table."""
        return self._at(place - 1).says("FROM", "JOIN", "LATERAL") or self._is_table(place - 1)

    def _refuse_list(self, place: int) -> None:
        """Refuse a comma-separated list of tables, which is not supported."""
        if self._at(self._beyond_alias(place)).text == ",":
            raise OutOfScopeError(
                "a FROM with several tables, separated by commas, is not supported"
            )

    def _beyond_alias(self, place: int) -> int:
        return place + self._is_alias(place) * (1 + self._at(place).says("AS"))

    def _is_alias(self, place: int) -> bool:
        token = self._at(place)
        return token.kind == "quoted" or (
            token.kind == "word" and not FOLLOWING.fullmatch(token.text)
        )

    def _at(self, place: int) -> _Token:
        return self._tokens[place] if 0 <= place < len(self._tokens) else NOTHING

    def _says(self, *words: str) -> bool:
        return any(token.says(*words) for token in self._tokens)

    def _is_table(self, place: int) -> bool:
        """Return whether the token at `place` is a table name, which the token before it tells."""
        token, before = self._at(place), self._at(place - 1)
        if token.kind not in {"word", "quoted"} or token.says("LATERAL"):
            return False
        return before.says("FROM", "JOIN", "INTO") or (before.says("UPDATE") and place == 1)

    def _table(self, place: int) -> None:
        """Write the replacement of the table name at `place`."""
        token, before, after = self._tokens[place], self._at(place - 1), self._at(place + 1)
        name, known = token.name, TABLES.get(token.name)
        is_change = before.says("UPDATE") or (place > 1 and self._at(place - 2).says("DELETE"))
        if name in FUNCTIONS and after.text == "(":
            self._parts.append(token.whole)
        elif known is None:
            raise OutOfScopeError(f"the table {name} is not declared")
        elif before.says("INTO") or is_change:
            _refuse_unless(name, known, Access.WRITE)
            self._parts.append(token.whole)
            if not is_change:
                self._note_owners(place + 1, known)
            elif place > 2 or self._says("RETURNING"):  # noqa: PLR2004  # DELETE FROM it
                raise OutOfScopeError("UPDATE and DELETE must stand alone, without RETURNING")
            elif known.condition is not None:
                self._target = (known.written or known.condition, token.text)
        else:
            _refuse_unless(name, known, Access.READ)
            self._source(place, known)

    def _source(self, place: int, known: TableScope) -> None:
        """Replace the table name at `place` by a subquery of the rows in scope."""
        token = self._tokens[place]
        self._refuse_list(place + 1)
        if known.condition is None:
            self._parts.append(token.whole)
            return
        columns = self._columns(token.name, known)
        condition = self._condition(known.condition, ROW)
        alias = "" if self._is_alias(place + 1) else f' AS "{token.name}"'
        self._parts.append(
            f' (SELECT {columns} FROM "{token.name}" AS {ROW} WHERE {condition}){alias}'  # noqa: S608  # no value is spelt out
        )

    def _columns(self, table: str, known: TableScope) -> str:
        columns = [f"{ROW}.*"]
        if self._is_shown and known.masked:
            columns = [
                f'{self._condition(known.masked[name][not self._is_postgres], ROW)} AS "{name}"'
                if name in known.masked
                else f'{ROW}."{name}"'
                for name in (*_columns_of(table), *known.generated)
            ]
        if not self._is_postgres and self._says("ROWID"):
            columns.append(f"{ROW}.rowid AS rowid")
        return ", ".join(columns)

    def _condition(self, condition: str, row: str) -> str:
        """Return the condition for the alias `row`; the reseller's id becomes a parameter."""
        spelt = condition.replace("{row}", row)
        self._is_bound = self._is_bound or "?" in spelt
        if self._is_postgres:
            return spelt.replace("?", f"${self._count + 1}")
        self._places += [None] * spelt.count("?")
        return spelt

    def _refuse_stray(self, place: int) -> None:
        """Refuse a token that is a table name where none is expected.

        A table name that qualifies a column, or that is an alias, is allowed.
        """
        token, before = self._tokens[place], self._at(place - 1)
        if token.kind not in {"word", "quoted"} or token.name not in TABLES:
            return
        if self._at(place + 1).text != "." and not before.says("AS"):
            raise OutOfScopeError(f"{token.name} stands where no table is expected")

    def _note_owners(self, place: int, known: TableScope) -> None:
        """Record which parameters hold the owners of inserted rows."""
        if known.owner is None:
            if known.condition is not None:
                raise OutOfScopeError("whose the added rows are can't be told")
            return
        columns, place = self._group(place)
        own = [part[0].name for part in columns].index(known.owner)
        if not self._at(place).says("VALUES") or self._says("CONFLICT", "REPLACE"):
            raise OutOfScopeError("only values are added, and take no row's place")
        place += 1
        marks = list(accumulate((one.kind == "mark" for one in self._tokens), initial=0))
        while self._at(place).text == "(":
            values, end = self._group(place)
            if [token.kind for token in values[own]] != ["mark"]:
                raise OutOfScopeError("an owner comes as a parameter")
            inner = sum(token.kind == "mark" for part in values[:own] for token in part)
            number = values[own][0].text[1:]
            self._owners.append(int(number) - 1 if number else marks[place] + inner)
            place = end + (self._at(end).text == ",")

    def _group(self, place: int) -> tuple[list[list[_Token]], int]:
        """Return the parts of the parenthesis at `place`, and the index after it."""
        parts: list[list[_Token]] = [[]]
        depth = 0
        for end in range(place, len(self._tokens)):
            token = self._tokens[end]
            depth += (token.text == "(") - (token.text == ")")
            if not depth:
                break
            if token.text == "," and depth == 1:
                parts.append([])
            elif end > place:
                parts[-1].append(token)
        if depth or end == place:
            raise OutOfScopeError("columns and values are in brackets")
        return parts, end + 1


def _token(found: re.Match[str]) -> _Token:
    kind = str(found.lastgroup)
    return _Token(kind, found[kind], found[0])


def _refuse_unless(table: str, known: TableScope, wanted: Access) -> None:
    if known.access not in {wanted, Access.BOTH}:
        raise OutOfScopeError(f"bound operations don't {wanted.name.lower()} {table}")


def _columns_of(table: str) -> list[str]:
    """Return the sorted column names of a table, from its model."""
    metas = [model._meta for model in Tortoise.apps["models"].values()]
    (meta,) = (meta for meta in metas if meta.db_table == table)
    return sorted(meta.fields_db_projection.values())
