"""Writes Markdown for the generated pages: inline code and tables."""

from collections.abc import Iterable, Sequence


def code(text: object) -> str:
    return f"`{text}`"


def in_cell(text: str) -> str:
    """Return text for a cell of a table: on one line, with `|` escaped."""
    return " ".join(text.split()).replace("|", "\\|")


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table that ends with a line break; `titles` are the heads of its columns."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(in_cell(cell) for cell in line)} |\n" for line in lines)
