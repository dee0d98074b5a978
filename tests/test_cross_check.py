"""Comparing this project's reading of accounts with another reader's: the report per figure."""

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from commands.cross_check import (
    CONCEPTS,
    DATE,
    OtherFact,
    Outcome,
    compare,
    cross_check,
    read_with_ixbrlparse,
)
from enrichment.accounts import read_accounts
from manage import cli
from tests.enrichment.accounts.documents import (
    BALANCE_SHEET,
    DAY,
    PRIOR,
    employees,
    inline,
    number,
    package,
)

OWN = inline(*BALANCE_SHEET)


def fact(concept: str, value: str, day: str = DAY, *, is_instant: bool = True) -> OtherFact:
    return OtherFact(concept, Decimal(value), date.fromisoformat(day), is_instant)


def outcome_of(figure: str, content: bytes, *facts: OtherFact) -> tuple[Outcome, str, str]:
    (found,) = (one for one in compare(read_accounts(content), facts) if one.figure == figure)
    return found.outcome, found.ours, found.theirs


@pytest.mark.parametrize(
    ("figure", "facts", "expected"),
    [
        ("fixed_assets", [fact("FixedAssets", "1000")], ("agree", "1000", "1000")),
        ("fixed_assets", [fact("FixedAssets", "1000.004")], ("agree", "1000", "1000.004")),
        ("fixed_assets", [fact("FixedAssets", "1000.01")], ("differ", "1000", "1000.01")),
        ("fixed_assets", [fact("FixedAssets", "-1000")], ("differ", "1000", "-1000")),
        # IFRS spelling; another day; a period; another concept
        ("fixed_assets", [fact("Non-CurrentAssets", "5")], ("differ", "1000", "5")),
        ("fixed_assets", [fact("FixedAssets", "9", PRIOR)], ("only ours", "1000", "")),
        ("fixed_assets", [fact("FixedAssets", "9", is_instant=False)], ("only ours", "1000", "")),
        ("fixed_assets", [fact("CurrentAssets", "9")], ("only ours", "1000", "")),
        # tags that disagree: this project's value is one of them, or none
        (
            "fixed_assets",
            [fact("FixedAssets", "1000"), fact("FixedAssets", "9")],
            ("agree", "1000", "9 or 1000"),
        ),
        # the first group of tags counts
        ("net_assets", [fact("NetAssetsLiabilities", "1300"), fact("Equity", "9")],
         ("agree", "1300", "1300")),
        ("net_assets", [fact("ShareholderFunds", "9")], ("differ", "1300", "9")),
        # this project's value is a sum
        ("total_assets", [], ("only ours", "1500", "")),
        ("employees", [fact("EmployeesTotal", "7", is_instant=False)], ("agree", "7", "7")),
        ("employees", [fact("EmployeesTotal", "7")], ("only ours", "7", "")),
        (DATE, [fact("Equity", "1")], ("agree", DAY, DAY)),
        (DATE, [fact("Equity", "1", PRIOR)], ("differ", DAY, PRIOR)),
        (DATE, [fact("Creditors", "1", PRIOR)], ("only ours", DAY, "")),
    ],
)  # fmt: skip
def test_a_figure_of_ours_is_compared(
    figure: str, facts: list[OtherFact], expected: tuple[str, str, str]
) -> None:
    assert outcome_of(figure, OWN, *facts) == expected


@pytest.mark.parametrize(
    ("content", "facts", "expected"),
    [
        (inline(number("Equity", "1")), [], ("neither", "", "")),
        (inline(number("Equity", "1")), [fact("FixedAssets", "5")], ("only theirs", "", "5")),
        (inline(number("FixedAssets", "?")), [fact("FixedAssets", "5")], ("only theirs", "", "5")),
    ],
)
def test_a_figure_that_is_not_ours_is_compared(
    content: bytes, facts: list[OtherFact], expected: tuple[str, str, str]
) -> None:
    assert outcome_of("fixed_assets", content, *facts) == expected


def test_the_report_names_what_differs_and_counts_the_rest(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "a.html").write_bytes(OWN)
    (tmp_path / "b.zip").write_bytes(package([("x/accounts/a.xhtml", OWN)]))
    (tmp_path / "c.html").write_bytes(b"%PDF")
    (tmp_path / "d.xhtml").write_bytes(OWN + b"<!-- odd -->")
    (tmp_path / "notes.txt").write_bytes(b"no accounts")
    seen: list[bytes] = []

    def other(content: bytes) -> list[OtherFact]:
        seen.append(content)
        if b"odd" in content:
            raise KeyError
        return [fact("FixedAssets", "9"), fact("CurrentAssets", "500")]

    lines = list(cross_check(tmp_path, other))
    assert seen == [
        OWN,
        OWN + b"<!-- odd -->",
        OWN,
    ]  # a document refused here might hang the other reader
    assert lines[:4] == [
        "b.zip: fixed_assets: ours 1000 (FixedAssets), theirs 9",
        "c.html: refused by ours, NOT_XBRL: The document is not XML.",
        "d.xhtml: the other reader failed, KeyError",
        "inner/a.html: fixed_assets: ours 1000 (FixedAssets), theirs 9",
    ]
    assert lines[4:8] == ["", "4 documents", "1 refused by ours", "1 failed by the other"]
    counts = {line.split()[0]: [int(one) for one in line.split()[1:]] for line in lines[9:]}
    assert counts.keys() == {DATE, *CONCEPTS}
    assert counts["fixed_assets"] == [0, 2, 0, 0, 0]
    assert counts["current_assets"] == [2, 0, 0, 0, 0]
    assert counts["net_assets"] == [0, 0, 2, 0, 0]


def is_installed() -> bool:
    try:
        import ixbrlparse  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


needs_ixbrlparse = pytest.mark.skipif(not is_installed(), reason="ixbrlparse is not installed")


@needs_ixbrlparse
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (number("FixedAssets", "1,000"), [fact("FixedAssets", "1000")]),
        (number("FixedAssets", "1.5", sign="-", scale="3"), [fact("FixedAssets", "-1500")]),
        (employees("7"), [fact("AverageNumberEmployeesDuringPeriod", "7", is_instant=False)]),
        # with a dimension, nil, and without a defined context
        (number("Creditors", "5", "within"), []),
        (number("FixedAssets", "", **{"xsi:nil": "true"}), []),
        (number("FixedAssets", "5", "gone"), []),
    ],
)
def test_ixbrlparse_gives_the_numbers_of_the_entity_as_a_whole(
    content: str, expected: list[OtherFact]
) -> None:
    assert read_with_ixbrlparse(inline(content)) == expected


@needs_ixbrlparse
def test_the_command_prints_the_report(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_bytes(OWN)
    done = CliRunner().invoke(cli, ["cross-check", str(tmp_path)], catch_exceptions=False)
    assert done.exit_code == 0
    assert "1 documents" in done.output


def test_without_the_extra_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ixbrlparse", None)
    done = CliRunner().invoke(cli, ["cross-check", str(tmp_path)])
    assert done.exit_code == 1
    assert "pip install --editable '.[cross-check]'" in done.output
