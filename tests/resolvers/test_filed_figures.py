"""Figures of filed accounts in the API, with their warnings."""

from pathlib import Path
from typing import Any

import pytest

from enrichment.sandbox import SandboxConfig
from tests.clock import Clock
from tests.databases import Databases
from tests.enrichment.accounts.documents import (
    BALANCE_SHEET,
    CONTEXTS,
    DATED,
    DAY,
    FIGURES,
    employees,
    inline,
    instant,
    number,
    text,
)
from tests.graphql_client import Json, running_live_api

NUMBER = "01234567"
SELECT = " ".join(f"{name} {{ value scope warnings }}" for name in FIGURES)
GROUP = CONTEXTS + instant("group", DAY, "GroupCompanyDataDimension=Consolidated")
SIGNED_PLAIN = tuple(
    f"<p>Total {number(concept, amount, sign='-')}</p>"
    for concept, amount in (
        ("FixedAssets", "1,000"),
        ("CurrentAssets", "500"),
        ("TotalAssetsLessCurrentLiabilities", "1,500"),
        ("NetAssetsLiabilities", "1,500"),
    )
)
MISMATCH = "TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH"

CASES: list[tuple[bytes, dict[str, tuple[Any, list[str]] | None]]] = [
    # figures that add up have no warning
    (inline(*BALANCE_SHEET), {"netAssets": (1300, []), "totalAssets": (1500, [])}),
    # a sum that fails
    (
        inline(*BALANCE_SHEET[:4], number("TotalAssetsLessCurrentLiabilities", "1,900")),
        {
            "fixedAssets": (1000, [MISMATCH]),
            "currentAssets": (500, [MISMATCH]),
            "totalAssetsLessCurrentLiabilities": (1900, [MISMATCH]),
        },
    ),
    # doubts about the document
    (
        inline(*BALANCE_SHEET, dated=""),
        {
            "fixedAssets": (1000, ["BALANCE_SHEET_DATE_INFERRED"]),
            "employees": (7, ["BALANCE_SHEET_DATE_INFERRED"]),
        },
    ),
    (
        inline(*BALANCE_SHEET, dated=DATED + text("BalanceSheetDate", "2023-12-31", "then")),
        {"netAssets": (1300, ["BALANCE_SHEET_DATE_CONFLICT"])},
    ),
    # the register has another date for these accounts
    (
        inline(
            *BALANCE_SHEET,
            dated=DATED.replace(DAY, "2024-06-30"),
            contexts=CONTEXTS.replace(DAY, "2024-06-30"),
        ),
        {"fixedAssets": (1000, ["BALANCE_SHEET_DATE_CONFLICT"])},
    ),
    # signs
    (
        inline(*SIGNED_PLAIN, number("Equity", "1,500")),
        {
            "fixedAssets": (1000, ["SIGN_INFERRED"]),
            "totalAssets": (1500, ["SIGN_INFERRED"]),
            "netAssets": (1500, ["SIGN_INFERRED"]),
        },
    ),
    # head counts
    (
        inline(*BALANCE_SHEET, number("FixedAssets", "9", "group"), contexts=GROUP),
        {"employees": (7, ["SCOPE_UNCERTAIN"]), "fixedAssets": (1000, [])},
    ),
    (inline(*BALANCE_SHEET[:-1], employees("2,147,483,648")), {"employees": None}),
    # a total whose parts are in doubt
    (
        inline(number("PropertyPlantEquipment", "40"), number("Equity", "9,000")),
        {"fixedAssets": None, "totalAssets": None, "netAssets": (9000, ["SUBSTITUTE_CONCEPT"])},
    ),
]


@pytest.mark.parametrize(("document", "expected"), CASES)
async def test_a_figure_carries_every_warning_about_it(
    databases: Databases,
    clock: Clock,
    tmp_path: Path,
    document: bytes,
    expected: dict[str, tuple[Any, list[str]] | None],
) -> None:
    """R85, A22, A23."""
    profile = await _profile(databases, clock, tmp_path, document, SELECT)
    shown = {
        name: None if figure is None else (int(figure["value"]), figure["warnings"])
        for name, figure in profile.items()
        if name in expected
    }
    assert shown == expected


async def test_part_of_a_person_is_counted(
    databases: Databases, clock: Clock, tmp_path: Path
) -> None:
    """R84."""
    document = inline(*BALANCE_SHEET[:-1], employees("2.7", decimals="1"))
    select = "employees { value exactValue scope warnings }"
    assert await _profile(databases, clock, tmp_path, document, select) == {
        "employees": {
            "value": 3,
            "exactValue": "2.7",
            "scope": "COMPANY",
            "warnings": ["EMPLOYEES_NOT_WHOLE"],
        }
    }


async def _profile(
    databases: Databases, clock: Clock, folder: Path, document: bytes, select: str
) -> Json:
    """Look up a company whose newest accounts are `document`; return the selected profile."""
    (folder / f"Prod224_0001_{NUMBER}_20241231.html").write_bytes(document)
    async with running_live_api(databases, clock, SandboxConfig(documents=folder)) as live:
        customer = await live.save_customer(
            name="Example", classCode="COMPANY_UK_LIMITED", companyNumber=NUMBER
        )
        await live.settled(customer["id"])
        profile: Json = (await live.customer(customer["id"], f"profile {{ {select} }}"))["profile"]
        return profile
