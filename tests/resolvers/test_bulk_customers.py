"""`saveCustomers`, and contacts that are saved together with their customers."""

from collections import Counter
from typing import Any

import pytest

from models import Contact, Customer, IdempotentRequest, Job
from models.rules.urgency import Urgency
from models.tables.access import Scope
from tests.access_world import add_user, sign_in
from tests.bulk_rows import bulk, contact, customer, told
from tests.factories import Contents
from tests.graphql_client import Api, Json, counted_statements, document_of, stored
from tests.mutations import GRANT
from tests.resolvers.test_own_reference import reseller

FEW = 5
HEADER = "Idempotency-Key"


async def refused(api: Api, rows: list[Json], **values: Any) -> list[tuple[str, list[str]]]:
    """Save customers of which some have errors, so that none is saved; return the errors."""
    before = await stored()
    payload = await bulk(api, "saveCustomers", rows, **values)
    assert payload["savedCount"] == 0
    assert payload["refusedCount"] == sum(bool(one["userErrors"]) for one in payload["results"])
    assert [one["index"] for one in payload["results"]] == list(range(len(rows)))
    assert await stored() == before
    return told(payload)


async def test_many_customers_are_created_with_contacts(api: Api) -> None:
    rows = [customer(number, contacts=2) for number in range(FEW)]
    payload = await bulk(api, "saveCustomers", rows)
    assert (payload["savedCount"], payload["refusedCount"], told(payload)) == (FEW, 0, [])
    assert [one["index"] for one in payload["results"]] == list(range(FEW))
    assert [one["customer"]["name"] for one in payload["results"]] == [
        f"Acme {number}" for number in range(FEW)
    ]
    for result in payload["results"]:
        held = await Contact.filter(customer_id=result["customer"]["id"]).order_by("name")
        assert [(one.name, one.version) for one in held] == [
            (f"Ann {result['index']}.{place}", 1) for place in range(2)
        ]


async def grown(before: Contents) -> tuple[dict[str, int], Counter[str], Counter[str]]:
    """Return what was added since: rows by table, events by type, audit entries by operation."""
    now = await stored()
    rows = {name: len(some) - len(before[name]) for name, some in now.items()}
    new = {
        name: [one for one in now[name] if one["id"] not in {old["id"] for old in before[name]}]
        for name in ("Event", "AuditEntry")
    }
    events = Counter(str((one["type"], sorted(one["payload"]))) for one in new["Event"])
    audited = Counter(str((one["operation"], sorted(one["after"]))) for one in new["AuditEntry"])
    return rows, events, audited


async def test_each_row_leaves_what_a_single_save_leaves(api: Api) -> None:
    """The same rows of all tables, events and audit entries."""
    single = customer(1, consent=GRANT)
    before = await stored()
    made = await api.done("saveCustomer", "customer { id }", **single)
    await api.done("saveContact", "", customerId=made["customer"]["id"], **contact(1))
    left = await grown(before)
    before = await stored()
    rows = [customer(2, contacts=1, consent=GRANT)]
    assert told(await bulk(api, "saveCustomers", rows)) == []
    assert await grown(before) == left
    assert left[0]["Event"] >= 4


async def test_lookups_of_many_rows_come_after_those_of_single_saves(api: Api) -> None:
    await bulk(api, "saveCustomers", [customer(number) for number in range(FEW)])
    await api.save_customer(name="B", classCode="COMPANY_UK_LIMITED", companyNumber="09000001")
    assert [one.urgency for one in await Job.all().order_by("id")] == [Urgency.BULK] * FEW + [
        Urgency.SAVED
    ]
    edited = [customer(number, onConflict="UPDATE", companyNumber=f"0800000{number}") for number in range(FEW)]  # fmt: skip  # noqa: E501
    await bulk(api, "saveCustomers", edited)
    newest = await Job.all().order_by("-id").limit(FEW)
    assert [one.urgency for one in newest] == [Urgency.BULK] * FEW


async def test_one_fault_refuses_all_rows_and_all_faults_are_told(api: Api) -> None:
    rows = [
        customer(0),
        customer(1, name=" ", companyNumber="x", contacts=1),
        customer(2),
        customer(3, classCode="NOTHING"),
    ]
    rows[1]["contacts"] = [contact(1, 0), contact(1, 1, name="", email="nobody")]
    assert await refused(api, rows) == [
        ("BLANK", ["rows", "1", "name"]),
        ("INVALID_COMPANY_NUMBER", ["rows", "1", "companyNumber"]),
        ("BLANK", ["rows", "1", "contacts", "1", "name"]),
        ("INVALID_EMAIL", ["rows", "1", "contacts", "1", "email"]),
        ("NOT_FOUND", ["rows", "3", "classCode"]),
    ]


async def test_failed_rows_change_nothing_and_others_are_saved(api: Api) -> None:
    old = await api.save_customer(name="Old", externalReference="cus-4")
    rows = [
        customer(0, contacts=1),
        customer(1, contacts=2),
        customer(2, contacts=1),
        {"id": old["id"], "name": "New", "contacts": [contact(3), {"name": ""}]},
        customer(5, profile={"employees": -1}),
    ]
    rows[1]["contacts"][1]["email"] = "nobody"
    payload = await bulk(api, "saveCustomers", rows, rowPolicy="REFUSE_FAILED_ROWS")
    assert told(payload) == [
        ("INVALID_EMAIL", ["rows", "1", "contacts", "1", "email"]),
        ("BLANK", ["rows", "3", "contacts", "1", "name"]),
        ("OUT_OF_RANGE", ["rows", "4", "profile", "employees"]),
    ]
    assert (payload["savedCount"], payload["refusedCount"]) == (2, 3)
    assert [one["customer"] and one["customer"]["name"] for one in payload["results"]] == [
        "Acme 0", None, "Acme 2", None, None,
    ]  # fmt: skip
    assert sorted(one.name for one in await Customer.all()) == [
        "Acme 0",
        "Acme 2",
        "Old",
    ]
    assert sorted(one.name for one in await Contact.all()) == ["Ann 0.0", "Ann 2.0"]
    assert (await Customer.get(id=old["id"])).version == 1


async def test_rows_change_customers_by_id_and_by_reference(api: Api) -> None:
    rows = [customer(number, contacts=1) for number in range(3)]
    first = await bulk(api, "saveCustomers", rows)
    ids = [one["customer"]["id"] for one in first["results"]]
    again = [
        {"id": ids[0], "name": "By id", "expectedVersion": 1},
        customer(1, name="By reference", onConflict="UPDATE"),
        customer(3, onConflict="UPDATE"),
    ]
    again[1]["contacts"] = [
        contact(1, 0, name="Changed", onConflict="UPDATE"),
        contact(1, 1, onConflict="UPDATE"),
    ]
    payload = await bulk(api, "saveCustomers", again)
    assert told(payload) == []
    found = [one["customer"] for one in payload["results"]]
    assert [(one["name"], one["version"]) for one in found] == [
        ("By id", 2), ("By reference", 2), ("Acme 3", 1),
    ]  # fmt: skip
    assert [one["id"] for one in found[:2]] == ids[:2]
    held = await Contact.filter(customer_id=ids[1]).order_by("external_reference")
    assert [(one.name, one.version) for one in held] == [("Changed", 2), ("Ann 1.1", 1)]


async def test_a_stale_row_shows_the_customer_as_stored(api: Api) -> None:
    stale = await api.save_customer(name="Now")
    rows: list[Json] = [{"id": stale["id"], "name": "Then", "expectedVersion": 7}, customer(1)]
    before = await stored()
    payload = await bulk(api, "saveCustomers", rows)
    assert told(payload) == [("VERSION_CONFLICT", ["rows", "0", "expectedVersion"])]
    assert [one["customer"] and one["customer"]["name"] for one in payload["results"]] == [
        "Now", None,
    ]  # fmt: skip
    assert await stored() == before


async def test_duplicates_within_a_call_are_refused(api: Api) -> None:
    known = await api.save_customer(name="Known", externalReference="known")
    rows = [
        customer(0, accountNumber="N-1", contacts=1),
        customer(0, externalReference=" cus-0 "),
        customer(2, accountNumber="n-1"),
        customer(3, contacts=1),
        {"id": known["id"], "name": "A"},
        {"id": known["id"], "name": "B"},
        {"externalReference": "known", "onConflict": "UPDATE", "name": "C"},
    ]
    rows[3]["contacts"] = [contact(0, 0)]
    assert await refused(api, rows) == [
        ("DUPLICATE_ITEM", ["rows", "1", "externalReference"]),
        ("DUPLICATE_ITEM", ["rows", "2", "accountNumber"]),
        ("DUPLICATE_ITEM", ["rows", "3", "contacts", "0", "externalReference"]),
        ("DUPLICATE_ITEM", ["rows", "5", "id"]),
        ("DUPLICATE_ITEM", ["rows", "6", "externalReference"]),
    ]


async def test_the_later_of_two_rows_for_a_customer_is_refused(api: Api) -> None:
    known = await api.save_customer(name="Known", externalReference="known")
    by_id = {"id": known["id"], "name": "A"}
    by_reference = {"externalReference": "known", "onConflict": "UPDATE", "name": "B"}
    for rows, field in (
        ([by_reference, by_id], "id"),
        ([by_id, by_reference], "externalReference"),
    ):
        assert await refused(api, rows) == [("DUPLICATE_ITEM", ["rows", "1", field])]


async def test_what_exists_already_is_refused(api: Api) -> None:
    await bulk(api, "saveCustomers", [customer(0, contacts=1, accountNumber="N-1")])
    rows = [
        customer(0),
        customer(1, accountNumber="n-1"),
        customer(2, contacts=1),
        customer(3, contacts=1),
    ]
    rows[2]["contacts"] = [contact(0, 0)]
    rows[3]["contacts"] = [contact(0, 0, onConflict="UPDATE")]
    # a reference that occurs twice in the call is a duplicate as well
    del rows[3]["contacts"]
    assert await refused(api, rows) == [
        ("ALREADY_EXISTS", ["rows", "0", "externalReference"]),
        ("ALREADY_EXISTS", ["rows", "1", "accountNumber"]),
        ("ALREADY_EXISTS", ["rows", "2", "contacts", "0", "externalReference"]),
    ]
    rows = [customer(3, contacts=1)]
    rows[0]["contacts"] = [contact(0, 0, onConflict="UPDATE")]
    assert await refused(api, rows) == [
        ("CANNOT_CHANGE", ["rows", "0", "contacts", "0", "externalReference"])
    ]


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([], {"code": "TOO_FEW_ITEMS", "path": ["rows"], "limit": None, "minimum": 1}),
        (
            [customer(number) for number in range(201)],
            {"code": "TOO_MANY_ITEMS", "path": ["rows"], "limit": 200, "minimum": None},
        ),
        (
            [customer(number, contacts=11) for number in range(46)],
            {"code": "TOO_MANY_ITEMS", "path": ["rows"], "limit": 500, "minimum": None},
        ),
    ],
)
async def test_faults_of_the_call_itself_are_its_user_errors(
    api: Api, rows: list[Json], error: Json
) -> None:
    before = await stored()
    select = "savedCount refusedCount results { index } userErrors { code path limit minimum }"
    document = document_of("saveCustomers", select).replace("message", "").replace("hint", "")
    payload = (await api.data(document, input={"rows": rows}))["saveCustomers"]
    assert payload["results"] == []
    assert (payload["savedCount"], payload["refusedCount"]) == (0, 0)
    (found,) = payload["userErrors"]
    assert {name: found[name] for name in error} == error
    assert await stored() == before


async def test_a_customer_takes_up_to_20_contacts(api: Api) -> None:
    assert await refused(api, [customer(0, contacts=21)]) == [
        ("TOO_MANY_ITEMS", ["rows", "0", "contacts"])
    ]
    assert told(await bulk(api, "saveCustomers", [customer(0, contacts=20)])) == []
    assert await Contact.all().count() == 20


async def test_a_dry_run_stores_nothing_and_marks_all_ids(api: Api) -> None:
    before = await stored()
    rows = [customer(0, contacts=1), customer(1)]
    payload = await bulk(api, "saveCustomers", rows, dryRun=True)
    assert await stored() == before
    assert (payload["isDryRun"], payload["savedCount"]) == (True, 2)
    assert all(one["customer"]["id"].startswith("dryrun:") for one in payload["results"])
    ids = [one["customer"]["id"] for one in payload["results"]]
    again = [{"id": ids[0], "name": "A"}, customer(2)]
    assert await refused(api, again) == [("NOT_FOUND", ["rows", "0", "id"])]


async def test_a_value_that_cannot_be_read_is_a_fault_of_its_row(api: Api) -> None:
    rows = [
        customer(0),
        customer(1, name="", profile={"incorporatedOn": "31.2.2020"}),
        customer(2, consent={**GRANT, "effectiveAt": "never"}),
    ]
    payload = await bulk(api, "saveCustomers", rows, rowPolicy="REFUSE_FAILED_ROWS")
    assert told(payload) == [
        ("BLANK", ["rows", "1", "name"]),
        ("BAD_FORMAT", ["rows", "1", "profile", "incorporatedOn"]),
        ("BAD_FORMAT", ["rows", "2", "consent", "effectiveAt"]),
    ]
    assert payload["savedCount"] == 1


async def test_a_repeat_tells_the_same_of_each_row(api: Api) -> None:
    """Texts of errors are not stored, as they may name a person."""
    document = document_of(
        "saveCustomers",
        "isReplayed savedCount refusedCount"
        " results { index customer { id name } userErrors { code path message } }",
    )
    sent = {
        "input": {
            "rows": [customer(0, contacts=1), customer(1, name="")],
            "rowPolicy": "REFUSE_FAILED_ROWS",
        }
    }
    first = (await api.post(document, sent, headers={HEADER: "k"})).json()["data"]["saveCustomers"]
    before = await stored()
    again = (await api.post(document, sent, headers={HEADER: "k"})).json()["data"]["saveCustomers"]
    assert await stored() == before
    assert (first["isReplayed"], again["isReplayed"]) == (False, True)
    (error,) = again["results"][1].pop("userErrors")
    (told_first,) = first["results"][1].pop("userErrors")
    assert (error["code"], error["path"]) == (told_first["code"], told_first["path"])
    assert error["message"] == "This row was refused when the request was first sent."
    assert {**again, "isReplayed": False} == first
    kept = (await IdempotentRequest.get()).outcome
    assert "Acme" not in str(kept)
    assert "Enter" not in str(kept)


async def test_a_call_that_saved_nothing_is_judged_anew(api: Api) -> None:
    rows = [customer(0), customer(1, name="")]
    document = document_of("saveCustomers", "isReplayed savedCount")
    for _ in range(2):
        answer = await api.post(document, {"input": {"rows": rows}}, headers={HEADER: "k"})
        payload = answer.json()["data"]["saveCustomers"]
        assert (payload["isReplayed"], payload["savedCount"]) == (False, 0)
    assert not await IdempotentRequest.exists()


async def test_a_consent_key_of_a_row_repeats_that_row_only(api: Api) -> None:
    row = customer(0, contacts=1, consent={**GRANT, "idempotencyKey": "once"})
    select = "results { isReplayed customer { id } userErrors { code path } }"
    first = await api.done("saveCustomers", select, rows=[row])
    again = await api.done("saveCustomers", select, rows=[row, customer(1)])
    assert [one["userErrors"] for one in again["results"]] == [[], []]
    assert [one["isReplayed"] for one in again["results"]] == [True, False]
    assert again["results"][0]["customer"] == first["results"][0]["customer"]
    assert (await Customer.all().count(), await Contact.all().count()) == (2, 1)


async def test_a_partner_saves_only_its_own_customers(api: Api) -> None:
    (own, token), (other, _) = await reseller(api, "A"), await reseller(api, "B")
    theirs = await api.save_customer(name="Theirs", parentId=other, externalReference="cus-0")
    rows = [
        customer(0),
        {"id": theirs["id"], "name": "Mine"},
        customer(2, parentId=other),
        customer(3, accountNumber="N-1"),
    ]
    payload = await bulk(api, "saveCustomers", rows, token=token, rowPolicy="REFUSE_FAILED_ROWS")
    assert told(payload) == [
        ("NOT_FOUND", ["rows", "1", "id"]),
        ("NOT_FOUND", ["rows", "2", "parentId"]),
        ("NOT_FOR_PARTNERS", ["rows", "3", "accountNumber"]),
    ]
    saved = await Customer.get(name="Acme 0")
    assert (saved.parent_id, saved.external_reference) == (own, "cus-0")
    assert (await Customer.get(id=theirs["id"])).name == "Theirs"


async def test_rows_need_the_permissions_of_their_fields(api: Api) -> None:
    user = await add_user(api, "Uma", Scope.CUSTOMERS_WRITE)
    token = await sign_in(api, user, Scope.CUSTOMERS_WRITE)
    document = document_of("saveCustomers", "savedCount")
    for needed, row in (
        (Scope.CONTACTS_WRITE, customer(1, contacts=1)),
        (Scope.CONSENT_WRITE, customer(1, consent=GRANT)),
    ):
        before = await stored()
        error = await api.error(document, token=token, input={"rows": [customer(0), row]})
        assert error["extensions"]["code"] == "FORBIDDEN"
        assert error["extensions"]["requiredScopes"] == [needed.name]
        assert await stored() == before
    single = document_of("saveCustomer", "")
    error = await api.error(single, token=token, input=customer(1, contacts=1))
    assert error["extensions"]["requiredScopes"] == ["CONTACTS_WRITE"]
    rows = [customer(0), {**customer(1), "contacts": []}]
    assert (await api.data(document, token=token, input={"rows": rows}))["saveCustomers"][
        "savedCount"
    ] == 2


async def test_new_customers_take_the_same_statements_however_many_they_are(api: Api) -> None:
    counts = []
    for count in (2, 20):
        rows = [customer(100 * count + number, contacts=2) for number in range(count)]
        with counted_statements() as statements:
            await bulk(api, "saveCustomers", rows)
        counts.append(len(statements))
    assert counts[1] - counts[0] <= 12  # further statements of 50 rows each


async def test_results_have_the_advisories_of_each_customer(api: Api) -> None:
    select = "results { advisories { code otherCustomers { name } } userErrors { code } }"
    rows = [
        customer(0, companyNumber="09000001"),
        customer(1, companyNumber="09000001"),
        customer(2),
    ]
    payload = await api.done("saveCustomers", select, rows=rows)
    assert [
        [(one["code"], one["otherCustomers"]) for one in result["advisories"]]
        for result in payload["results"]
    ] == [
        [("DUPLICATE_COMPANY_NUMBER", [{"name": "Acme 1"}])],
        [("DUPLICATE_COMPANY_NUMBER", [{"name": "Acme 0"}])],
        [],
    ]


async def test_save_customer_takes_contacts_in_the_same_transaction(api: Api) -> None:
    row = customer(0, contacts=2)
    made = await api.done("saveCustomer", "customer { id contacts { name } }", **row)
    assert [one["name"] for one in made["customer"]["contacts"]] == ["Ann 0.0", "Ann 0.1"]
    assert [one.urgency for one in await Job.all()] == [Urgency.SAVED]
    wrong = {**customer(1), "name": "", "contacts": [contact(1), contact(0), {"email": "x"}]}
    errors = await api.refused(
        "saveCustomer", "BLANK", "ALREADY_EXISTS", "REQUIRED", "INVALID_EMAIL", **wrong
    )
    assert [one["path"] for one in errors] == [
        ["name"],
        ["contacts", "1", "externalReference"],
        ["contacts", "2", "name"],
        ["contacts", "2", "email"],
    ]
    changed = {
        "id": made["customer"]["id"],
        "name": "New",
        "contacts": [contact(0, 0, name="Changed", onConflict="UPDATE"), {"name": "Added"}],
    }
    edited = await api.done("saveCustomer", "customer { name contacts { name } }", **changed)
    assert edited["customer"]["name"] == "New"
    assert [one["name"] for one in edited["customer"]["contacts"]] == [
        "Changed", "Ann 0.1", "Added",
    ]  # fmt: skip
