"""Parents and customers that inputs name by the caller's own external reference."""

from typing import Any

import pytest

from models import ConsentEntry, Customer
from models.rules.consent import EntryKind
from tests.bulk_rows import bulk, customer, told
from tests.graphql_client import Api, Json, stored
from tests.mutations import GRANT
from tests.partner_world import bound_token
from tests.resolvers.test_own_reference import NEW, reseller, save

PARENT = "parentExternalReference"
BY = "customerExternalReference"


async def own_reseller(api: Api, reference: str) -> str:
    """Add a reseller with a reference of the platform's own; return its id."""
    made = await save(api, classCode="RESELLER_OTHER", externalReference=reference)
    return str(made["id"])


async def parent_of(customer_id: str) -> str | None:
    return (await Customer.get(id=customer_id)).parent_id


async def test_a_parent_is_named_by_reference(api: Api) -> None:
    """For a new customer, for a move, beside the id, and null removes it like the id."""
    one, two = await own_reseller(api, "R-1"), await own_reseller(api, "R-2")
    made = (await save(api, parentExternalReference=" R-1 "))["id"]
    assert await parent_of(made) == one
    await save(api, id=made, classCode="CHARITY", parentId=two, parentExternalReference="R-2")
    assert await parent_of(made) == two
    await save(api, id=made, parentExternalReference="R-1")
    assert await parent_of(made) == one
    await save(api, id=made, parentExternalReference=None)
    assert await parent_of(made) is None
    await save(api, id=made, parentId=two, parentExternalReference=None)
    assert await parent_of(made) == two


async def test_a_reference_belongs_to_the_parent_that_is_named_by_reference(api: Api) -> None:
    """`onConflict: UPDATE` finds the customer among those of the reseller."""
    await own_reseller(api, "R-1")
    sent = {"externalReference": "C-1", PARENT: "R-1", "onConflict": "UPDATE"}
    await save(api, externalReference="C-1")
    first = await save(api, **sent)
    assert await save(api, **sent, name="Renamed") == {**first, "name": "Renamed", "version": 2}
    payload = await bulk(api, "saveCustomers", [{**NEW, **sent}, customer(1, parentId=None)])
    assert told(payload) == []
    assert payload["results"][0]["customer"] == {
        "id": first["id"], "name": "Acme", "version": 3, "externalReference": "C-1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "code", "path"),
    [
        ({PARENT: "R-9"}, "NOT_FOUND", PARENT),
        ({PARENT: ""}, "NOT_FOUND", PARENT),
        ({PARENT: "x" * 999}, "NOT_FOUND", PARENT),
        ({PARENT: "plain"}, "INVALID_PARENT", PARENT),
        ({PARENT: "R-1", "parentId": "R-2"}, "CONTRADICTORY_VALUES", PARENT),
        # it is not known whose reference `plain` is, so only the parent is refused
        (
            {
                PARENT: "R-9",
                "externalReference": "plain",
                "onConflict": "UPDATE",
                "expectedVersion": 7,
            },
            "NOT_FOUND",
            PARENT,
        ),
    ],
)
async def test_a_wrong_reference_of_a_parent_is_refused(
    api: Api, sent: Json, code: str, path: str
) -> None:
    await own_reseller(api, "R-1")
    other = await own_reseller(api, "R-2")
    await save(api, externalReference="plain")
    known = await save(api, externalReference="known")
    sent = {**sent, **({"parentId": other} if "parentId" in sent else {})}
    before = await stored()
    (error,) = await api.refused("saveCustomer", code, **NEW, **sent)
    assert error["path"] == [path]
    if "onConflict" not in sent:
        (error,) = await api.refused("saveCustomer", code, id=known["id"], **sent)
        assert error["path"] == [path]
    payload = await bulk(api, "saveCustomers", [customer(1), {**NEW, **sent}])
    assert told(payload) == [(code, ["rows", "1", path])]
    assert await stored() == before


async def test_rows_are_no_parents_of_each_other(api: Api) -> None:
    rows = [
        customer(1, classCode="RESELLER_OTHER", externalReference="R-1"),
        customer(2, parentExternalReference="R-1"),
    ]
    payload = await bulk(api, "saveCustomers", rows, rowPolicy="REFUSE_FAILED_ROWS")
    assert told(payload) == [("NOT_FOUND", ["rows", "1", PARENT])]
    payload = await bulk(api, "saveCustomers", rows[1:])
    assert told(payload) == []
    assert (
        await parent_of(payload["results"][0]["customer"]["id"])
        == (await Customer.get(external_reference="R-1")).id
    )


async def test_partners_name_only_customers_of_their_reseller(api: Api) -> None:
    """References of others, of the platform, and unknown ones are answered alike."""
    (mine, _), (_, other) = await reseller(api, "A"), await reseller(api, "B")
    _, token = await bound_token(mine, api.clock())
    await api.done("saveCustomer", "customer { id }", id=mine, externalReference="platform's")
    await save(api, other, externalReference="theirs")
    own = await save(api, token, externalReference="own")
    answers: list[Any] = []
    for reference in ("platform's", "theirs", "nobody's"):
        parent = {**NEW, PARENT: reference}
        consent = {**GRANT, BY: reference}
        answers.append(
            (
                await api.refused("saveCustomer", "NOT_FOUND", token=token, **parent),
                await api.refused("recordConsent", "NOT_FOUND", token=token, **consent),
                told(await bulk(api, "saveCustomers", [parent], token=token)),
                told(await bulk(api, "recordConsents", [consent], token=token)),
            )
        )
    assert answers[0] == answers[1] == answers[2]
    (error,) = await api.refused(
        "saveCustomer", "NOT_FOR_PARTNERS", token=token, **NEW, parentExternalReference="own"
    )
    assert error["path"] == [PARENT]
    (error,) = await api.refused(
        "saveCustomer", "NOT_FOR_PARTNERS", token=token, id=own["id"], parentExternalReference=None
    )
    assert error["path"] == [PARENT]
    assert await parent_of(own["id"]) == mine


async def test_a_consent_names_its_customer_by_reference(api: Api) -> None:
    made = [await save(api, externalReference=f"C-{number}") for number in range(3)]
    ids = [one["id"] for one in made]
    await api.done("recordConsent", "customer { id }", customerExternalReference=" C-0 ", **GRANT)
    rows = [
        {BY: "C-1", "idempotencyKey": "key", **GRANT},
        {BY: "C-2", "customerId": ids[2], **GRANT},
    ]
    payload = await bulk(api, "recordConsents", rows)
    assert (payload["savedCount"], told(payload)) == (2, [])
    assert [one.customer_id for one in await ConsentEntry.all().order_by("id")] == ids
    # The same request repeated with the id adds nothing.
    again = [{"customerId": ids[1], "idempotencyKey": "key", **GRANT}]
    payload = await bulk(api, "recordConsents", again)
    assert payload["results"][0]["isReplayed"] is True
    assert await ConsentEntry.all().count() == 3
    await api.done("withdrawConsent", "customer { id }", customerExternalReference="C-2")
    (newest,) = await ConsentEntry.all().order_by("-id").limit(1)
    assert (newest.customer_id, newest.kind) == (ids[2], EntryKind.WITHDRAWAL)


async def test_a_consent_without_a_known_customer_is_refused(api: Api) -> None:
    made = [await save(api, externalReference=f"C-{number}") for number in range(2)]
    wrong: list[tuple[Json, str, str]] = [
        ({}, "REQUIRED", "customerId"),
        ({BY: "C-9"}, "NOT_FOUND", BY),
        ({"customerId": "cus_nobody"}, "NOT_FOUND", "customerId"),
        ({BY: "C-0", "customerId": made[1]["id"]}, "CONTRADICTORY_VALUES", BY),
    ]
    before = await stored()
    for sent, code, path in wrong:
        (error,) = await api.refused("recordConsent", code, **sent, **GRANT)
        assert error["path"] == [path]
    rows = [{**sent, **GRANT} for sent, _, _ in wrong]
    same = [{"customerId": made[0]["id"], **GRANT}, {BY: "C-0", **GRANT}]
    payload = await bulk(api, "recordConsents", [*rows, *same])
    assert told(payload) == [
        *((code, ["rows", str(place), path]) for place, (_, code, path) in enumerate(wrong)),
        ("DUPLICATE_ITEM", ["rows", "5", BY]),
    ]
    assert await stored() == before
