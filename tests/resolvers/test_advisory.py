"""The advisory about other customers with the same company number, wherever it is shown."""

import pytest

from tests.graphql_client import Api, Json, stored
from tests.partner_world import bound_token

CODE = "DUPLICATE_COMPANY_NUMBER"
OTHERS = "advisories { code message otherCustomers { id name } }"
NUMBER = "12345678"


async def new_customer(api: Api, name: str, token: str | None = None, **values: str) -> str:
    given = {"name": name, "classCode": "CHARITY", "companyNumber": NUMBER, **values}
    saved = await api.done("saveCustomer", "customer { id }", token=token, **given)
    return str(saved["customer"]["id"])


async def others_of(api: Api, customer_id: str, token: str | None = None) -> list[list[Json]]:
    """Return the other customers that each advisory of a customer names."""
    document = f"query($id: ID) {{ customer(id: $id) {{ {OTHERS} }} }}"
    found = (await api.data(document, token=token, id=customer_id))["customer"]["advisories"]
    assert {advisory["code"] for advisory in found} <= {CODE}
    return [advisory["otherCustomers"] for advisory in found]


async def test_a_save_tells_of_another_customer_with_the_number(api: Api) -> None:
    """A21: so a double click shows at once; and a dry run tells it before the first."""
    given = {"name": "Acme", "classCode": "CHARITY", "companyNumber": "1234 5678"}
    first = await api.done("saveCustomer", f"customer {{ id accountNumber }} {OTHERS}", **given)
    assert first["advisories"] == []
    advisory: Json = {
        "code": CODE,
        "message": "Another customer has the same company number, 12345678: account"
        f" {first['customer']['accountNumber']}. Check that the customer is not stored twice.",
        "otherCustomers": [{"id": first["customer"]["id"], "name": "Acme"}],
    }
    before = await stored()
    tried = await api.done("saveCustomer", OTHERS, **given, dryRun=True)
    marked = {"id": f"dryrun:{first['customer']['id']}", "name": "Acme"}
    assert tried["advisories"] == [{**advisory, "otherCustomers": [marked]}]
    assert await stored() == before
    second = await api.done("saveCustomer", f"customer {{ id {OTHERS} }} {OTHERS}", **given)
    assert second["advisories"] == second["customer"]["advisories"] == [advisory]
    told = await others_of(api, first["customer"]["id"])
    assert told == [[{"id": second["customer"]["id"], "name": "Acme"}]]
    moved = await api.done(
        "changeCustomerClass",
        OTHERS,
        customerId=second["customer"]["id"],
        classId=(await api.class_of("PUBLIC_SECTOR"))["id"],
        reason="Moved",
    )
    assert moved["advisories"] == [advisory]


async def test_it_ends_with_the_number_or_with_the_other_customer(api: Api) -> None:
    first, second, third = [await new_customer(api, name) for name in "ABC"]
    assert await others_of(api, first) == [
        [{"id": second, "name": "B"}, {"id": third, "name": "C"}]
    ]
    await api.save_customer(id=second, companyNumber="87654321")
    assert await others_of(api, first) == [[{"id": third, "name": "C"}]]
    await api.done("deleteCustomer", "", id=third)
    assert await others_of(api, first) == []
    assert await others_of(api, second) == []


async def test_ten_others_are_shown_at_most_oldest_first(api: Api) -> None:
    ids = [await new_customer(api, f"Acme {place}") for place in range(13)]
    for customer_id in (ids[0], ids[-1]):
        ((*others,),) = await others_of(api, customer_id)
        assert [one["id"] for one in others] == [one for one in ids if one != customer_id][:10]


async def test_customers_out_of_reach_are_not_told_of(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R99: whether the customers of the partner are few or many."""
    reseller = await api.save_customer(name="Reseller", classCode="RESELLER_OTHER")
    _, token = await bound_token(reseller["id"], api.clock())
    theirs = await new_customer(api, "Theirs")
    own = await new_customer(api, "Ours", token)
    for most in (1_000, 0):
        monkeypatch.setattr("models.lists.same_company.MAX_SCANNED", most)
        assert await others_of(api, own, token) == []
        assert await others_of(api, own) == [[{"id": theirs, "name": "Theirs"}]]
    again = await new_customer(api, "Ours too", token)
    for most in (1_000, 0):
        monkeypatch.setattr("models.lists.same_company.MAX_SCANNED", most)
        assert await others_of(api, own, token) == [[{"id": again, "name": "Ours too"}]]
