"""What `make run` adds for a newcomer: sample customers, a token, a first query."""

from datetime import timedelta
from uuid import uuid4

import models
from app import Platform
from models.access import Principal, Scope, issue_token
from models.audit import Act
from models.customer_editing import create_customer

LIFETIME = timedelta(days=30)

SAMPLES = (
    ("Sandbox Alpha Trading Limited", "COMPANY_UK_LIMITED", "00000101"),
    ("A made-up PLC", "COMPANY_UK_PLC", "00000102"),
    ("A made-up reseller", "RESELLER_UK_COMPANY", "00000106"),
    ("Accounts on paper only", "COMPANY_UK_LIMITED", "00000201"),
    ("Alex Sample, sole trader", "SOLE_TRADER", None),
    ("Sam Sample", "RESIDENTIAL", None),
)
"""Names, shipped classes, and numbers that our own sandbox knows."""

FIRST_QUERY = (
    'mutation { saveCustomer(input: { name: "Sandbox Beta Limited",'
    ' classCode: "COMPANY_UK_LIMITED", companyNumber: "90000001" })'
    " { customer { id enrichment { status } } userErrors { code message } } }"
)


async def development_greeting(platform: Platform) -> list[str]:
    """Prepare the database for a first look, and give the lines to print."""
    token = await issue_token("Development", frozenset(Scope), platform.clock(), LIFETIME)
    if platform.settings.uses_own_sandbox and not await models.Customer.exists():
        act = Act(
            Principal("development", "Development", frozenset(Scope)),
            platform.clock(),
            f"samples-{uuid4()}",
        )
        await platform.database.transaction(lambda: _add_samples(act))
    return [f"Token {token}", f"First query: {FIRST_QUERY}"]


async def _add_samples(act: Act) -> None:
    for name, code, number in SAMPLES:
        await create_customer(act, {"name": name, "class_code": code, "company_number": number})
