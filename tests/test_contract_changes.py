"""A change of the contract that breaks clients is refused unless it was announced in time."""

from datetime import date
from pathlib import Path

import pytest
from graphql import build_schema

from tests.contract_changes import RELEASED, changes, main, report, too_soon
from tests.contract_expiry import deprecations, malformed, without_expired

DAY = date(2027, 6, 1)
BEFORE, AFTER = date(2027, 5, 31), date(2027, 6, 2)
OLD = '@deprecated(reason: "Use `x`. Removed on 2027-06-01.")'

RELEASED_SDL = f"""
directive @requiresPermission(anyOf: [Scope!]!) on FIELD_DEFINITION | INPUT_FIELD_DEFINITION
enum Scope {{ READ WRITE ADMINISTER }}
interface Node {{ id: ID! }}
type Query {{
  node(id: ID!): Node
  thing(id: ID, code: String {OLD}): Thing
  open: String
  guarded: String @requiresPermission(anyOf: [READ, WRITE])
  colour: Colour
  either: Either
  gone(by: GoneFilter): Gone {OLD}
}}
type Mutation {{ save(input: SaveInput!): Thing }}
type Thing implements Node {{ id: ID! name: String! old: String {OLD} vague: Int @deprecated }}
type Other {{ a: Int }}
type Gone {{ deep: Deeper }}
type Deeper {{ a: Int }}
union Either = Thing | Other
enum Colour {{ RED GREEN BLUE {OLD} }}
input GoneFilter {{ a: Int }}
input SaveInput {{ name: String code: String {OLD} }}
"""

KEEP = "It is not deprecated in schema/released.graphql."
CASES = [
    # What is replaced in the released schema, by what, and what is refused on the day, and on the
    # day before.
    ("name: String!", "name: String! more: Int", [], []),
    ("name: String!", "", [f"Field Thing.name was removed. {KEEP}"], None),
    (
        "name: String!",
        "name: String",
        [f"Field Thing.name changed type from String! to String. {KEEP}"],
        None,
    ),
    (
        f"old: String {OLD}",
        "",
        [],
        ["Field Thing.old was removed. Clients were told"],
    ),
    (
        f"old: String {OLD}",
        "old: Int",
        [],
        ["Field Thing.old changed type from String to Int. Clients were told"],
    ),
    (
        "vague: Int @deprecated",
        "",
        ["Field Thing.vague was removed. Its deprecation names no day"],
        None,
    ),
    (
        f", code: String {OLD}): Thing",
        "): Thing",
        [],
        ["Argument Query.thing(code:) was removed. Clients were told"],
    ),
    ("thing(id: ID,", "thing(", [f"Argument Query.thing(id:) was removed. {KEEP}"], None),
    (f"BLUE {OLD}", "", [], ["Enum value Colour.BLUE was removed. Clients were told"]),
    ("RED GREEN", "GREEN", [f"Enum value Colour.RED was removed. {KEEP}"], None),
    (
        f"name: String code: String {OLD}",
        "name: String",
        [],
        ["Field SaveInput.code was removed. Clients were told"],
    ),
    (
        "input SaveInput { name: String",
        "input SaveInput { name: String!",
        [f"Field SaveInput.name changed type from String to String!. {KEEP}"],
        None,
    ),
    (
        "input SaveInput {",
        "input SaveInput { must: Int!",
        ["A required field SaveInput.must was added. Make it optional"],
        None,
    ),
    ("input SaveInput {", "input SaveInput @oneOf {", ["SaveInput became @oneOf."], None),
    (
        "open: String",
        "open(by: Int!): String",
        ["A required argument Query.open(by:) was added. Make it optional"],
        None,
    ),
    (
        "Either = Thing | Other",
        "Either = Thing",
        [f"Other was removed from union type Either. {KEEP}"],
        None,
    ),
    (
        "Thing implements Node",
        "Thing",
        [f"Thing no longer implements interface Node. {KEEP}"],
        None,
    ),
    (
        "open: String",
        "open: String @requiresPermission(anyOf: [READ])",
        ["Query.open needs other permissions: callers with no permission would be refused."],
        None,
    ),
    (
        "anyOf: [READ, WRITE]",
        "anyOf: [WRITE]",
        ["Query.guarded needs other permissions: callers with READ would be refused."],
        None,
    ),
    ("anyOf: [READ, WRITE]", "anyOf: [READ, WRITE, ADMINISTER]", [], []),
    ("@requiresPermission(anyOf: [READ, WRITE])", "", [], []),
]


@pytest.mark.parametrize(("old", "new", "on_the_day", "before"), CASES)
def test_a_change_is_accepted_from_its_day_on(
    old: str, new: str, on_the_day: list[str], before: list[str] | None
) -> None:
    """Each case makes one change of the released schema."""
    assert RELEASED_SDL.count(old) == 1
    printed = RELEASED_SDL.replace(old, new)
    for day, wanted in (
        (BEFORE, on_the_day if before is None else before),
        (DAY, on_the_day),
        (AFTER, on_the_day),
    ):
        refused = changes(RELEASED_SDL, printed, day).refused
        assert len(refused) == len(wanted), refused
        for found, start in zip(refused, wanted, strict=True):
            assert " ".join(found.split()).startswith(start)


def test_a_type_may_go_with_the_last_field_that_leads_to_it() -> None:
    printed = RELEASED_SDL.replace(f"gone(by: GoneFilter): Gone {OLD}", "")
    for kind in (
        "type Gone { deep: Deeper }",
        "type Deeper { a: Int }",
        "input GoneFilter { a: Int }",
    ):
        assert kind in printed
        printed = printed.replace(kind, "")
    assert changes(RELEASED_SDL, printed, DAY).refused == []
    told = [one.splitlines()[0] for one in changes(RELEASED_SDL, printed, BEFORE).refused]
    assert sorted(told) == [
        "Deeper was removed.",
        "Field Query.gone was removed.",
        "Gone was removed.",
        "GoneFilter was removed.",
    ]


def test_a_type_stays_while_another_field_leads_to_it() -> None:
    released = RELEASED_SDL.replace("open: String", "open: Gone")
    printed = RELEASED_SDL.replace(f"gone(by: GoneFilter): Gone {OLD}", "")
    told = [one.splitlines()[0] for one in changes(released, printed, DAY).refused]
    assert told == ["Field Query.open changed type from Gone to String."]


def test_a_type_whose_members_all_expired_stays_while_it_is_returned() -> None:
    sdl = f"""
    type Query {{ a: All b(f: In): Int }}
    type All {{ x: Int {OLD} }}
    input In {{ y: Int {OLD} }}
    """
    assert deprecations(build_schema(without_expired(sdl, DAY))).keys() == {"All.x", "In.y"}


def test_what_was_never_released_may_change_at_once() -> None:
    added = RELEASED_SDL.replace("open: String", "open: String fresh(by: Int): Fresh") + (
        "type Fresh { a: Int b: Int }"
    )
    assert changes(RELEASED_SDL, added, DAY).refused == []
    assert changes(RELEASED_SDL, added.replace("(by: Int)", "").replace("b: Int", ""), DAY) == (
        changes(RELEASED_SDL, added, DAY)
    )


def test_the_day_of_the_released_schema_counts_not_that_of_the_change() -> None:
    earlier = RELEASED_SDL.replace("2027-06-01", "2026-01-01")
    removed = earlier.replace(
        'old: String @deprecated(reason: "Use `x`. Removed on 2026-01-01.")', ""
    )
    assert removed != earlier
    assert len(changes(RELEASED_SDL, removed, BEFORE).refused) == 1


def test_dangerous_changes_are_listed_and_accepted() -> None:
    released = RELEASED_SDL.replace("vague: Int @deprecated", "")
    printed = (
        released.replace("RED GREEN", "RED GREEN PINK")
        .replace("open: String", "open(by: Int): String")
        .replace("input SaveInput { name: String", 'input SaveInput { more: Int name: String = "a"')
    )
    lines, is_accepted = report(released, printed, DAY, is_release=False)
    assert is_accepted
    assert lines[1:] == [
        "  An optional argument Query.open(by:) was added.",
        "  Enum value Colour.PINK was added.",
        "  An optional field SaveInput.more was added.",
    ]


REASONS = {
    "Use `x`. Removed on 2027-06-01.": True,
    "Use `x` with `y: true`, or `z`. Removed on 2027-06-01.": True,
    "No longer supported": False,
    "Use `x`.": False,
    "Removed on 2027-06-01.": False,
    "Use `x`. Removed on 2027-13-01.": False,
    "Use `x`. Removed on 1 June 2027.": False,
    "Use `x`. Removed on 2027-06-01": False,
}


@pytest.mark.parametrize(("reason", "is_right"), REASONS.items())
def test_a_reason_says_what_to_use_and_until_when(reason: str, *, is_right: bool) -> None:
    sdl = f"""
    type Query {{ a(b: Int @deprecated(reason: "{reason}")): E @deprecated(reason: "{reason}") }}
    enum E {{ A @deprecated(reason: "{reason}") }}
    """
    wrong = [] if is_right else ["Query.a", "Query.a(b:)", "E.A"]
    assert sorted(malformed(build_schema(sdl))) == sorted(wrong)


def test_a_release_announces_a_removal_in_time() -> None:
    """It may not bring a day forward either, but a day that was announced may be near."""
    later = OLD.replace("2027-06-01", "2028-01-01")
    released = f"type Query {{ a: Int b: Int {OLD} c: Int {later} }}"
    printed = f"type Query {{ a: Int {OLD} b: Int {OLD} c: Int {OLD} }}"
    soon = [one.partition(" ")[0] for one in too_soon(released, printed, date(2027, 3, 4))]
    assert soon == ["Query.a", "Query.c"]
    assert list(too_soon(released, printed, date(2027, 3, 3))) == []


def test_a_release_replaces_the_released_schema_unless_it_is_refused(tmp_path: Path) -> None:
    released, printed = tmp_path / "released.graphql", tmp_path / "schema.graphql"
    files = ["--released", str(released), "--printed", str(printed), "--today", "2027-03-01"]
    first = f"type Query {{ a: Int b: Int {OLD} }}"
    printed.write_text(first)
    assert main([*files, "--release"]) == 0
    assert released.read_text() == first
    for broken in ("type Query { a: Int }", "type Query { b: Int @deprecated a: Int }"):
        printed.write_text(broken)
        assert main([*files, "--release"]) == 1
        assert released.read_text() == first
    printed.write_text("type Query { a: Int }")
    assert main([*files, "--today", "2027-06-01", "--release"]) == 0
    assert released.read_text() == "type Query { a: Int }"


def test_the_check_says_what_broke_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = tmp_path / "schema.graphql"
    printed.write_text(RELEASED.read_text().replace("\n  customerClass(", "\n  classOf(", 1))
    assert main(["--printed", str(printed)]) == 1
    output = capsys.readouterr().out
    assert "These changes break clients:\n  Field Query.customerClass was removed.\n" in output
    assert '@deprecated(reason: "Use `…`. Removed on 2027-06-01.")' in output
