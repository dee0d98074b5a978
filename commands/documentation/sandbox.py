"""Generates the page of the sandbox: each company number, with the case that the company shows."""

from collections.abc import Iterable

from commands.documentation.markdown import code, table

INTRODUCTION = """# Company numbers of the sandbox

The sandbox is a local Companies House with made-up companies. `make run` uses it;
[Companies House](../operators/companies-house.md) says how to run it alone. The company number
decides what happens.
"""


def sandbox_page(companies: Iterable[tuple[str, str, str]]) -> str:
    """Return the page of the sandbox; `companies` have number, name and description."""
    rows = [(code(number), name, what) for number, name, what in companies]
    return f"{INTRODUCTION}\n{table(('Number', 'Name', 'What it shows'), rows)}"
