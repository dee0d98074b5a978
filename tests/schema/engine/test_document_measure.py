"""Measuring documents, including their fragments."""

from time import process_time

import pytest
from graphql import parse

from schema.engine.document_measure import Measures, measure


def measures(text: str) -> Measures:
    """Return the measures of the first operation."""
    return next(iter(measure(parse(text))))[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # one field
        ("{ a }", {"depth": 1, "fields": 1, "selection_fields": 1, "top_fields": 1}),
        # the widest selection, and the number of all fields
        ("{ a { b c d } e }", {"depth": 2, "fields": 5, "selection_fields": 3, "top_fields": 2}),
        # inline fragments add no level, and belong to the selection around them
        ("{ a ... { b ... on C { d } } }", {"depth": 1, "fields": 3, "top_fields": 3}),
        # a fragment counts each time it is spread, at that depth
        (
            "{ a { ...F } b { c { ...F } } } fragment F on D { e { f } g }",
            {"depth": 4, "fields": 9, "selection_fields": 2, "top_fields": 2, "fragments": 1},
        ),
        # fields of fragments count in the surrounding selection
        ("{ a ...F ...F } fragment F on D { e f }", {"selection_fields": 5, "top_fields": 5}),
        # fragments within fragments
        (
            "{ ...F } fragment F on D { ...G } fragment G on D { ...H } fragment H on D { a }",
            {"fragments": 3, "depth": 1, "fields": 1},
        ),
        # aliases, also those equal to the field's name
        ("{ a: a b ...F } fragment F on D { c: d }", {"aliases": 2, "fields": 3}),
        # directives on fields, spreads, variables and the operation itself
        (
            "query ($v: Int @a) @b { f @c @d ...F @e } fragment F on D @f { g @h }",
            {"directives": 7, "field_directives": 2},
        ),
        # values, in arguments, directives and defaults
        ("{ a(b: [1, 2, [3]]) }", {"list_entries": 3, "value_depth": 2}),
        ("{ a(b: {c: {d: {e: 1}}}) }", {"list_entries": 0, "value_depth": 3}),
        ("query ($v: [Int] = [1, 2, 3, 4]) { a }", {"list_entries": 4, "value_depth": 1}),
        ("{ a @b(c: [[1]]) }", {"list_entries": 1, "value_depth": 2}),
        # introspection, also within a fragment
        ("{ __typename a }", {"is_introspecting": False}),
        ("{ ...F } fragment F on Query { __schema { a } }", {"is_introspecting": True}),
        ('{ a: __type(name: "B") { c } }', {"is_introspecting": True}),
        # undefined fragments count as empty
        ("{ a ...F }", {"fields": 1}),
    ],
)
def test_what_is_asked_for_is_measured(text: str, expected: dict[str, int]) -> None:
    found = measures(text)._asdict()
    assert {name: found[name] for name in expected} == expected


def test_fragments_of_fragments_are_measured_without_being_followed() -> None:
    twice = "".join(f"fragment F{n} on A {{ ...F{n + 1} ...F{n + 1} }} " for n in range(500))
    begun = process_time()
    found = measures(f"{{ ...F0 }} {twice} fragment F500 on A {{ b }}")
    assert (found.fields, found.fragments) == (2**500, 501)
    assert process_time() - begun < 5  # computed one after the other, they would take for ever


@pytest.mark.parametrize(
    "circle",
    [
        "fragment A on T { a ...A }",
        "fragment A on T { ...B } fragment B on T { a ...C } fragment C on T { ...A ...B }",
    ],
)
def test_circles_of_fragments_are_cut(circle: str) -> None:
    assert measures(f"{{ ...A }} {circle}").fields == 1


def test_a_definition_is_measured_however_deeply_it_is_nested() -> None:
    deep = "{ a " * 190 + "}" * 190
    chain = "".join(f"fragment F{n} on A {{ b ...F{n + 1} }} " for n in range(400))
    found = measures(f"{deep} {chain} fragment F400 on A {{ c }}")
    assert found.depth == 190
