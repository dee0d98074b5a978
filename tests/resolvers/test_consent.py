"""Consent through the API: recording, the flag at an instant, history, evidence, advisories."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from models import ConsentEntry
from models.tables.access import Scope
from tests.graphql_client import Api, Json, stored
from tests.resolvers.consent_inputs import GRANTED

FLAG = "consent { isGiven basis since entry { id } }"
SAID = "sequence kind basis effectiveAt recordedAt recordedBy givenBy method documentVersion"
DAY = timedelta(days=1)

NOT_GIVEN = {"isGiven": False, "basis": None, "since": None, "entry": None}


async def record(api: Api, customer_id: str, **values: Any) -> Json:
    """Record consent; return the payload."""
    return await api.done(
        "recordConsent",
        f"customer {{ version {FLAG} }} entry {{ id sequence }} isReplayed",
        customerId=customer_id,
        **{**GRANTED, **values},
    )


async def test_consent_is_not_given_until_it_is_recorded(api: Api) -> None:
    """R48, R50, R56."""
    customer = await api.save_customer(f"id {FLAG}")
    assert customer["consent"] == NOT_GIVEN
    payload = await record(api, customer["id"])
    assert payload["customer"] == {
        "version": 2,
        "consent": {
            "isGiven": True,
            "basis": "TERMS_ACCEPTED",
            "since": "2026-10-01T09:30:00+00:00",
            "entry": {"id": payload["entry"]["id"]},
        },
    }
    assert (payload["entry"]["sequence"], payload["isReplayed"]) == (1, False)


async def test_the_flag_at_any_instant_follows_from_effective_dates(api: Api) -> None:
    """R54, R56: the withdrawal is recorded first, and the grant is dated back."""
    customer = await api.save_customer()
    withdrawn = await api.done(
        "withdrawConsent",
        "entry { id }",
        customerId=customer["id"],
        effectiveAt="2027-01-01T00:00:00Z",
        askedBy="Ann",
        reason="Moves away",
    )
    await record(api, customer["id"], effectiveAt="2026-01-01T02:00:00+02:00")
    found = await api.customer(
        customer["id"],
        """
        consent { isGiven }
        before: consent(at: "2025-12-31T23:59:59Z") { isGiven since }
        from: consent(at: "2026-01-01T00:00:00Z") { isGiven since }
        after: consent(at: "2027-01-01T00:00:00Z") { isGiven basis since entry { id } }
        """,
    )
    assert found == {
        "consent": {"isGiven": True},
        "before": {"isGiven": False, "since": None},
        "from": {"isGiven": True, "since": "2026-01-01T00:00:00+00:00"},
        "after": {
            "isGiven": False,
            "basis": None,
            "since": "2027-01-01T00:00:00+00:00",
            "entry": {"id": withdrawn["entry"]["id"]},
        },
    }


async def test_an_instant_without_an_offset_is_refused(api: Api) -> None:
    customer = await api.save_customer()
    document = """query($id: ID, $at: DateTime!) { customer(id: $id) {
      consent(at: $at) { isGiven } } }"""
    error = await api.error(document, id=customer["id"], at="2026-01-01T00:00:00")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    (fault,) = error["extensions"]["faults"]
    assert (fault["variable"], fault["path"], fault["code"]) == ("at", [], "BAD_FORMAT")
    values = {**GRANTED, "customerId": customer["id"]}
    values["effectiveAt"] = "2026-01-01T00:00"
    await api.refused("recordConsent", "BAD_FORMAT", **values)


async def test_what_is_missing_from_the_paper_trail_is_refused(api: Api) -> None:
    """R52, R53."""
    customer = await api.save_customer()
    values = {**GRANTED, "customerId": customer["id"]}
    (refusal,) = await api.refused(
        "recordConsent", "AFFIRMATION_REQUIRED", **{**values, "isEmailingCovered": False}
    )
    assert refusal["path"] == ["isEmailingCovered"]
    del values["isEmailingCovered"]
    await api.refused("recordConsent", "AFFIRMATION_REQUIRED", **values)
    await api.refused(
        "recordConsent",
        "BLANK",
        "BLANK",
        "REQUIRED",
        **{**GRANTED, "customerId": customer["id"], "givenBy": " ", "evidenceReference": ""}
        | {"documentName": None},
    )


async def test_a_customer_is_created_with_consent(api: Api) -> None:
    """R49."""
    customer = await api.save_customer(
        f"id version {FLAG} consentHistory {{ {SAID} }}", consent=GRANTED
    )
    assert customer["consent"]["isGiven"]
    assert customer["version"] == 1
    (entry,) = customer["consentHistory"]
    assert (entry["recordedBy"], entry["givenBy"]) == ("Tess Tester", "Ann Example")
    before = await stored()
    refused = await api.do(
        "saveCustomer",
        "customer { id }",
        name="B",
        classCode="CHARITY",
        consent={**GRANTED, "isEmailingCovered": False},
    )
    assert refused["customer"] is None
    (error,) = refused["userErrors"]
    assert (error["code"], error["path"]) == (
        "AFFIRMATION_REQUIRED",
        ["consent", "isEmailingCovered"],
    )
    assert await stored() == before


async def test_a_plain_update_can_not_flip_the_flag(api: Api) -> None:
    """R52."""
    customer = await api.save_customer()
    (refusal,) = await api.refused(
        "saveCustomer", "CONSENT_NOT_EDITABLE", id=customer["id"], consent=GRANTED
    )
    assert refusal["path"] == ["consent"]


async def test_creating_with_consent_needs_the_scope_of_recording_it(api: Api) -> None:
    """R93."""
    token = await api.token_for(Scope.CUSTOMERS_WRITE)
    before = await stored()
    document = """mutation($input: SaveCustomerInput!) {
      saveCustomer(input: $input) { customer { id } } }"""
    values = {"name": "A", "classCode": "CHARITY", "consent": GRANTED}
    error = await api.error(document, token=token, input=values)
    assert error["extensions"]["requiredScopes"] == ["CONSENT_WRITE"]
    assert await stored() == before


async def test_who_reads_customers_sees_the_flag_and_not_who_gave_it(api: Api) -> None:
    """R93: because entries contain names of persons."""
    customer = await api.save_customer(consent=GRANTED)
    token = await api.token_for(Scope.CUSTOMERS_READ)
    document = "query($id: ID) { customer(id: $id) { %s } }"
    seen = await api.data(document % "consent { isGiven }", token=token, id=customer["id"])
    assert seen == {"customer": {"consent": {"isGiven": True}}}
    for field in (
        "consent { entry { givenBy } }",
        "consentHistory { givenBy }",
        "nonItemisedBills { entry { id } }",
    ):
        body = await api.answer(document % field, token=token, id=customer["id"])
        assert body["errors"][0]["extensions"]["requiredScopes"] == ["CONSENT_READ"]
        assert "Ann" not in repr(body)
    both = await api.token_for(Scope.CUSTOMERS_READ, Scope.CONSENT_READ)
    seen = await api.data(document % "consentHistory { givenBy }", token=both, id=customer["id"])
    assert seen["customer"]["consentHistory"] == [{"givenBy": "Ann Example"}]


async def test_a_dry_run_shows_the_entry_and_keeps_nothing(api: Api) -> None:
    """R50."""
    customer = await api.save_customer()
    before = await stored()
    payload = await record(api, customer["id"], dryRun=True, idempotencyKey="k")
    assert payload["customer"]["consent"]["isGiven"]
    assert payload["entry"]["sequence"] == 1
    assert await stored() == before
    assert not (await record(api, customer["id"], idempotencyKey="k"))["isReplayed"]


async def test_a_repeated_key_makes_one_entry(api: Api) -> None:
    """R57."""
    customer = await api.save_customer()
    first = await record(api, customer["id"], idempotencyKey="k", expectedVersion=1)
    before = await stored()
    again = await record(api, customer["id"], idempotencyKey="k", expectedVersion=1)
    assert again == {**first, "isReplayed": True}
    assert await stored() == before
    await api.refused(
        "recordConsent",
        "IDEMPOTENCY_KEY_REUSED",
        **{**GRANTED, "customerId": customer["id"], "idempotencyKey": "k", "givenBy": "Bob"},
    )


async def test_a_stale_version_is_answered_with_the_customer_as_it_is(api: Api) -> None:
    """R101."""
    customer = await api.save_customer()
    await record(api, customer["id"])
    payload = await api.do(
        "withdrawConsent",
        f"customer {{ version {FLAG} }} entry {{ id }}",
        customerId=customer["id"],
        expectedVersion=1,
    )
    assert payload["customer"]["version"] == 2
    assert payload["customer"]["consent"]["isGiven"]
    assert payload["entry"] is None
    assert [error["code"] for error in payload["userErrors"]] == ["VERSION_CONFLICT"]


async def test_a_correction_is_a_new_entry_that_points_at_the_old_one(api: Api) -> None:
    """R55."""
    customer = await api.save_customer()
    wrong = (await record(api, customer["id"], documentVersion="2025"))["entry"]
    await api.done(
        "correctConsent",
        "entry { id }",
        entryId=wrong["id"],
        reason="Typo",
        values={"documentVersion": "2026"},
    )
    found = await api.customer(
        customer["id"],
        "consent { entry { documentVersion correction { entryId } } }"
        " consentHistory { documentVersion correction { entryId reason } previousHash hash }",
    )
    assert found["consent"]["entry"] == {
        "documentVersion": "2026",
        "correction": {"entryId": wrong["id"]},
    }
    old, new = found["consentHistory"]
    assert (old["documentVersion"], old["correction"]) == ("2025", None)
    assert new["correction"] == {"entryId": wrong["id"], "reason": "Typo"}
    assert (old["previousHash"], new["previousHash"]) == ("0" * 64, old["hash"])
    (refusal,) = await api.refused(
        "correctConsent", "CONSENT_ENTRY_CORRECTED", entryId=wrong["id"], reason="Again"
    )
    assert refusal["path"] == ["entryId"]


async def test_an_annulment_made_by_mistake_is_put_right(api: Api) -> None:
    """R55: with the content of the entry that it removed."""
    customer = await api.save_customer()
    grant = (await record(api, customer["id"], documentVersion="2025"))["entry"]
    taken = await api.done(
        "correctConsent", "entry { id }", entryId=grant["id"], kind="ANNULMENT", reason="Wrong one"
    )
    again: dict[str, str] = {"entryId": taken["entry"]["id"], "reason": "It was right"}
    (refusal,) = await api.refused("correctConsent", "REQUIRED", **again)
    assert (refusal["path"], "GRANT" in refusal["hint"]) == (["kind"], True)
    await api.done("correctConsent", "entry { id }", kind="GRANT", **again)
    found = await api.customer(
        customer["id"],
        "consent { isGiven entry { documentVersion correction { entryId } givenBy } }",
    )
    assert found["consent"]["isGiven"]
    entry = found["consent"]["entry"]
    assert (entry["documentVersion"], entry["correction"]) == (
        "2025",
        {"entryId": taken["entry"]["id"]},
    )
    assert entry["givenBy"]


async def test_bills_without_itemisation_are_asked_for(api: Api) -> None:
    """A16."""
    customer = await api.save_customer(consent=GRANTED)
    select = (
        "customer { consent { isGiven } nonItemisedBills { isRequested since entry { kind } } }"
    )
    asked = await api.done("requestNonItemisedBills", select, customerId=customer["id"])
    assert asked["customer"] == {
        "consent": {"isGiven": True},
        "nonItemisedBills": {
            "isRequested": True,
            "since": "2026-10-01T09:30:00+00:00",
            "entry": {"kind": "NON_ITEMISED_REQUEST"},
        },
    }
    ended = await api.done("withdrawNonItemisedBillsRequest", select, customerId=customer["id"])
    assert not ended["customer"]["nonItemisedBills"]["isRequested"]


EVIDENCE = """
  query($id: ID!) {
    consentEvidence(customerId: $id) {
      customerName isErased generatedAt consent { isGiven }
      entries {
        kind givenBy method statement documentVersion reason isPseudonymised evidenceSha256
      }
      verification { isIntact entryCount lastHash breaks { code sequence } }
    }
  }
"""


async def test_the_evidence_answers_a_regulator_even_after_erasure(api: Api) -> None:
    """A18."""
    customer = await api.save_customer(name="Mia Muster")
    await record(api, customer["id"], givenBy="Mia Muster", evidenceSha256="ab" * 32)
    await api.done("withdrawConsent", "", customerId=customer["id"], reason="Muster asked")
    evidence = (await api.data(EVIDENCE, id=customer["id"]))["consentEvidence"]
    assert [entry["kind"] for entry in evidence["entries"]] == ["GRANT", "WITHDRAWAL"]
    assert evidence["entries"][0]["givenBy"] == "Mia Muster"
    assert evidence["entries"][1]["reason"] == "Muster asked"
    verification = evidence["verification"]
    assert (verification["isIntact"], verification["entryCount"]) == (True, 2)
    await api.done("deleteCustomer", "deletedId", id=customer["id"])
    erased = (await api.data(EVIDENCE, id=customer["id"]))["consentEvidence"]
    assert "Muster" not in repr(erased)
    assert erased["isErased"]
    assert erased["entries"][0] == {
        "kind": "GRANT",
        "givenBy": None,
        "method": "ONLINE",
        "statement": None,
        "documentVersion": "2026-1",
        "reason": None,
        "isPseudonymised": True,
        "evidenceSha256": "ab" * 32,
    }
    assert erased["verification"] == verification
    assert (await api.data(EVIDENCE, id="cus_nobody"))["consentEvidence"] is None


async def test_the_ledger_is_verified_through_the_api(api: Api) -> None:
    """R55."""
    customer = await api.save_customer(consent=GRANTED)
    document = """query($id: ID!, $hash: String) { verifyConsentLedger(customerId: $id,
      knownHash: $hash) { isIntact entryCount lastHash breaks { code message } } }"""
    found = (await api.data(document, id=customer["id"]))["verifyConsentLedger"]
    assert (found["isIntact"], found["breaks"]) == (True, [])
    last = (await ConsentEntry.get()).hash
    assert found["lastHash"] == last
    kept = await api.data(document, id=customer["id"], hash=last)
    assert kept["verifyConsentLedger"]["isIntact"]
    lost = (await api.data(document, id=customer["id"], hash="f" * 64))["verifyConsentLedger"]
    assert [one["code"] for one in lost["breaks"]] == ["KNOWN_HASH_MISSING"]
    assert (await api.data(document, id="cus_nobody"))["verifyConsentLedger"] is None


async def export(api: Api, token: str | None, query: str) -> tuple[int, str]:
    """Fetch the CSV export; return status and body."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    response = await api.http.get(f"/exports/consent-evidence.csv{query}", headers=headers)
    return response.status_code, response.text


async def test_a_file_of_evidence_tells_its_customer_and_may_be_marked_for_spreadsheets(
    api: Api,
) -> None:
    names = set()
    for name in ("One", "Two"):
        customer = await api.save_customer(name=name)
        headers = {"Authorization": f"Bearer {api.token}"}
        path = f"/exports/consent-evidence.csv?customerId={customer['id']}"
        bare = await api.http.get(path, headers=headers)
        marked = await api.http.get(f"{path}&bom=true", headers=headers)
        assert bare.content.startswith(b"customerId,")
        assert marked.content == b"\xef\xbb\xbf" + bare.content
        assert (await api.http.get(f"{path}&bom=false", headers=headers)).content == bare.content
        assert (await api.http.get(f"{path}&bom=yes", headers=headers)).status_code == 400
        disposition = bare.headers["content-disposition"]
        assert disposition == f'attachment; filename="consent-evidence-{customer["id"]}.csv"'
        names.add(disposition)
    assert len(names) == 2


async def test_the_evidence_comes_as_csv_to_those_who_may_read_it(api: Api) -> None:
    customer = await api.save_customer(name='Ann "A", Ltd')
    await record(api, customer["id"], givenBy='=HYPERLINK("x")', statement="One\nTwo")
    await api.done("withdrawConsent", "", customerId=customer["id"])
    query = f"?customerId={customer['id']}"
    status, text = await export(api, api.token, query)
    assert status == 200
    first, second = csv.DictReader(io.StringIO(text, newline=""))
    assert (first["customerName"], first["kind"], first["isIntact"]) == (
        'Ann "A", Ltd',
        "GRANT",
        "true",
    )
    assert (first["effectiveAt"], first["statement"]) == (
        "2026-10-01T09:30:00+00:00",
        "One\nTwo",
    )
    assert first["givenBy"] == '\'=HYPERLINK("x")', "spreadsheets run what begins with ="
    assert (second["kind"], second["givenBy"]) == ("WITHDRAWAL", "")
    assert second["previousHash"] == first["hash"]
    assert first["breaks"] == ""
    empty = await api.save_customer(name="Nobody asked")
    _, text = await export(api, api.token, f"?customerId={empty['id']}")
    (only,) = csv.DictReader(io.StringIO(text, newline=""))
    assert (only["customerName"], only["kind"], only["isIntact"]) == ("Nobody asked", "", "true")
    reader = await api.token_for(Scope.CONSENT_READ)
    assert (await export(api, reader, query))[0] == 200
    others = await api.token_for(*(scope for scope in Scope if not scope.startswith("consent")))
    refused = [
        (others, query, 403, {"code": "FORBIDDEN", "requiredScopes": ["CONSENT_READ"]}),
        (None, query, 401, {"code": "UNAUTHENTICATED"}),
        ("garbage", query, 401, {"code": "UNAUTHENTICATED"}),
        (api.token, "?customerId=cus_nobody", 404, {"code": "NOT_FOUND"}),
    ]
    for token, asked, status, extensions in refused:
        given, text = await export(api, token, asked)
        (error,) = json.loads(text)["errors"]
        assert (given, error["extensions"]) == (status, extensions)
    assert (await api.http.post("/exports/consent-evidence.csv")).status_code == 405


@pytest.mark.parametrize(
    ("query", "parameter", "code"),
    [
        ("", "customerId", "REQUIRED"),
        ("?customerId=%00", "customerId", "BAD_FORMAT"),
        ("?customerId=cus_1&bom=yes", "bom", "BAD_FORMAT"),
    ],
)
async def test_a_wrong_parameter_of_the_file_is_told_like_a_wrong_variable(
    api: Api, query: str, parameter: str, code: str
) -> None:
    status, text = await export(api, api.token, query)
    (error,) = json.loads(text)["errors"]
    (fault,) = error["extensions"].pop("faults")
    assert (status, error["extensions"]) == (400, {"code": "BAD_USER_INPUT"})
    assert fault["message"] == error["message"]
    assert (fault["variable"], fault["path"], fault["code"]) == (parameter, [], code)


COUNTS = "{ consentAdvisoryCounts { code customerCount } }"
LIST = """
  query($filter: CustomerFilter) {
    customers(filter: $filter, first: 500) { totalCount nodes { name advisories { code } } }
  }
"""


@pytest.fixture
async def advised(api: Api) -> Api:
    """Add customers for each advisory: some have it, some had it."""
    today = api.clock()
    old = (today - 800 * DAY).isoformat()

    async def add(name: str, code: str, **values: Any) -> str:
        saved = await api.save_customer(name=name, classCode=code)
        if values.pop("records", True):
            await record(api, saved["id"], **values)
        return str(saved["id"])

    await add("nothing", "SOLE_TRADER", records=False)
    await add("terms of a person", "SOLE_TRADER")
    await add("terms of a company", "COMPANY_UK_LIMITED")
    await add("no version", "CHARITY", documentVersion=None)
    await add("opt-in", "RESIDENTIAL", basis="WRITTEN_OPT_IN", documentVersion=None)
    await add("old", "CHARITY", effectiveAt=old)
    await add("old terms", "RESIDENTIAL", effectiveAt=old)
    renewed = await add("renewed", "CHARITY", effectiveAt=old)
    await record(api, renewed)
    withdrawn = await add("withdrawn", "SOLE_TRADER", effectiveAt=old, documentVersion=None)
    await api.done("withdrawConsent", "", customerId=withdrawn)
    ahead = (today + DAY).isoformat()
    await add("ahead", "SOLE_TRADER", effectiveAt=ahead)
    moved = await add("moved", "SOLE_TRADER")
    for customer_id, code in ((moved, "CHARITY"),):
        row = await api.class_of(code)
        await api.done(
            "changeCustomerClass", "", customerId=customer_id, classId=row["id"], reason="Grew"
        )
    erased = await add("erased", "SOLE_TRADER")
    await api.done("deleteCustomer", "", id=erased)
    return api


WANTED = {
    "REVIEW_CONSENT": {"moved"},
    "CONSENT_BY_TERMS": {"terms of a person", "old terms"},
    "CONSENT_WITHOUT_VERSION": {"no version"},
    "CONSENT_OUTDATED": {"old", "old terms"},
    "CONSENT_REACHES_UNVERIFIED": set(),
}


async def names(api: Api, **filter_: Any) -> set[str]:
    """Return the names of the customers that a filter finds, and check its count."""
    found = (await api.data(LIST, filter=filter_))["customers"]
    assert found["totalCount"] == len(found["nodes"])
    return {node["name"] for node in found["nodes"]}


async def test_advisories_are_counted_and_filtered_as_they_show(advised: Api) -> None:
    """R53, A15, R30."""
    shown: dict[str, set[str]] = {code: set() for code in WANTED}
    for node in (await advised.data(LIST))["customers"]["nodes"]:
        for advisory in node["advisories"]:
            shown[advisory["code"]].add(node["name"])
    assert shown == WANTED
    for code, wanted in WANTED.items():
        assert await names(advised, advisories=[code]) == wanted
    counts = (await advised.data(COUNTS))["consentAdvisoryCounts"]
    assert {one["code"]: one["customerCount"] for one in counts} == {
        code: len(wanted) for code, wanted in WANTED.items()
    }
    both = await names(advised, advisories=["CONSENT_WITHOUT_VERSION", "CONSENT_OUTDATED"])
    assert both == {"no version", "old", "old terms"}
    assert await names(advised, advisories=[]) == set()


async def test_advisories_come_and_go_with_time_alone(advised: Api) -> None:
    """R56: a future consent takes effect without a write, and consent becomes too old."""
    advised.clock.advance(2 * DAY)
    assert "ahead" in await names(advised, advisories=["CONSENT_BY_TERMS"])
    advised.clock.advance(730 * DAY)
    assert await names(advised, advisories=["CONSENT_OUTDATED"]) >= {"ahead", "renewed", "opt-in"}
    shown = (await advised.data(LIST))["customers"]["nodes"]
    outdated = {
        node["name"]
        for node in shown
        if "CONSENT_OUTDATED" in {advisory["code"] for advisory in node["advisories"]}
    }
    assert outdated == await names(advised, advisories=["CONSENT_OUTDATED"])


async def test_customers_are_filtered_by_their_flag(advised: Api) -> None:
    """R97, A16."""
    without = {"nothing", "withdrawn", "ahead"}
    assert await names(advised, isConsentGiven=False) == without
    given = await names(advised, isConsentGiven=True)
    assert given == {
        "terms of a person",
        "terms of a company",
        "no version",
        "opt-in",
        "old",
        "old terms",
        "renewed",
        "moved",
    }
    assert await names(advised, isNonItemisedRequested=True) == set()
    found = await advised.data('{ customers(filter: { text: "opt-in" }) { nodes { id } } }')
    (node,) = found["customers"]["nodes"]
    await advised.done("requestNonItemisedBills", "", customerId=node["id"])
    assert await names(advised, isNonItemisedRequested=True) == {"opt-in"}
    assert "opt-in" not in await names(advised, isNonItemisedRequested=False)


async def test_recording_after_a_move_settles_the_review(advised: Api) -> None:
    """R30."""
    found = await advised.data('{ customers(filter: { text: "moved" }) { nodes { id } } }')
    (node,) = found["customers"]["nodes"]
    await record(advised, node["id"])
    assert await names(advised, advisories=["REVIEW_CONSENT"]) == set()


REASONS = [
    ("withdrawConsent", {"reason": "Changed their mind"}, "CONSENT_WITHDRAWN"),
    ("requestNonItemisedBills", {"reason": "Privacy at home"}, "NON_ITEMISED_BILLS_REQUESTED"),
    ("withdrawNonItemisedBillsRequest", {"reason": "Lives alone"}, "NON_ITEMISED_BILLS_WITHDRAWN"),
    ("withdrawConsent", {}, "CONSENT_WITHDRAWN"),
]


@pytest.mark.parametrize(("mutation", "values", "operation"), REASONS)
async def test_the_audit_trail_says_why(
    api: Api, mutation: str, values: Json, operation: str
) -> None:
    """R96."""
    customer = await api.save_customer()
    done = await api.done(mutation, "entry { id }", customerId=customer["id"], **values)
    wanted = [{"operation": operation, "reason": values.get("reason")}]
    select = "auditTrail { nodes { operation reason } }"
    assert (await api.customer(customer["id"], select))["auditTrail"]["nodes"][:1] == wanted
    entry_id = done["entry"]["id"]
    await api.done(
        "correctConsent", "", entryId=entry_id, reason="Mistyped", values={"askedBy": "Ann"}
    )
    (newest, *_) = (await api.customer(customer["id"], select))["auditTrail"]["nodes"]
    assert newest == {"operation": "CONSENT_CORRECTED", "reason": "Mistyped"}
