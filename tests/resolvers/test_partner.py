"""What partners can do with their own customers, and what only the platform can do (R99)."""

from dataclasses import dataclass
from typing import Any

import pytest

from models import ConsentTestimony, Customer, CustomerTemplate, EnrichmentRun, Job
from models.rules.enrichment_status import EnrichmentStatus
from models.tables.access import Scope
from tests.factories import shipped
from tests.graphql_client import Api, Json
from tests.partner_world import TwoPartners, bound_token, two_partners, unknown_id

REFUSED = "NOT_FOR_PARTNERS"


@dataclass
class Signed:
    """A partner who has signed in."""

    api: Api
    world: TwoPartners
    token: str

    @property
    def own(self) -> str:
        """The id of one of the partner's customers."""
        return self.world.ours.ids["cus"]

    @property
    def below(self) -> str:
        """The id of a reseller that buys through the partner, and has a customer."""
        return next(c.id for c in self.world.ours.customers if c.name.endswith("below"))

    async def done(self, mutation: str, select: str, /, **values: Any) -> Json:
        return await self.api.done(mutation, select, token=self.token, **values)

    async def refused(self, mutation: str, *codes: str, **values: Any) -> list[Json]:
        return await self.api.refused(mutation, *codes, token=self.token, **values)


@pytest.fixture
async def signed(api: Api) -> Signed:
    """Return a signed-in partner on a platform with other customers."""
    world = await two_partners(api.platform.database, api.clock)
    return Signed(api, world, world.ours.token)


@pytest.mark.parametrize("parent", [{}, {"parentId": None}, {"parentId": "own"}])
async def test_a_new_customer_of_a_partner_buys_through_it(
    signed: Signed, parent: dict[str, str | None]
) -> None:
    if parent.get("parentId"):
        parent = {"parentId": signed.world.reseller.id}
    select = "customer { id parent { id } accountNumber }"
    payload = await signed.done("saveCustomer", select, name="New", classCode="CHARITY", **parent)
    assert payload["customer"]["parent"] == {"id": signed.world.reseller.id}
    assert payload["customer"]["accountNumber"].startswith("CU-")
    stored = await Customer.get(id=payload["customer"]["id"])
    assert stored.parent_id == signed.world.reseller.id


async def test_account_numbers_are_given_so_that_none_tells_of_others(signed: Signed) -> None:
    taken = signed.world.theirs.customers[1].account_number
    told = [
        await signed.refused("saveCustomer", REFUSED, accountNumber=number, **given)
        for number in (taken, "FREE-1")
        for given in ({"name": "New", "classCode": "CHARITY"}, {"id": signed.own})
    ]
    assert [one for one in told if one != told[0]] == []
    assert told[0][0]["path"] == ["accountNumber"]
    own = await Customer.get(id=signed.own)
    values = {"id": own.id, "accountNumber": own.account_number, "name": "Other"}
    payload = await signed.done("saveCustomer", "customer { name }", **values)
    assert payload["customer"] == {"name": "Other"}


async def test_a_customer_stays_with_its_partner(signed: Signed) -> None:
    for parent_id in (None, signed.below):
        (told,) = await signed.refused("saveCustomer", REFUSED, id=signed.own, parentId=parent_id)
        assert told["path"] == ["parentId"]
    answers = [
        await signed.refused("saveCustomer", "NOT_FOUND", parentId=parent_id, **given)
        for parent_id in (signed.world.theirs.customers[1].id, unknown_id("cus"))
        for given in ({"id": signed.own}, {"name": "New", "classCode": "CHARITY"})
    ]
    assert [one for one in answers if one != answers[0]] == []


async def test_a_partner_edits_its_own_record_and_leaves_where_it_belongs(signed: Signed) -> None:
    """The reseller's own parent is hidden from it, and saving must keep the parent."""
    reseller = signed.world.reseller
    above = signed.world.theirs.customers[0].id
    payload = await signed.done(
        "saveCustomer", "customer { name parent { id } }", id=reseller.id, name="Renamed"
    )
    assert payload["customer"] == {"name": "Renamed", "parent": None}
    assert (await Customer.get(id=reseller.id)).parent_id == above
    for parent_id in (None, above, unknown_id("cus"), reseller.id):
        await signed.refused("saveCustomer", REFUSED, id=reseller.id, parentId=parent_id)
    other = (await shipped("RESELLER_SOLE_TRADER")).id
    given = {"customerId": reseller.id, "classId": other, "reason": "Grew"}
    await signed.refused("changeCustomerClass", REFUSED, **given)
    await signed.refused("deleteCustomer", REFUSED, id=reseller.id)


async def test_a_reseller_below_keeps_its_customers(signed: Signed) -> None:
    """The partner cannot see them, so the refusal must not mention them."""
    charity = (await shipped("CHARITY")).id
    given = {"customerId": signed.below, "classId": charity, "reason": "Grew"}
    await signed.refused("changeCustomerClass", REFUSED, **given)
    await signed.refused("deleteCustomer", REFUSED, id=signed.below)
    other = (await shipped("RESELLER_SOLE_TRADER")).id
    await signed.done("changeCustomerClass", "", **{**given, "classId": other})


async def test_a_partner_answers_for_the_consent_of_whom_it_erased(signed: Signed) -> None:
    """R35, A18: names are erased, and the reseller keeps access to the evidence."""
    await signed.done("deleteCustomer", "deletedId", id=signed.own)
    said = await ConsentTestimony.filter(customer_id=signed.own)
    assert {(one.given_by, one.statement, one.salt) for one in said} == {(None, None, None)}
    query = """query($id: ID!) { customer(id: $id) { id }
      consentEvidence(customerId: $id) { isErased entries { isPseudonymised }
        verification { isIntact } } }"""
    data = await signed.api.data(query, token=signed.token, id=signed.own)
    assert data["customer"] is None
    assert data["consentEvidence"]["isErased"] is True
    assert data["consentEvidence"]["verification"] == {"isIntact": True}
    assert len(data["consentEvidence"]["entries"]) == len(said)


async def test_a_class_is_looked_up_for_the_partners_own_only(signed: Signed) -> None:
    """R23."""
    company = (await shipped("COMPANY_UK_LIMITED")).id
    await Customer.all().update(enrichment_status=EnrichmentStatus.SUCCEEDED)
    await EnrichmentRun.all().update(status=EnrichmentStatus.SUCCEEDED)
    await Job.all().delete()
    payload = await signed.done(
        "requestEnrichment", "queuedLookupCount", target={"classId": company}
    )
    assert payload["queuedLookupCount"] == 1
    started = await EnrichmentRun.filter(status=EnrichmentStatus.PENDING)
    assert [one.customer_id for one in started] == [signed.own]


async def test_a_partner_starts_from_templates_for_all_and_for_itself(signed: Signed) -> None:
    charity = (await shipped("CHARITY")).id
    now = signed.api.clock()
    general = await CustomerTemplate.create(
        name="General", name_key="general", customer_class_id=charity, created_at=now,
        last_modified_at=now,
    )  # fmt: skip
    data = await signed.api.data("{ customerTemplates { nodes { id } } }", token=signed.token)
    listed = {one["id"] for one in data["customerTemplates"]["nodes"]}
    ours, theirs = signed.world.ours.ids["tpl"], signed.world.theirs.ids["tpl"]
    assert {general.id, ours} <= listed
    assert theirs not in listed
    for template_id in (theirs, unknown_id("tpl")):
        await signed.refused("saveCustomer", "NOT_FOUND", name="New", templateId=template_id)
    select = "customer { parent { id } customerClass { code } }"
    payload = await signed.done("saveCustomer", select, name="New", templateId=general.id)
    assert payload["customer"]["parent"] == {"id": signed.world.reseller.id}
    assert payload["customer"]["customerClass"] == {"code": "CHARITY"}


async def test_what_is_everybodys_is_not_a_partners_to_change(signed: Signed) -> None:
    """With any scopes; a missing scope is named in the error as usual."""
    document = """mutation { saveCustomerClass(input: { name: "Ours" }) { userErrors { code } } }"""
    error = await signed.api.error(document, token=signed.token)
    assert (error["message"], error["extensions"]["code"]) == (
        "Partners (callers bound to a reseller) may not use this field.",
        "FORBIDDEN",
    )
    reseller_id, now = signed.world.reseller.id, signed.api.clock()
    _, reader = await bound_token(reseller_id, now, Scope.CUSTOMERS_READ)
    document = """mutation { saveCustomer(input: { name: "X" }) { userErrors { code } } }"""
    error = await signed.api.error(document, token=reader)
    assert error["message"] == "This needs the permission customers:write."


async def test_who_is_not_bound_reaches_everything(signed: Signed) -> None:
    data = await signed.api.data("{ customers { totalCount } }")
    living = await Customer.filter(erased_at__isnull=True).count()
    assert data["customers"]["totalCount"] == living == 8
