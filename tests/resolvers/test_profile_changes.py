"""What the API tells of changes at Companies House."""

from datetime import timedelta

from models import ProfileChange
from models.tables.access import Scope
from tests.access_world import add_user, sign_in
from tests.clock import START
from tests.graphql_client import Api, Json

LIST = """query($id: ID!, $first: Int, $after: String, $last: Int, $before: String) {
  customer(id: $id) { profileChanges(first: $first, after: $after, last: $last, before: $before) {
    totalCount isTotalCountExact pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor } nodes { field before after changedAt source filingId } } } }"""


async def add_changes(customer_id: str, *fields: str) -> None:
    for day, field in enumerate(fields):
        await ProfileChange.create(
            id=f"pch_{day}{customer_id[5:]}",
            customer_id=customer_id,
            field=field,
            before=None if day else "old",
            after=f"new {day}",
            source="REGISTER",
            filing_id="MzA" if field == "net_assets" else None,
            run_id="run_1",
            changed_at=START + timedelta(days=day),
        )


async def changes(api: Api, customer_id: str, token: str | None = None, **page: object) -> Json:
    answer = await api.data(LIST, token=token, id=customer_id, **page)
    found: Json = answer["customer"]["profileChanges"]
    return found


async def test_changes_are_listed_newest_first(api: Api) -> None:
    saved = await api.save_customer(name="A", classCode="CHARITY")
    other = await api.save_customer(name="B", classCode="CHARITY")
    await add_changes(saved["id"], "company_name", "company_status", "net_assets")
    await add_changes(other["id"], "company_type")
    listed = await changes(api, saved["id"])
    assert (listed["totalCount"], listed["isTotalCountExact"]) == (3, True)
    assert listed["nodes"][0] == {
        "field": "NET_ASSETS",
        "before": None,
        "after": "new 2",
        "changedAt": (START + timedelta(days=2)).isoformat(),
        "source": "REGISTER",
        "filingId": "MzA",
    }
    assert [one["field"] for one in listed["nodes"]] == [
        "NET_ASSETS",
        "COMPANY_STATUS",
        "COMPANY_NAME",
    ]
    first = await changes(api, saved["id"], first=2)
    assert first["nodes"] == listed["nodes"][:2]
    assert first["pageInfo"]["hasNextPage"]
    rest = await changes(api, saved["id"], after=first["pageInfo"]["endCursor"])
    assert rest["nodes"] == listed["nodes"][2:]
    assert not rest["pageInfo"]["hasNextPage"]
    back = await changes(api, saved["id"], last=2, before=rest["pageInfo"]["startCursor"])
    assert back["nodes"] == listed["nodes"][:2]


async def test_a_partner_sees_changes_of_its_own_customers_only(api: Api) -> None:
    reseller = (await api.save_customer(name="R", classCode="RESELLER_OTHER"))["id"]
    own = (await api.save_customer(name="O", classCode="CHARITY", parentId=reseller))["id"]
    strange = (await api.save_customer(name="S", classCode="CHARITY"))["id"]
    for one in (own, strange):
        await add_changes(one, "company_name")
    user = await add_user(api, "Rita", Scope.CUSTOMERS_READ, resellerId=reseller)
    token = await sign_in(api, user, Scope.CUSTOMERS_READ)
    assert (await changes(api, own, token))["totalCount"] == 1
    answer = await api.data(LIST, token=token, id=strange)
    assert answer["customer"] is None
