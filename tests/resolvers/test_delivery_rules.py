"""The table of delivery rules in the API."""

import json
from typing import Any

from models.rules.delivery_rules import published
from models.tables.access import Scope, issue_token
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api, stored

RULES = """{ deliveryRules { version digest isVerifiedEmailRequired preferenceReleases cases {
  given { isConsentGiven isNonItemisedRequested preferenceDocuments receivesBills isActive
          hasEmail isEmailVerified isVerifiedEmailRequired }
  expected { document outcome reason sections isPasswordNeeded } } } }"""

IN_FORCE = ("isVerifiedEmailRequired", "preferenceReleases")


async def rules_of(api: Api, token: str | None = None) -> Any:
    return (await api.data(RULES, token=token))["deliveryRules"]


async def test_the_table_that_is_served_is_the_one_that_is_published(api: Api) -> None:
    """R68 to R77; every signed-in caller may read it, and reading writes nothing (R79)."""
    before = await stored()
    token = await issue_token("Partner", frozenset({Scope.ENRICHMENT_RUN}), api.clock())
    served = await rules_of(api, token)
    in_force = {name: served.pop(name) for name in IN_FORCE}
    assert served == json.loads(published())
    assert in_force == {
        "isVerifiedEmailRequired": False,
        "preferenceReleases": ["BILL", "CDR_ZIP", "USAGE_FILES"],
    }
    assert await stored() == before


async def test_it_says_whether_consent_needs_a_verified_address_here(
    databases: Databases, clock: Clock
) -> None:
    """A13: the table is the same, but the other half of its cases applies."""
    async with running_api(databases, clock, consent_needs_verified_email=True) as api:
        served = await rules_of(api)
    assert served["isVerifiedEmailRequired"] is True
    assert served["cases"] == json.loads(published())["cases"]
