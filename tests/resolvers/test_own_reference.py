"""External references: unique by reseller, to fetch, list, create or update, and refer by."""

import asyncio
from collections import Counter
from typing import Any

import pytest

from models import AuditEntry, Contact, Customer
from models.tables.access import Scope
from tests.access_world import add_user, sign_in
from tests.graphql_client import Api, Json, stored

ALL = (
    Scope.CUSTOMERS_WRITE,
    Scope.CONTACTS_WRITE,
    Scope.AUDIT_READ,
    Scope.PERSONAL_DATA_READ,
)
SAVED = "customer { id name externalReference version }"
NEW: Json = {"name": "Acme", "classCode": "CHARITY"}
BY_REFERENCE = """query($r: String, $of: ID) {
  customer(externalReference: $r, resellerId: $of) { id }
  contact(externalReference: $r, resellerId: $of) { id } }"""


async def reseller(api: Api, name: str) -> tuple[str, str]:
    """Add a reseller with a user; return its id and the secret of the user's token."""
    made = await api.save_customer(name=name, classCode="RESELLER_OTHER")
    user = await add_user(api, f"User of {name}", *ALL, resellerId=made["id"])
    return made["id"], await sign_in(api, user, *ALL)


async def save(api: Api, token: str | None = None, **values: Any) -> Json:
    """Save a customer; return it."""
    payload = await api.done("saveCustomer", SAVED, token=token, **{**NEW, **values})
    customer: Json = payload["customer"]
    return customer


async def contact(api: Api, token: str | None = None, **values: Any) -> Json:
    """Save a contact; return it."""
    select = "contact { id name externalReference version customer { id } }"
    payload = await api.done("saveContact", select, token=token, **{"name": "Ann", **values})
    made: Json = payload["contact"]
    return made


async def test_a_reference_is_unique_within_its_owner(api: Api) -> None:
    """Two resellers and the platform may use the same one."""
    (a, token_a), (b, token_b) = await reseller(api, "A"), await reseller(api, "B")
    for token in (None, token_a, token_b):
        await save(api, token, externalReference=" r-1 ")
        await api.refused(
            "saveCustomer", "ALREADY_EXISTS", token=token, **NEW, externalReference="r-1"
        )
    # staff who save for a reseller use its references
    (error,) = await api.refused(
        "saveCustomer", "ALREADY_EXISTS", **NEW, externalReference="r-1", parentId=a
    )
    assert error["path"] == ["externalReference"]
    assert (await save(api, externalReference="r-2", parentId=b))["externalReference"] == "r-2"
    # case counts, and an empty reference is none
    assert (await save(api, externalReference="R-1"))["externalReference"] == "R-1"
    for _ in range(2):
        assert (await save(api, externalReference=" "))["externalReference"] is None


async def test_an_edit_cannot_take_the_reference_of_another(api: Api) -> None:
    await save(api, externalReference="r-1")
    other = await save(api, externalReference="r-2")
    await api.refused("saveCustomer", "ALREADY_EXISTS", id=other["id"], externalReference="r-1")
    same = await api.done("saveCustomer", SAVED, id=other["id"], externalReference="r-2")
    assert same["customer"]["version"] == 1
    await api.done("saveCustomer", "", id=other["id"], externalReference=None)
    assert (await save(api, externalReference="r-2"))["id"] != other["id"]


async def test_a_deletion_frees_the_reference(api: Api) -> None:
    first = await save(api, externalReference="r-1")
    person = await contact(api, customerId=first["id"], externalReference="p-1")
    await api.done("deleteContact", "deletedId", id=person["id"])
    again = await contact(api, customerId=first["id"], externalReference="p-1")
    assert again["id"] != person["id"]
    await api.done("deleteCustomer", "deletedId", id=first["id"])
    assert (await save(api, externalReference="r-1"))["id"] != first["id"]
    assert not await Contact.filter(external_reference="p-1", reference_key__isnull=False).exists()


@pytest.mark.parametrize("is_partner", [False, True])
async def test_objects_are_fetched_by_reference(api: Api, *, is_partner: bool) -> None:
    own, token = await reseller(api, "A")
    other, other_token = await reseller(api, "B")
    mine = token if is_partner else None
    customer = await save(api, mine, externalReference="r-1")
    person = await contact(api, mine, customerId=customer["id"], externalReference="r-1")
    theirs = await save(api, other_token, externalReference="r-1")

    async def found(reference: str, of: str | None = None) -> Any:
        data = await api.data(BY_REFERENCE, token=mine, r=reference, of=of)
        return [None if one is None else one["id"] for one in data.values()]

    assert await found("r-1") == [customer["id"], person["id"]]
    assert await found(" r-1 ") == [customer["id"], person["id"]]
    assert await found("R-1") == [None, None]
    assert await found("r-1", other) == [None if is_partner else theirs["id"], None]
    assert await found("r-1", own) == ([customer["id"], person["id"]] if is_partner else [None] * 2)


@pytest.mark.parametrize(
    "query",
    [
        "{ customer { id } }",
        '{ customer(id: "a", externalReference: "b") { id } }',
        '{ customer(accountNumber: "a", externalReference: "b") { id } }',
        '{ customer(id: "a", resellerId: "b") { id } }',
        "{ contact { id } }",
        '{ contact(id: "a", externalReference: "b") { id } }',
        '{ contact(id: "a", resellerId: "b") { id } }',
    ],
)
async def test_exactly_one_key_is_needed(api: Api, query: str) -> None:
    assert (await api.error(query))["extensions"]["code"] == "BAD_USER_INPUT"


async def test_customers_are_listed_by_references(api: Api) -> None:
    _, token = await reseller(api, "A")
    for of, names in ((None, ("r-1", "r-2", "r-3")), (token, ("r-1",))):
        for name in names:
            await save(api, of, name=f"{name} {of is None}", externalReference=name)
    query = """query($r: [String!]) { customers(filter: { externalReferences: $r }) {
      totalCount nodes { name } } }"""

    async def listed(of: str | None, *names: str) -> list[str]:
        found = (await api.data(query, token=of, r=names))["customers"]
        assert found["totalCount"] == len(found["nodes"])
        return [one["name"] for one in found["nodes"]]

    assert await listed(None, "r-1", "r-3", "r-9") == ["r-1 False", "r-1 True", "r-3 True"]
    assert await listed(token, "r-1", "r-2") == ["r-1 False"]
    assert await listed(None) == []
    too_many = await api.error(query, r=["r"] * 501)
    assert too_many["extensions"]["code"] == "BAD_USER_INPUT"


async def test_update_changes_the_customer_with_the_reference(api: Api) -> None:
    _, token = await reseller(api, "A")
    sent = {"externalReference": "r-1", "onConflict": "UPDATE"}
    for of in (None, token):
        first = await save(api, of, **sent)
        again = await save(api, of, **sent, name="Renamed")
        assert again == {**first, "name": "Renamed", "version": 2}
    assert await Customer.filter(external_reference="r-1").count() == 2


@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"externalReference": None}, "REQUIRED", "externalReference"),
        ({}, "REQUIRED", "externalReference"),
        (
            {"externalReference": "r-1", "classCode": "SOLE_TRADER"},
            "CLASS_CHANGE_NEEDS_REASON",
            "classCode",
        ),
        ({"externalReference": "r-1", "expectedVersion": 9}, "VERSION_CONFLICT", "expectedVersion"),
        ({"externalReference": "r-9", "expectedVersion": 1}, "NOT_APPLICABLE", "expectedVersion"),
        ({"externalReference": "x" * 201}, "TOO_LONG", "externalReference"),
        ({"externalReference": "x" * 999}, "TOO_LONG", "externalReference"),
    ],
)
async def test_what_an_update_by_reference_refuses(
    api: Api, values: Json, code: str, path: str
) -> None:
    await save(api, externalReference="r-1")
    (error,) = await api.refused("saveCustomer", code, **{**NEW, **values}, onConflict="UPDATE")
    assert error["path"] == [path]


async def test_an_id_goes_without_on_conflict(api: Api) -> None:
    made = await save(api, externalReference="r-1")
    person = await contact(api, customerId=made["id"], externalReference="p-1")
    for mutation, one in (("saveCustomer", made), ("saveContact", person)):
        (error,) = await api.refused(
            mutation, "NOT_APPLICABLE", id=one["id"], onConflict="UPDATE", externalReference="x"
        )
        assert error["path"] == ["onConflict"]


async def test_contacts_are_created_updated_and_refer_by_reference(api: Api) -> None:
    for of in (None, (await reseller(api, "A"))[1]):
        customer = await save(api, of, externalReference="c-1")
        sent = {
            "customerExternalReference": "c-1",
            "externalReference": "p-1",
            "onConflict": "UPDATE",
        }
        first = await contact(api, of, **sent)
        assert first["customer"]["id"] == customer["id"]
        again = await contact(api, of, **sent, name="Anne")
        assert again == {**first, "name": "Anne", "version": 2}
        await api.refused(
            "saveContact",
            "ALREADY_EXISTS",
            token=of,
            name="Al",
            customerId=customer["id"],
            externalReference="p-1",
        )
        other = await save(api, of, externalReference="c-2")
        (error,) = await api.refused(
            "saveContact", "CANNOT_CHANGE", token=of, **{**sent, "customerExternalReference": "c-2"}
        )
        assert error["path"] == ["customerExternalReference"]
        for unknown in ("c-9", "", "x" * 999):
            (error,) = await api.refused(
                "saveContact", "NOT_FOUND", token=of, name="Al", customerExternalReference=unknown
            )
            assert error["path"] == ["customerExternalReference"]
        await api.refused(
            "saveContact",
            "CONTRADICTORY_VALUES",
            token=of,
            name="Al",
            customerExternalReference="c-1",
            customerId=other["id"],
        )


async def test_simultaneous_updates_make_one_customer(api: Api) -> None:
    sent = {**NEW, "externalReference": "r-1", "onConflict": "UPDATE"}
    payloads = await asyncio.gather(
        *(api.done("saveCustomer", "customer { id }", **sent) for _ in range(8))
    )
    assert len({one["customer"]["id"] for one in payloads}) == 1
    sent = {**NEW, "externalReference": "r-2"}
    payloads = await asyncio.gather(*(api.do("saveCustomer", "", **sent) for _ in range(8)))
    told = Counter(str([error["code"] for error in one["userErrors"]]) for one in payloads)
    assert told == {"[]": 1, "['ALREADY_EXISTS']": 7}


async def test_a_handed_over_customer_hides_the_references_of_before(api: Api) -> None:
    """R99: in the customer, its contacts, the search and the audit trail."""
    (_, old), (new, token) = await reseller(api, "A"), await reseller(api, "B")
    customer = await save(api, old, externalReference="secret-1")
    await contact(api, old, customerId=customer["id"], externalReference="secret-2")
    await save(api, old, id=customer["id"], name="Acme", externalReference="secret-3")
    await api.save_customer(id=customer["id"], parentId=new)

    document = """query($id: ID!) {
      customer(id: $id) { externalReference
        contacts { externalReference auditTrail { nodes { before after } } }
        auditTrail { nodes { operation before after } } }
      customers(filter: { text: "secret" }) { totalCount } }"""
    seen = await api.data(document, token=token, id=customer["id"])
    assert seen["customer"]["externalReference"] is None
    assert seen["customer"]["contacts"][0]["externalReference"] is None
    assert len(seen["customer"]["auditTrail"]["nodes"]) == 3
    assert seen["customers"]["totalCount"] == 0
    assert "secret" not in str(seen)
    # the platform still sees what was, and the new reseller its own
    assert await AuditEntry.filter(operation="contact.edited").count() == 1
    assert "secret-3" in str(await api.data(document, id=customer["id"]))
    await api.done("saveCustomer", "", token=token, id=customer["id"], externalReference="own-1")
    assert "own-1" in str(await api.data(document, token=token, id=customer["id"]))
    # the old one is free again
    await save(api, old, externalReference="secret-3")


async def test_a_hand_over_may_set_the_reference_of_the_new_reseller(api: Api) -> None:
    new, token = await reseller(api, "B")
    customer = await save(api, externalReference="r-1")
    await save(api, token, externalReference="taken")
    sent = {"id": customer["id"], "parentId": new}
    await api.refused("saveCustomer", "ALREADY_EXISTS", **sent, externalReference="taken")
    moved = await api.done("saveCustomer", SAVED, **sent, externalReference="b-1")
    assert moved["customer"]["externalReference"] == "b-1"
    found = await api.data(BY_REFERENCE, token=token, r="b-1")
    assert found["customer"] == {"id": customer["id"]}


async def test_a_partner_cannot_change_the_reference_of_its_own_reseller(api: Api) -> None:
    """It is the platform's, and a refusal would tell which references the platform has."""
    own, token = await reseller(api, "A")
    await save(api, externalReference="r-1")
    for reference in ("r-1", "r-2"):
        await api.refused(
            "saveCustomer", "NOT_FOR_PARTNERS", token=token, id=own, externalReference=reference
        )


async def test_references_of_contacts_of_the_own_reseller_are_its_own(api: Api) -> None:
    own, token = await reseller(api, "A")
    customer = await save(api)
    await contact(api, customerId=customer["id"], externalReference="p-1")
    made = await contact(api, token, customerId=own, externalReference="p-1")
    assert (await api.data(BY_REFERENCE, token=token, r="p-1"))["contact"] == {"id": made["id"]}


async def test_a_dry_run_finds_and_stores_nothing(api: Api) -> None:
    await save(api, externalReference="r-1")
    before = await stored()
    for reference in ("r-1", "r-2"):
        payload = await api.done(
            "saveCustomer",
            "customer { name }",
            **NEW,
            externalReference=reference,
            onConflict="UPDATE",
            dryRun=True,
        )
        assert payload["customer"] == {"name": "Acme"}
    assert await stored() == before
