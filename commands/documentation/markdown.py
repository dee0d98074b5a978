"""Pieces of Markdown that generated pages are made of."""

from collections.abc import Iterable, Sequence


def code(text: object) -> str:
    """Return text as inline code."""
    return f"`{text}`"


def in_cell(text: str) -> str:
    """Return text in one line, safe within a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, with a line break at its end."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(in_cell(cell) for cell in line)} |\n" for line in lines)
