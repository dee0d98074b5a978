"""Contacts through the API, and confirmations from request to click."""

from datetime import timedelta
from typing import Any

import pytest

from models import Confirmation, ContactState, Job
from models.storage.row_query import FEW
from models.tables.access import Scope
from tests.clock import START
from tests.graphql_client import Api, Json, counted_statements, stored
from tests.mails import Mail, Page, mails_in

NOW = START.isoformat()
HOUR = timedelta(hours=1)
CONTACT = """
  name email receivesBills receivesCorrespondence isActive isEmailVerified emailVerifiedAt
  attachmentPreference { isConfirmed documents since entry { id } } preferenceHistory { id }
  lastMailFailure { code } customer { name } createdAt lastModifiedAt version
"""
ALL = ["BILL", "CDR_ZIP", "USAGE_FILES"]
PREFERENCE = (
    "attachmentPreference { isConfirmed documents since entry { kind recordedBy recordedById } }"
)


async def save(api: Api, select: str = "id", /, **values: Any) -> Any:
    """Save a contact; return the selected fields."""
    given = values if "id" in values else {"name": "Ann", "email": "ann@acme.example", **values}
    payload = await api.done("saveContact", f"contact {{ {select} }}", **given)
    return payload["contact"]


async def contact(api: Api, contact_id: str, select: str) -> Any:
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Contact {{ {select} }} }} }}"
    return (await api.data(query, id=contact_id))["node"]


async def new_mails(api: Api, seen: int = 0) -> list[Mail]:
    await api.work()
    return mails_in(api.platform.settings.mailbox)[seen:]


async def press(api: Api, path: str, status: int = 200) -> Page:
    response = await api.http.post(path)
    assert response.status_code == status, response.text
    return Page(response.text)


async def verified(api: Api, **values: Any) -> str:
    """Return the id of a contact whose address is verified."""
    customer = await api.save_customer()
    made = await save(api, customerId=customer["id"], **values)
    seen = len(mails_in(api.platform.settings.mailbox))
    await api.done("requestEmailVerification", "", contactId=made["id"])
    (mail,) = await new_mails(api, seen)
    await press(api, mail.path())
    contact_id: str = made["id"]
    return contact_id


async def asked(api: Api, contact_id: str, **values: Any) -> Mail:
    """Request a preference; return the mail."""
    seen = len(mails_in(api.platform.settings.mailbox))
    await api.done("requestAttachmentPreference", "", contactId=contact_id, **values)
    (mail,) = await new_mails(api, seen)
    return mail


async def test_a_new_contact_is_active_and_neither_listed_nor_verified(api: Api) -> None:
    """R59, R60."""
    customer = await api.save_customer(name="Acme")
    made = await save(api, f"id {CONTACT}", customerId=customer["id"], name=" Ann ")
    assert made.pop("id").startswith("con_")
    assert made == {
        "name": "Ann",
        "email": "ann@acme.example",
        "receivesBills": False,
        "receivesCorrespondence": False,
        "isActive": True,
        "isEmailVerified": False,
        "emailVerifiedAt": None,
        "attachmentPreference": {
            "isConfirmed": False,
            "documents": [],
            "since": None,
            "entry": None,
        },
        "preferenceHistory": [],
        "lastMailFailure": None,
        "customer": {"name": "Acme"},
        "createdAt": NOW,
        "lastModifiedAt": NOW,
        "version": 1,
    }


async def test_contacts_are_listed_with_their_customer_until_they_are_deleted(api: Api) -> None:
    """R59."""
    customer = await api.save_customer()
    ids = [(await save(api, customerId=customer["id"], name=n))["id"] for n in ("B", "A", "C")]
    deleted = await api.done("deleteContact", "deletedId contact { id }", id=ids[1])
    assert deleted == {"deletedId": ids[1], "contact": None, "userErrors": []}
    found = await api.customer(customer["id"], "contacts { name }")
    assert [one["name"] for one in found["contacts"]] == ["B", "C"]
    assert await contact(api, ids[1], "name") is None
    for mutation in ("deleteContact", "saveContact"):
        await api.refused(mutation, "NOT_FOUND", id=ids[1])
    for mutation in (
        "requestEmailVerification",
        "requestAttachmentPreference",
        "withdrawAttachmentPreference",
    ):
        (refusal,) = await api.refused(mutation, "NOT_FOUND", contactId=ids[1])
        assert refusal["path"] == ["contactId"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" Ann@ACME.example ", "Ann@acme.example"),
        ("ann@münchen.example", "ann@münchen.example"),
        ("ann@xn--mnchen-3ya.example", "ann@münchen.example"),
        ("jörg@acme.example", "jörg@acme.example"),
        ("ann@acme.test", "ann@acme.test"),
        ("", None),
        (None, None),
    ],
)
async def test_an_address_is_kept_in_one_spelling(api: Api, typed: str, kept: str | None) -> None:
    customer = await api.save_customer()
    assert (await save(api, "email", customerId=customer["id"], email=typed)) == {"email": kept}


@pytest.mark.parametrize(
    "typed",
    [
        "ann",
        "ann@acme",
        "@acme.example",
        "ann@acme..example",
        "ann acme@acme.example",
        "Ann <ann@acme.example>",
        "ann@acme.example, bob@acme.example",
        "ann@[127.0.0.1]",
        "ann@localhost",
        "a" * 65 + "@acme.example",
    ],
)
async def test_what_is_no_address_is_refused(api: Api, typed: str) -> None:
    customer = await api.save_customer()
    values = {"customerId": customer["id"], "name": "Ann", "email": typed}
    (refusal,) = await api.refused("saveContact", "INVALID_EMAIL", **values)
    assert refusal["path"] == ["email"]


@pytest.mark.parametrize("field", ["name", "email"])
@pytest.mark.parametrize("ending", ["\r\nBcc: eve@evil.example", "\nX: y", "\u2028X: y", "\x85z"])
async def test_nothing_that_could_end_a_header_line_gets_in(
    api: Api, field: str, ending: str
) -> None:
    customer = await api.save_customer()
    values = {"customerId": customer["id"], "name": "Ann", "email": "ann@acme.example"}
    values[field] += ending
    (refusal,) = await api.refused("saveContact", "CONTROL_CHARACTERS", **values)
    assert refusal["path"] == [field]


async def test_what_a_contact_can_not_be_is_refused_with_the_field_at_fault(api: Api) -> None:
    customer, other = await api.save_customer(), await api.save_customer()
    made = await save(api, customerId=customer["id"])
    cases: list[tuple[Json, str, list[str]]] = [
        ({"name": "Ann"}, "REQUIRED", ["customerId"]),
        ({"customerId": "cus_x", "name": "Ann"}, "NOT_FOUND", ["customerId"]),
        ({"customerId": customer["id"]}, "REQUIRED", ["name"]),
        ({"customerId": customer["id"], "name": "x" * 201}, "TOO_LONG", ["name"]),
        ({"id": "con_x", "name": "Ann"}, "NOT_FOUND", ["id"]),
        ({"id": made["id"], "name": None}, "REQUIRED", ["name"]),
        ({"id": made["id"], "customerId": other["id"]}, "CANNOT_CHANGE", ["customerId"]),
        ({"id": made["id"], "expectedVersion": 2}, "VERSION_CONFLICT", ["expectedVersion"]),
        (
            {"customerId": customer["id"], "name": "A", "expectedVersion": 1},
            "NOT_APPLICABLE",
            ["expectedVersion"],
        ),
    ]
    for values, code, path in cases:
        (refusal,) = await api.refused("saveContact", code, **values)
        assert refusal["path"] == path, values


async def test_an_edit_changes_what_was_sent_and_says_so_in_the_history(api: Api) -> None:
    """R59, R96, R101."""
    customer = await api.save_customer()
    made = await save(api, customerId=customer["id"])
    api.clock.advance(HOUR)
    changed = await save(
        api,
        "name email receivesBills isActive version lastModifiedAt"
        " auditTrail { nodes { operation before after } }",
        id=made["id"],
        receivesBills=True,
        isActive=False,
        expectedVersion=1,
    )
    assert changed == {
        "name": "Ann",
        "email": "ann@acme.example",
        "receivesBills": True,
        "isActive": False,
        "version": 2,
        "lastModifiedAt": (START + HOUR).isoformat(),
        "auditTrail": {
            "nodes": [
                {
                    "operation": "CONTACT_EDITED",
                    "before": {"isActive": True, "receivesBills": False},
                    "after": {"isActive": False, "receivesBills": True},
                },
                {
                    "operation": "CONTACT_CREATED",
                    "before": {},
                    "after": {
                        "email": "ann@acme.example",
                        "isActive": True,
                        "name": "Ann",
                        "receivesBills": False,
                        "receivesCorrespondence": False,
                    },
                },
            ]
        },
    }
    states = await ContactState.all().order_by("id")
    assert [(s.receives_bills, s.is_active, s.at) for s in states] == [
        (False, True, START),
        (True, False, START + HOUR),
    ]
    before = await stored()
    assert (await save(api, "version", id=made["id"], receivesBills=True)) == {"version": 2}
    assert await stored() == before


async def test_an_address_is_verified_by_the_button_and_not_by_looking(api: Api) -> None:
    """R60, R67: a mail scanner that follows links confirms nothing."""
    customer = await api.save_customer(name="Acme")
    made = await save(api, customerId=customer["id"])
    await api.done("requestEmailVerification", "", contactId=made["id"])
    (mail,) = await new_mails(api)
    before = await stored()
    for method in ("GET", "HEAD", "GET"):
        looked = await api.http.request(method, mail.path())
        assert looked.status_code == 200
    assert (await api.http.request("OPTIONS", mail.path())).status_code == 405
    assert await stored() == before
    page = Page((await api.http.get(mail.path())).text)
    assert "ann@acme.example" in page.words
    assert "Acme" in page.words
    api.clock.advance(HOUR)
    assert (await press(api, mail.path())).state == "DONE"
    found = await contact(api, made["id"], "isEmailVerified emailVerifiedAt version")
    at = (START + HOUR).isoformat()
    assert found == {"isEmailVerified": True, "emailVerifiedAt": at, "version": 1}


async def test_a_preference_is_confirmed_for_a_verified_address_and_names_its_documents(
    api: Api,
) -> None:
    """R60, R61, A1."""
    contact_id = await verified(api)
    mail = await asked(api, contact_id, documents=["USAGE_FILES", "BILL", "BILL"])
    pending = await contact(api, contact_id, f"{PREFERENCE} preferenceHistory {{ kind }}")
    assert pending["attachmentPreference"]["isConfirmed"] is False
    assert pending["preferenceHistory"] == [{"kind": "REQUESTED"}]
    page = Page((await api.http.get(mail.path())).text)
    assert "Itemised bills" in page.words
    assert "CDR ZIP" not in page.words
    api.clock.advance(HOUR)
    await press(api, mail.path())
    found = await contact(
        api,
        contact_id,
        f"{PREFERENCE} preferenceHistory {{ kind recordedBy documents recordedAt }}",
    )
    at = (START + HOUR).isoformat()
    assert found == {
        "attachmentPreference": {
            "isConfirmed": True,
            "documents": ["BILL", "USAGE_FILES"],
            "since": at,
            "entry": {"kind": "CONFIRMED", "recordedBy": "contact", "recordedById": contact_id},
        },
        "preferenceHistory": [
            {
                "kind": "REQUESTED",
                "recordedBy": "Tess Tester",
                "documents": ["BILL", "USAGE_FILES"],
                "recordedAt": NOW,
            },
            {
                "kind": "CONFIRMED",
                "recordedBy": "contact",
                "documents": ["BILL", "USAGE_FILES"],
                "recordedAt": at,
            },
        ],
    }


async def test_a_preference_covers_all_documents_unless_told(api: Api) -> None:
    """A1."""
    contact_id = await verified(api)
    await press(api, (await asked(api, contact_id)).path())
    found = await contact(api, contact_id, "attachmentPreference { documents }")
    assert found == {"attachmentPreference": {"documents": ALL}}
    none: Json = {"contactId": contact_id, "documents": []}
    await api.refused("requestAttachmentPreference", "TOO_FEW_ITEMS", **none)


async def test_what_can_not_be_asked_is_refused_and_nothing_is_mailed(api: Api) -> None:
    """R61, R77."""
    customer = await api.save_customer()
    made = await save(api, customerId=customer["id"])
    (refusal,) = await api.refused(
        "requestAttachmentPreference", "EMAIL_NOT_VERIFIED", contactId=made["id"]
    )
    assert refusal["hint"] == "Use `requestEmailVerification` first."
    for mutation in ("requestEmailVerification", "requestAttachmentPreference"):
        bare = await save(api, customerId=customer["id"], email=None)
        await api.refused(mutation, "EMAIL_MISSING", contactId=bare["id"])
        idle = await save(api, customerId=customer["id"], isActive=False)
        await api.refused(mutation, "CONTACT_INACTIVE", contactId=idle["id"])
        await api.refused(mutation, "VERSION_CONFLICT", contactId=made["id"], expectedVersion=9)
    contact_id = await verified(api)
    await api.refused("requestEmailVerification", "EMAIL_ALREADY_VERIFIED", contactId=contact_id)


async def test_a_dry_run_mails_nothing_and_keeps_nothing(api: Api) -> None:
    customer = await api.save_customer()
    made = await save(api, customerId=customer["id"])
    before = await stored()
    await api.done("requestEmailVerification", "", contactId=made["id"], dryRun=True)
    payload = await api.done(
        "saveContact", "contact { email }", id=made["id"], email="b@acme.example", dryRun=True
    )
    assert payload["contact"] == {"email": "b@acme.example"}
    await api.done("deleteContact", "", id=made["id"], dryRun=True)
    assert await stored() == before
    assert await new_mails(api) == []


async def test_another_address_resets_verification_and_preference(api: Api) -> None:
    """R62: links that were sent to the old address have no effect."""
    contact_id = await verified(api)
    first = await asked(api, contact_id)
    await press(api, first.path())
    waiting = await asked(api, contact_id, documents=["BILL"])
    await save(api, id=contact_id, email="new@acme.example")
    found = await contact(
        api, contact_id, f"isEmailVerified {PREFERENCE} preferenceHistory {{ kind }}"
    )
    assert found["isEmailVerified"] is False
    assert found["attachmentPreference"]["isConfirmed"] is False
    assert [one["kind"] for one in found["preferenceHistory"]] == [
        "REQUESTED",
        "CONFIRMED",
        "REQUESTED",
        "RESET",
    ]
    before = await stored()
    assert (await press(api, waiting.path(), 410)).state == "ADDRESS_CHANGED"
    assert (await press(api, first.path(), 410)).state == "DONE_BUT_OVER"
    assert (await press(api, first.path(1), 410)).state == "ADDRESS_CHANGED"
    assert await stored() == before
    await save(api, id=contact_id, email="ann@acme.example")
    assert (await contact(api, contact_id, "isEmailVerified")) == {"isEmailVerified": False}
    assert (await press(api, waiting.path(), 410)).state == "ADDRESS_CHANGED"


async def test_a_mail_that_has_not_gone_when_the_address_changes_never_goes(api: Api) -> None:
    """R62."""
    customer = await api.save_customer()
    made = await save(api, customerId=customer["id"])
    await api.done("requestEmailVerification", "", contactId=made["id"])
    await save(api, id=made["id"], email="new@acme.example")
    assert await new_mails(api) == []
    assert (await Job.get()).state == "CANCELLED"
    assert (await Confirmation.get()).mail_state == "CANCELLED"


@pytest.mark.parametrize("is_confirmed", [True, False])
async def test_a_contact_withdraws_by_the_link_in_the_mail(api: Api, is_confirmed: bool) -> None:
    """R63: whether the preference was confirmed or not."""
    contact_id = await verified(api)
    mail = await asked(api, contact_id)
    if is_confirmed:
        await press(api, mail.path())
    before = await stored()
    looked = await api.http.get(mail.path(1))
    assert (looked.status_code, Page(looked.text).state) == (200, "OPEN")
    assert await stored() == before
    api.clock.advance(timedelta(days=400))
    assert (await press(api, mail.path(1))).state == "DONE"
    found = await contact(api, contact_id, f"{PREFERENCE} preferenceHistory {{ kind recordedBy }}")
    assert found["attachmentPreference"] == {
        "isConfirmed": False,
        "documents": [],
        "since": api.clock().isoformat(),
        "entry": {"kind": "WITHDRAWN", "recordedBy": "contact", "recordedById": contact_id},
    }
    after = await stored()
    again = await press(api, mail.path(1))
    assert (again.state, "already" in again.words.lower()) == ("DONE", True)
    wanted = "DONE_BUT_OVER" if is_confirmed else "WITHDRAWN"
    assert (await press(api, mail.path(), 410)).state == wanted
    assert await stored() == after


async def test_staff_withdraw_for_a_reason_and_twice_is_harmless(api: Api) -> None:
    """R63."""
    contact_id = await verified(api)
    await press(api, (await asked(api, contact_id)).path())
    payload = await api.done(
        "withdrawAttachmentPreference",
        f"contact {{ {PREFERENCE} auditTrail {{ nodes {{ operation reason }} }} }}",
        contactId=contact_id,
        reason="Asked by phone",
    )
    found = payload["contact"]
    assert found["attachmentPreference"]["isConfirmed"] is False
    assert found["auditTrail"]["nodes"][0] == {
        "operation": "PREFERENCE_WITHDRAWN",
        "reason": "Asked by phone",
    }
    before = await stored()
    await api.done("withdrawAttachmentPreference", "", contactId=contact_id)
    assert await stored() == before
    await api.refused(
        "withdrawAttachmentPreference", "TOO_LONG", contactId=contact_id, reason="x" * 1001
    )


async def test_a_newer_mail_takes_the_place_of_an_older_one(api: Api) -> None:
    """R67."""
    contact_id = await verified(api)
    old = await asked(api, contact_id)
    new = await asked(api, contact_id, documents=["BILL"])
    assert (await press(api, old.path(), 410)).state == "SUPERSEDED"
    await press(api, new.path())
    assert (await press(api, old.path(), 410)).state == "SUPERSEDED"
    found = await contact(api, contact_id, "attachmentPreference { documents }")
    assert found["attachmentPreference"]["documents"] == ["BILL"]


async def test_a_double_click_is_harmless(api: Api) -> None:
    """R67: it makes one entry, and the page says that it was already done."""
    contact_id = await verified(api)
    mail = await asked(api, contact_id)
    first = await press(api, mail.path())
    after = await stored()
    api.clock.advance(HOUR)
    for page in (await press(api, mail.path()), Page((await api.http.get(mail.path())).text)):
        assert page.state == "DONE"
        assert "already" in page.words.lower()
        assert [(form["action"] or "")[:12] for form in page.forms] == ["../withdraw/"]
    assert "already" not in first.words.lower()
    assert await stored() == after


async def test_an_expired_link_changes_nothing(api: Api) -> None:
    """R67: to the microsecond."""
    contact_id = await verified(api)
    mail = await asked(api, contact_id)
    api.clock.advance(timedelta(hours=72))
    before = await stored()
    assert (await press(api, mail.path(), 410)).state == "EXPIRED"
    assert await stored() == before
    api.clock.now -= timedelta(microseconds=1)
    assert (await press(api, mail.path())).state == "DONE"


async def test_requests_are_limited_for_a_contact(api: Api) -> None:
    customer = await api.save_customer()
    made = await save(api, customerId=customer["id"])
    for number in range(5):
        await save(api, id=made["id"], email=f"ann{number}@acme.example")
        await api.done("requestEmailVerification", "", contactId=made["id"])
        api.clock.advance(timedelta(minutes=1))
    (refusal,) = await api.refused(
        "requestEmailVerification", "TOO_MANY_REQUESTS", contactId=made["id"]
    )
    assert refusal["retryable"] is True
    assert refusal["hint"] == f"Try again after {(START + HOUR).isoformat()}."
    api.clock.now = START + HOUR
    await api.done("requestEmailVerification", "", contactId=made["id"])
    await api.refused("requestEmailVerification", "TOO_MANY_REQUESTS", contactId=made["id"])


async def test_requests_are_limited_for_an_address_whoever_has_it(api: Api) -> None:
    customer = await api.save_customer()
    for email in ("shared@acme.example", "Shared@acme.example") * 2 + ("shared@acme.example",):
        made = await save(api, customerId=customer["id"], email=email)
        await api.done("requestEmailVerification", "", contactId=made["id"])
    other = await save(api, customerId=customer["id"], email="SHARED@acme.example")
    await api.refused("requestEmailVerification", "TOO_MANY_REQUESTS", contactId=other["id"])


async def test_no_answer_of_the_api_holds_a_token(api: Api) -> None:
    """R67: no field returns it, and no row stores it."""
    contact_id = await verified(api)
    mail = await asked(api, contact_id)
    tokens = [link.rsplit("/", 1)[1] for link in mail.links]
    assert [len(token) for token in tokens] == [43, 43]
    rows = repr(await stored())
    answer = repr(await contact(api, contact_id, f"{CONTACT} auditTrail {{ nodes {{ after }} }}"))
    for token in tokens:
        assert token not in rows
        assert token not in answer


async def test_contacts_need_a_scope_of_their_own(api: Api) -> None:
    """R93, R95: names and addresses are personal."""
    customer = await api.save_customer()
    made = await save(api, customerId=customer["id"])
    outsider = await api.token_for(Scope.CUSTOMERS_WRITE)
    query = "query($id: ID) { customer(id: $id) { name contacts { email } } }"
    error = await api.error(query, token=outsider, id=customer["id"])
    assert error["extensions"]["requiredScopes"] == ["CONTACTS_READ"]
    node = "query($id: ID!) { node(id: $id) { ... on Contact { email customer { name } } } }"
    assert await api.data(node, token=outsider, id=made["id"]) == {"node": None}
    reader = await api.token_for(Scope.CONTACTS_READ)
    error = await api.error(node, token=reader, id=made["id"])
    assert error["extensions"]["requiredScopes"] == ["CUSTOMERS_READ"]
    found = await api.data(node.replace("customer { name }", ""), token=reader, id=made["id"])
    assert found == {"node": {"email": "ann@acme.example"}}


async def test_a_page_of_customers_reads_contacts_and_preferences_once(api: Api) -> None:
    """20 customers of three contacts need no more statements than a few customers."""
    for number in range(20):
        customer = await api.save_customer(name=f"C{number:02}")
        for name in "abc":
            email = f"{name}{number}@acme.example"
            await save(api, customerId=customer["id"], name=name, email=email)
    (query, counts) = (
        f"query($n: Int) {{ customers(first: $n) {{ nodes {{ contacts {{ {CONTACT} }} }} }} }}",
        [],
    )
    await api.data(query, n=1)
    for first in (FEW + 1, 20):
        with counted_statements() as seen:
            data = await api.data(query, n=first)
        assert sum(len(one["contacts"]) for one in data["customers"]["nodes"]) == 3 * first
        counts.append(len(seen))
    # The page, contacts with their customer, histories, and preferences.
    assert counts == [4, 4]
