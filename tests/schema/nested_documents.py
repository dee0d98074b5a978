"""Generates documents and values of a given depth."""

from typing import Any

ADD = 'saveCustomer(input: { name: "A", classCode: "CHARITY" }) { customer { id } }'


def aliased(count: int, field: str = "id") -> str:
    return " ".join(f"a{number}: {field}" for number in range(count))


def chained(fragments: int, inline: int = 0) -> str:
    """Return a chain of nested fragments on Viewer, each inside `inline` inline fragments."""
    opened, closed = "... { " * inline, "} " * inline
    inner = "".join(
        f"fragment F{n} on Viewer {{ {opened}...F{n + 1} {closed}}} " for n in range(1, fragments)
    )
    return f"{inner} fragment F{fragments} on Viewer {{ id }}"


def nested(levels: int) -> str:
    return "parent { " * levels + "id" + " }" * levels


REFUSED: list[tuple[str, str, int, int | None]] = [
    (f"{{ customer {{ {nested(19)} }} }}", "QUERY_TOO_DEEP", 20, 21),
    ("{a" * 1500, "QUERY_TOO_DEEP", 20, None),
    (f"{{ viewer {{ ...F1 }} }} {chained(21)}", "FRAGMENTS_TOO_DEEP", 20, 21),
    (f"{{ viewer {{ ...F1 }} }} {chained(600)}", "FRAGMENTS_TOO_DEEP", 20, 600),
    (f"{{ {aliased(51, '__typename')} }}", "TOO_MANY_ROOT_FIELDS", 50, 51),
    (f"mutation {{ {aliased(51, ADD)} }}", "TOO_MANY_ROOT_FIELDS", 50, 51),
    (f"{{ viewer {{ {aliased(101)} }} }}", "TOO_MANY_ALIASES", 100, 101),
    (f"{{ viewer {{ {aliased(10_000)} }} }}", "TOO_MANY_TOKENS", 5000, None),
    ("{ viewer { " + "id " * 201 + "} }", "SELECTION_TOO_WIDE", 200, 201),
    (
        "{ viewer { " + "...F " * 100 + "} } fragment F on Viewer { id name scopes }",
        "SELECTION_TOO_WIDE",
        200,
        300,
    ),
    (
        "{ " + "viewer { ...F } " * 20 + "} fragment F on Viewer { " + "id " * 100 + "}",
        "TOO_MANY_FIELDS",
        2000,
        2020,
    ),
    ("{ viewer { id " + "@skip(if: true) " * 5 + "} }", "TOO_MANY_DIRECTIVES", 4, 5),
    ("{ viewer { " + "id @skip(if: true) " * 101 + "} }", "TOO_MANY_DIRECTIVES", 100, 101),
    ("{ nodes(ids: [" + '"x" ' * 1001 + "]) { id } }", "LIST_TOO_LONG", 1000, 1001),
    ("{ customers(first: " + "[" * 13 + "]" * 13 + ") { totalCount } }", "VALUE_TOO_DEEP", 12, 13),
    ("{ customers(first: " + "[" * 2000 + ") { totalCount } }", "QUERY_TOO_DEEP", 20, None),
    # Each fragment is shallow, but the chain of them is deep.
    (f"{{ viewer {{ ...F1 }} }} {chained(18, inline=12)}", "QUERY_TOO_DEEP", 200, None),
    # Validation compares each pair of equal fields, and each pair of their subfields.
    (
        "{ customers { " + f"nodes {{ {'id ' * 15} }} " * 100 + "} }",
        "TOO_MANY_COMPARISONS",
        50_000,
        None,
    ),
]


def nested_value(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value
