"""What acts on classes need and show: permissions, reviews of consent, refusals, single classes."""

from typing import Any

import pytest

from models import AuditEntry
from models.access import Scope
from tests.graphql_client import Api, Json, stored
from tests.mutations import GRANT

RETIRE = """mutation($one: SaveCustomerClassInput!, $two: RetireCustomerClassInput!) {
  one: saveCustomerClass(input: $one) { userErrors { code } }
  two: retireCustomerClass(input: $two) { movedCustomerCount userErrors { code } } }"""
WRITER = (Scope.CUSTOMER_CLASSES_WRITE,)
MOVER = (*WRITER, Scope.CUSTOMERS_WRITE)
ADMINISTRATOR = (Scope.CUSTOMER_CLASSES_ADMINISTER, Scope.CUSTOMERS_WRITE)


@pytest.mark.parametrize("is_dry_run", [False, True])
@pytest.mark.parametrize("scopes", [WRITER, (Scope.CUSTOMER_CLASSES_ADMINISTER,)])
async def test_a_retirement_that_moves_customers_needs_what_moving_one_needs(
    api: Api, scopes: tuple[Scope, ...], is_dry_run: bool
) -> None:
    """R39, R93: refused before any mutation of the document runs."""
    own, charity = await api.save_class(), await api.class_of("CHARITY")
    await api.save_customer(classId=own["id"])
    values = {
        "one": {"name": "Another"},
        "two": {
            "id": own["id"],
            "replacementId": charity["id"],
            "reason": "Old",
            "dryRun": is_dry_run,
        },
    }
    token = await api.token_for(*scopes)
    before = await stored()
    error = await api.error(RETIRE, token=token, **values)
    assert (error["path"], error["extensions"]["code"]) == (["two"], "FORBIDDEN")
    assert error["extensions"]["requiredScopes"] == ["customers:write"]
    assert await stored() == before
    done = await api.data(RETIRE, token=await api.token_for(*MOVER), **values)
    assert done["two"] == {"movedCustomerCount": 1, "userErrors": []}


async def test_a_retirement_that_moves_nobody_needs_no_more(api: Api) -> None:
    """R42, R93."""
    own, token = await api.save_class(), await api.token_for(*WRITER)
    for values in ({"replacementId": None, "dryRun": True}, {}):
        await api.done("retireCustomerClass", "", token=token, id=own["id"], reason="Old", **values)


async def test_a_shipped_class_is_retired_by_an_administrator(api: Api) -> None:
    """R14, A20: and the trail marks it as an override."""
    charity, public = await api.class_of("CHARITY"), await api.class_of("PUBLIC_SECTOR")
    await api.save_customer()
    values = {"id": charity["id"], "replacementId": public["id"], "reason": "Merged"}
    (refusal,) = await api.refused(
        "retireCustomerClass", "ADMINISTER_REQUIRED", token=await api.token_for(*MOVER), **values
    )
    assert refusal["path"] == ["id"]
    token = await api.token_for(*ADMINISTRATOR)
    await api.done("retireCustomerClass", "", token=token, **values)
    entry = await AuditEntry.get(operation="class.retired")
    assert (entry.is_override, entry.reason) == (True, "Merged")
    own = await api.save_class()
    await api.done("retireCustomerClass", "", id=own["id"], reason="Old")
    assert not (await AuditEntry.get(subject_id=own["id"], reason="Old")).is_override


CONSENT: dict[str, list[tuple[str, Json]]] = {
    "none": [],
    "given": [("recordConsent", GRANT)],
    "given ahead": [("recordConsent", {**GRANT, "effectiveAt": "2090-01-01T00:00:00Z"})],
    "withdrawn": [("recordConsent", GRANT), ("withdrawConsent", {})],
    "withdrawn ahead": [
        ("recordConsent", GRANT),
        ("withdrawConsent", {"effectiveAt": "2090-01-01T00:00:00Z"}),
    ],
}


@pytest.mark.parametrize("by", ["a move", "a retirement", "flags"])
@pytest.mark.parametrize(
    ("consent", "is_shown"),
    [
        ("none", False),
        ("given", True),
        ("given ahead", True),
        ("withdrawn", False),
        ("withdrawn ahead", True),
    ],
)
async def test_a_review_is_asked_for_where_consent_is_on_record(
    api: Api, by: str, consent: str, is_shown: bool
) -> None:
    """R22, R30: however the customer crosses the line between individuals and organisations."""
    own = await api.save_class(isSoleTrader=True)
    customer = await api.save_customer(classId=own["id"])
    for mutation, values in CONSENT[consent]:
        await api.done(mutation, "", customerId=customer["id"], **values)
    charity = await api.class_of("CHARITY")
    wanted = ["REVIEW_CONSENT"] if is_shown else []
    if by == "a move":
        values = {"customerId": customer["id"], "classId": charity["id"], "reason": "Grew"}
        done = await api.done("changeCustomerClass", "advisories { code }", **values)
        assert reviews(done) == wanted
    elif by == "a retirement":
        values = {"id": own["id"], "replacementId": charity["id"], "reason": "Old"}
        await api.done("retireCustomerClass", "", **values)
    else:
        await api.save_class(id=own["id"], isSoleTrader=False)
    assert reviews(await api.customer(customer["id"], "advisories { code }")) == wanted
    found = await api.data(
        """{ customers(filter: { advisories: [REVIEW_CONSENT] }) { nodes { id } }
        consentAdvisoryCounts { code customerCount } }"""
    )
    assert found["customers"]["nodes"] == ([customer] if is_shown else [])
    counts = {one["code"]: one["customerCount"] for one in found["consentAdvisoryCounts"]}
    assert counts["REVIEW_CONSENT"] == int(is_shown)


def reviews(shown: Any) -> list[str]:
    """Give the advisories that ask for a review."""
    return [one["code"] for one in shown["advisories"] if one["code"] == "REVIEW_CONSENT"]
