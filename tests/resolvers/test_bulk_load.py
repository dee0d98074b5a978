"""A partner loads 500 customers with 1,000 contacts, with the limits as they are by default."""

import json

from models import Contact, Customer, Job
from schema.engine.limits import Limits
from tests.bulk_rows import customer
from tests.graphql_client import Api, document_of
from tests.resolvers.test_own_reference import reseller

CUSTOMERS = 500
ROWS = 200
SELECT = """savedCount refusedCount
    results { index customer { id externalReference } userErrors { code path } }"""


async def test_500_customers_with_1000_contacts_take_three_calls(api: Api) -> None:
    parent, token = await reseller(api, "A")
    document = document_of("saveCustomers", SELECT)
    rows = [
        customer(number, contacts=2, onConflict="UPDATE", profile={"employees": number})
        for number in range(CUSTOMERS)
    ]
    for row in rows:
        for one in row["contacts"]:
            one |= {"isActive": True, "receivesCorrespondence": True, "onConflict": "UPDATE"}
    calls = [rows[start : start + ROWS] for start in range(0, CUSTOMERS, ROWS)]
    for sent in calls:
        values = {"input": {"rows": sent}}
        assert len(json.dumps(values)) < Limits().max_request_bytes / 4
        answer = await api.post(document, values, token=token, headers={"Idempotency-Key": sent[0]["externalReference"]})  # fmt: skip  # noqa: E501
        assert answer.status_code == 200
        body = answer.json()
        payload = body["data"]["saveCustomers"]
        assert (payload["savedCount"], payload["refusedCount"]) == (len(sent), 0)
        assert [one["userErrors"] for one in payload["results"]] == [[]] * len(sent)
        # 10 points for each customer and contact, 1 for each customer shown, and 3 for the errors
        # that are assumed in each list of them
        assert body["extensions"]["cost"]["requested"] == 1 + 3 + len(sent) * (10 + 2 * 10 + 1 + 3)
    assert len(calls) == 3
    assert await Customer.filter(parent_id=parent).count() == CUSTOMERS
    assert await Contact.all().count() == 2 * CUSTOMERS
    assert await Job.all().count() == CUSTOMERS


async def test_the_cost_follows_the_rows_however_they_are_sent(api: Api) -> None:
    row = 'name: "A", classCode: "CHARITY"'
    literal = f"""mutation {{ saveCustomers(input: {{ dryRun: true, rows: [
        {{ {row} }}, {{ {row}, contacts: [{{ name: "B" }}, {{ name: "C" }}] }}
    ] }}) {{ results {{ customer {{ id customerClass {{ name }} }} }} }} }}"""
    answer = (await api.post(literal)).json()
    cost = answer["extensions"]["cost"]
    assert cost["requested"] == 1 + 2 * 10 + 2 * 10 + 2 * (1 + 1)
    by_variable = """mutation($rows: [SaveCustomerRow!]!) {
        saveCustomers(input: { dryRun: true, rows: $rows }) { savedCount } }"""
    for count in (1, 3):
        rows = [{"name": "A", "classCode": "CHARITY"}] * count
        answer = (await api.post(by_variable, {"rows": rows})).json()
        assert answer["data"]["saveCustomers"]["savedCount"] == count
        assert answer["extensions"]["cost"]["requested"] == 1 + 10 * count
