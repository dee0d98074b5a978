"""The error for an incomplete table names the missing entries, the file, and what to add."""

import re

import pytest

import manage
from schema.engine.cost_compiler import UnweightedError
from tests.completeness import assert_complete


def test_what_is_missing_and_what_is_left_over_is_named_with_the_file() -> None:
    told = (
        "MUTATIONS in tests/mutations.py: missing ['newOne'], no longer in the code ['oldOne']."
        " Add its input; docs/contributing/tests.md lists all such tables."
    )
    with pytest.raises(AssertionError, match=re.escape(told)):
        assert_complete(
            "MUTATIONS in tests/mutations.py", ["a", "oldOne"], ["a", "newOne"], "its input"
        )
    assert_complete("A table in a file", ["a"], {"a": 1}, "nothing")


def test_a_schema_that_can_not_be_built_says_which_file_to_edit(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = "schema/engine/cost_weights.py lacks a weight for Query.new"

    def unweighted() -> None:
        raise UnweightedError(told)

    monkeypatch.setattr(manage, "build_schema", unweighted)
    monkeypatch.setattr("sys.argv", ["manage.py", "schema"])
    monkeypatch.setattr(manage, "configure_logs", lambda *_: None)
    monkeypatch.setattr(manage, "log_all_failures", lambda: None)
    with pytest.raises(SystemExit) as ended:
        manage.main()
    assert ended.value.code == 1
    assert capsys.readouterr().err == f"{told}\n"
