"""Writes the generated pages of docs/ from the code that they describe: `make docs-generate`."""

import sys
from pathlib import Path

from commands.documentation import Sources, generated_pages
from enrichment.sandbox import describe_catalogue
from schema.base.errors import ErrorCode
from schema.root import build_schema

DOCS = Path(__file__).resolve().parent.parent / "docs"


def documentation_sources() -> Sources:
    """Return the data from which the pages are generated."""
    return Sources(build_schema(), [code.value for code in ErrorCode], describe_catalogue())


def main() -> None:
    """Write each page, and print its path."""
    for path, text in generated_pages(documentation_sources()).items():
        (DOCS / path).write_text(text)
        sys.stdout.write(f"docs/{path}\n")


if __name__ == "__main__":
    main()
