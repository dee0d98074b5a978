"""Runs the reader on real filings, if a folder of them exists beside the checkout."""

import json
from pathlib import Path
from typing import Any

import pytest

from enrichment.accounts import AccountsRefused, as_record, read_accounts

FOLDER = Path(__file__).resolve().parents[3].parent / "shared" / "companies-house"
EXPECTED: dict[str, dict[str, Any]] = (
    json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
    if (FOLDER / "expected.json").is_file()
    else {}
)

pytestmark = pytest.mark.skipif(not EXPECTED, reason="no folder of filed accounts beside this one")


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_filed_document_reads_as_printed(name: str) -> None:
    expected = EXPECTED[name]
    content = (FOLDER / "accounts" / name).read_bytes()
    if expected.get("malformed"):
        with pytest.raises(AccountsRefused):
            read_accounts(content)
        return
    record = as_record(read_accounts(content, company_number=expected["company_number"]))
    compared = record.keys() & expected.keys()
    assert {key: record[key] for key in compared} == {key: expected[key] for key in compared}
    assert record["total_assets"] == expected.get("total_assets_derived")
    assert record["unreadable"] == []
