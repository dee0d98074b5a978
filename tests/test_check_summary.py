"""The summary at the end of `make check` names everything that did not run."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.check_summary import ON_POSTGRES, VARIABLE, note, note_tests, summary
from tests.databases import URL_VARIABLE


def test_steps_that_ran_and_those_that_did_not_are_told_with_reasons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collected = tmp_path / "check.jsonl"
    monkeypatch.setenv(VARIABLE, str(collected))
    monkeypatch.setenv(URL_VARIABLE, "")
    for step in ("format", "lint", "types", "printed schema"):
        note(step, "passed")
    skipped = SimpleNamespace(longrepr=("tests/x.py", 3, "Skipped: no browser"))
    note_tests({"passed": [object()] * 3, "skipped": [skipped, skipped]})
    note(ON_POSTGRES, "not run", "No PostgreSQL answers.")
    lines = [json.loads(line) for line in collected.read_text().splitlines()]
    assert list(summary(lines)) == [
        "make check:",
        "  format: passed",
        "  lint: passed",
        "  types: passed",
        "  printed schema: passed",
        "  contract: failed, or not reached",
        "  schema lint: failed, or not reached",
        "  docs: failed, or not reached",
        "  tests on SQLite: 3 passed, 2 skipped",
        "    2 skipped: no browser",
        "  storage tests on PostgreSQL: not run (No PostgreSQL answers.)",
    ]


def test_nothing_is_written_where_nobody_collects_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    note("format", "passed")
    assert list(tmp_path.iterdir()) == []
