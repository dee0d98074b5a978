"""The shipped customer classes, which every new database has."""

import pytest

from models import CustomerClass, PlatformDefaults
from models.rules.classification import ClassFlags
from models.storage.database import Database
from models.storage.migrate import migrate
from models.tables.customer_class import ClassStatus
from tests.factories import everything

CHECKED = ClassFlags(check_companies_house=True)

SHIPPED = (
    # R10 and R11, in order of position
    ("RESIDENTIAL", "Residential / Consumer", ClassFlags(is_personal_customer=True)),
    ("SOLE_TRADER", "Self-Employed / Sole Trader", ClassFlags(is_sole_trader=True)),
    ("COMPANY_UK_LIMITED", "Company (UK Limited)", CHECKED),
    ("COMPANY_UK_PLC", "Company (UK PLC)", CHECKED),
    ("COMPANY_INTERNATIONAL", "Company (International)", ClassFlags()),
    ("PUBLIC_SECTOR", "Public Sector", ClassFlags()),
    ("CHARITY", "Charity", ClassFlags()),
    (
        "RESELLER_UK_COMPANY",
        "Reseller (UK Limited / PLC)",
        ClassFlags(is_reseller=True, check_companies_house=True),
    ),
    (
        "RESELLER_SOLE_TRADER",
        "Reseller (Sole Trader)",
        ClassFlags(is_reseller=True, is_sole_trader=True),
    ),
    ("RESELLER_OTHER", "Reseller (Other / International)", ClassFlags(is_reseller=True)),
)


@pytest.mark.usefixtures("database")
async def test_a_new_database_holds_the_shipped_classes_in_order() -> None:
    """R9, R10, R11, R12."""
    rows = await CustomerClass.all().order_by("display_position")
    assert [(row.code, row.name, row.flags) for row in rows] == list(SHIPPED)
    assert all(row.is_shipped and row.is_assignable for row in rows)
    assert {row.status for row in rows} == {ClassStatus.ACTIVE}
    assert {row.version for row in rows} == {1}


@pytest.mark.usefixtures("database")
async def test_the_shipped_individuals_are_residential_and_sole_traders() -> None:
    """R5, R6."""
    rows = await CustomerClass.all()
    assert {row.code for row in rows if row.flags.is_legal_individual} == {
        "RESIDENTIAL",
        "SOLE_TRADER",
        "RESELLER_SOLE_TRADER",
    }


@pytest.mark.usefixtures("database")
async def test_the_shipped_set_contradicts_no_rule_of_its_own() -> None:
    """R7, R8."""
    rows = await CustomerClass.all()
    assert [row.code for row in rows if row.flags.refusals() or row.flags.warnings()] == []


@pytest.mark.usefixtures("database")
async def test_a_new_database_has_no_default_class() -> None:
    """R24."""
    assert await PlatformDefaults.all().values_list("id", "customer_class_id") == [(1, None)]


async def test_migrating_again_neither_adds_nor_resets_a_shipped_class(database: Database) -> None:
    """R13."""
    await CustomerClass.filter(code="CHARITY").update(name="Good Causes", display_position=7)
    before = await everything()
    assert await migrate(database) == []
    assert await everything() == before
