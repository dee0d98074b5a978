"""Prints at the end of `make check` what ran, and what was skipped and why.

Each step adds a line to the file that CHECK_SUMMARY names; `python -m tests.check_summary FILE`
prints them, and the steps that were not reached.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.databases import URL_VARIABLE

VARIABLE = "CHECK_SUMMARY"
ON_SQLITE, ON_POSTGRES = "tests on SQLite", "storage tests on PostgreSQL"
STEPS = (
    *("format", "lint", "types", "printed schema", "contract", "schema lint", "docs"),
    *(ON_SQLITE, ON_POSTGRES),
)


def note(
    step: str, outcome: str, reason: str = "", skipped: Mapping[str, int] | None = None
) -> None:
    """Add a step's outcome to the summary file, if CHECK_SUMMARY names one.

    `skipped` counts the skipped tests by reason.
    """
    collected = os.environ.get(VARIABLE)
    if collected:
        line = {"step": step, "outcome": outcome, "reason": reason, "skipped": skipped or {}}
        with Path(collected).open("a") as file:
            file.write(json.dumps(line) + "\n")


def note_tests(stats: Mapping[str, Sequence[Any]]) -> None:
    """Add the outcome of a pytest run to the summary; `stats` are its reporter's statistics."""
    step = ON_POSTGRES if os.environ.get(URL_VARIABLE) else ON_SQLITE
    reasons = Counter(
        report.longrepr[2].removeprefix("Skipped: ")
        for report in stats.get("skipped", ())
        if isinstance(report.longrepr, tuple)
    )
    counts = {name: len(stats.get(name, ())) for name in ("passed", "skipped", "failed", "error")}
    told = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    note(step, told or "no tests", skipped=reasons)


def summary(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the outcome of each step, and the reasons why tests were skipped."""
    yield "make check:"
    known = {line["step"]: line for line in lines}
    for step in STEPS:
        line = known.get(step, {"outcome": "failed, or not reached"})
        reason = f" ({line['reason']})" if line.get("reason") else ""
        yield f"  {step}: {line['outcome']}{reason}"
        for why, count in sorted(line.get("skipped", {}).items()):
            yield f"    {count} skipped: {why}"


def main(path: Path) -> None:
    """Print the summary of a file."""
    lines = path.read_text().splitlines() if path.exists() else []
    sys.stdout.write("\n".join(summary([json.loads(line) for line in lines])) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
