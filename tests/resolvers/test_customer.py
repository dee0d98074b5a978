"""Creating, editing, moving and deleting customers through the API."""

import asyncio
import re
from datetime import timedelta

import pytest

from models import CustomerClass
from models.tables.access import Scope
from tests.clock import START
from tests.graphql_client import Api, Json, stored
from tests.mutations import GRANT

CUSTOMER = """
  accountNumber externalReference name companyNumber customerClass { code } labels subscriberKind
  invoiceWording parent { id } suggestions { id } advisories { code } createdAt lastModifiedAt
  version enrichment { status reason attempts }
  profile { registeredAddress { value { lines } } employees { value } sicCodes }
"""
MADE_NUMBER = re.compile(r"CU-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}")
NOW = START.isoformat()


async def test_a_customer_needs_a_name_and_a_class(api: Api) -> None:
    """R24, R25, R27, R31: the first assignment is row one of the history."""
    payload = await api.done(
        "saveCustomer",
        f"customer {{ id {CUSTOMER} classHistory {{ from {{ id }} to {{ code }} reason changedBy"
        " changedAt changesSubscriberKind } }",
        name=" Acme ",
        classCode="RESELLER_SOLE_TRADER",
    )
    created = payload["customer"]
    assert created.pop("id").startswith("cus_")
    assert MADE_NUMBER.fullmatch(created.pop("accountNumber"))
    assert created == {
        "externalReference": None,
        "name": "Acme",
        "companyNumber": None,
        "customerClass": {"code": "RESELLER_SOLE_TRADER"},
        "labels": ["INDIVIDUAL", "SOLE_TRADER", "RESELLER"],
        "subscriberKind": "INDIVIDUAL",
        "invoiceWording": "RESELLER",
        "parent": None,
        "suggestions": [],
        "advisories": [],
        "createdAt": NOW,
        "lastModifiedAt": NOW,
        "version": 1,
        "enrichment": {"status": "NOT_APPLICABLE", "reason": None, "attempts": 0},
        "profile": {"registeredAddress": None, "employees": None, "sicCodes": []},
        "classHistory": [
            {
                "from": None,
                "to": {"code": "RESELLER_SOLE_TRADER"},
                "reason": "First assignment",
                "changedBy": "Tess Tester",
                "changedAt": NOW,
                "changesSubscriberKind": False,
            }
        ],
    }


async def test_what_a_customer_can_not_be_is_refused_with_the_field_at_fault(api: Api) -> None:
    """R24, R32, R88."""
    await api.save_customer(accountNumber="A-1")
    charity = await api.save_customer(name="No reseller")
    new: Json = {"name": "New", "classCode": "CHARITY"}
    cases: list[tuple[Json, str, list[str]]] = [
        ({"name": "New"}, "CLASS_REQUIRED", ["classId"]),
        ({"classCode": "CHARITY"}, "REQUIRED", ["name"]),
        (new | {"name": "\t"}, "BLANK", ["name"]),
        (new | {"name": "x" * 201}, "TOO_LONG", ["name"]),
        ({"name": "New", "classCode": "NOTHING"}, "NOT_FOUND", ["classCode"]),
        ({"name": "New", "classId": "cls_x"}, "NOT_FOUND", ["classId"]),
        (new | {"accountNumber": "A-1"}, "ALREADY_EXISTS", ["accountNumber"]),
        (new | {"accountNumber": " A-1 "}, "ALREADY_EXISTS", ["accountNumber"]),
        (new | {"accountNumber": " "}, "BLANK", ["accountNumber"]),
        (new | {"accountNumber": "x" * 65}, "TOO_LONG", ["accountNumber"]),
        (new | {"externalReference": "x" * 201}, "TOO_LONG", ["externalReference"]),
        (new | {"parentId": "cus_x"}, "NOT_FOUND", ["parentId"]),
        (new | {"parentId": charity["id"]}, "INVALID_PARENT", ["parentId"]),
        (new | {"templateId": "tpl_x"}, "NOT_FOUND", ["templateId"]),
        ({"id": "cus_x", "name": "New"}, "NOT_FOUND", ["id"]),
        ({"id": charity["id"], "name": None}, "REQUIRED", ["name"]),
        ({"id": charity["id"], "accountNumber": None}, "REQUIRED", ["accountNumber"]),
        ({"id": charity["id"], "accountNumber": "A-1"}, "ALREADY_EXISTS", ["accountNumber"]),
        ({"id": charity["id"], "classCode": None}, "CLASS_REQUIRED", ["classCode"]),
        ({"id": charity["id"], "classId": None}, "CLASS_REQUIRED", ["classId"]),
        (
            {"id": charity["id"], "classCode": "RESIDENTIAL"},
            "CLASS_CHANGE_NEEDS_REASON",
            ["classCode"],
        ),
    ]
    for values, code, path in cases:
        (refusal,) = await api.refused("saveCustomer", code, **values)
        assert (refusal["path"], refusal["retryable"]) == (path, False), values


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("101", "00000101"),
        (" 01 234-567 ", "01234567"),
        ("sc 110", "SC000110"),
        ("oc000310", "OC000310"),
        ("r1", "R0000001"),
        ("", None),
        ("  ", None),
    ],
)
async def test_a_company_number_is_kept_as_the_register_writes_it(
    api: Api, written: str, kept: str | None
) -> None:
    """R88."""
    saved = await api.save_customer("companyNumber", companyNumber=written)
    assert saved == {"companyNumber": kept}


async def test_what_can_be_no_company_number_is_refused_with_a_hint(api: Api) -> None:
    """R88."""
    odd = ("0", "123456789", "ABC", "12E45678", "0x1", "\u0661\u0662", "S\u0421000110")
    for written in (*odd, "9000001.0", "VODAFONE", "123\n456"):
        (refusal,) = await api.refused(
            "saveCustomer",
            "INVALID_COMPANY_NUMBER",
            name="New",
            classCode="CHARITY",
            companyNumber=written,
        )
        assert refusal["path"] == ["companyNumber"]
        assert "SC123456" in refusal["hint"]
    error = await api.error('{ customers(filter: { companyNumber: "ABC" }) { totalCount } }')
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_an_edit_changes_what_is_sent_and_null_clears(api: Api) -> None:
    """R2, R21: a save that changes nothing does not change Last Modified."""
    reseller = await api.save_customer(name="Reseller", classCode="RESELLER_OTHER")
    customer = await api.save_customer(
        f"id {CUSTOMER}",
        externalReference="crm-1",
        companyNumber="101",
        parentId=reseller["id"],
        profile={"employees": 7, "registeredAddress": {"addressLine1": "1 High St"}},
    )
    api.clock.advance(timedelta(hours=1))
    same = await api.save_customer(f"id {CUSTOMER}", id=customer["id"], name="Acme")
    assert same == customer
    later = api.clock.advance(timedelta(hours=1))
    renamed = await api.save_customer(f"id {CUSTOMER}", id=customer["id"], name="Bcme")
    assert renamed == customer | {
        "name": "Bcme",
        "version": 2,
        "lastModifiedAt": later.isoformat(),
    }
    cleared = await api.save_customer(
        f"id {CUSTOMER}",
        id=customer["id"],
        externalReference=None,
        companyNumber=None,
        parentId=None,
        profile={"employees": None},
    )
    assert cleared == renamed | {
        "externalReference": None,
        "companyNumber": None,
        "parent": None,
        "version": 3,
        "profile": customer["profile"] | {"employees": None},
    }
    select = "auditTrail { nodes { operation before after actorName } }"
    trail = await api.customer(customer["id"], select)
    assert trail["auditTrail"]["nodes"][1] == {
        "operation": "CUSTOMER_EDITED",
        "before": {"name": "Acme"},
        "after": {"name": "Bcme"},
        "actorName": "Tess Tester",
    }


async def test_the_same_class_may_be_sent_again_with_an_edit(api: Api) -> None:
    """R28."""
    customer = await api.save_customer("id customerClass { id }")
    saved = await api.save_customer(
        "version classHistory { reason }",
        id=customer["id"],
        classCode="CHARITY",
        classId=customer["customerClass"]["id"],
    )
    assert saved == {"version": 1, "classHistory": [{"reason": "First assignment"}]}


async def test_account_numbers_are_made_and_never_twice(api: Api) -> None:
    made = [(await api.save_customer("accountNumber"))["accountNumber"] for _ in range(30)]
    assert len(set(made)) == 30
    assert all(MADE_NUMBER.fullmatch(number) for number in made)
    own = await api.save_customer("id accountNumber", accountNumber=" Mine-1 ")
    assert own["accountNumber"] == "Mine-1"
    found = await api.data("query($n: String) { customer(accountNumber: $n) { id } }", n="Mine-1")
    assert found["customer"] == {"id": own["id"]}


async def test_account_numbers_are_the_same_whatever_their_case_and_invisible_characters(
    api: Api,
) -> None:
    own = await api.save_customer("id accountNumber", accountNumber="ACC-1")
    other = await api.save_customer(accountNumber="OTHER")
    for number in ("acc-1", "Acc-1\u200b", "AC\u2060C-1"):
        for values in ({"classCode": "CHARITY", "name": "New"}, {"id": other["id"]}):
            (refusal,) = await api.refused(
                "saveCustomer", "ALREADY_EXISTS", accountNumber=number, **values
            )
            assert refusal["path"] == ["accountNumber"]
        found = await api.data("query($n: String) { customer(accountNumber: $n) { id } }", n=number)
        assert found["customer"] == {"id": own["id"]}
    # its own number may be sent again
    saved = await api.save_customer("accountNumber", id=own["id"], accountNumber="acc-1")
    assert saved == {"accountNumber": "acc-1"}


async def test_values_that_a_user_types_are_checked_and_kept_as_the_users(api: Api) -> None:
    """R86."""
    profile = """
      profile {
        registeredAddress { source retrievedAt value { addressLine1 postalCode lines } }
        incorporatedOn { source value } employees { source value isDerived warnings }
        netAssets { source value currency periodEndOn } fixedAssets { value currency }
      }
    """
    saved = await api.save_customer(
        profile,
        profile={
            "registeredAddress": {"addressLine1": " 1 High St ", "postalCode": "ZZ1 1ZZ"},
            "incorporatedOn": "2001-02-03",
            "employees": 0,
            "netAssets": {"value": "-12.50", "periodEndOn": "2025-12-31"},
            "fixedAssets": {"value": "999999999999999", "currency": "EUR"},
        },
    )
    assert saved["profile"] == {
        "registeredAddress": {
            "source": "USER",
            "retrievedAt": NOW,
            "value": {
                "addressLine1": "1 High St",
                "postalCode": "ZZ1 1ZZ",
                "lines": ["1 High St", "ZZ1 1ZZ"],
            },
        },
        "incorporatedOn": {"source": "USER", "value": "2001-02-03"},
        "employees": {"source": "USER", "value": 0, "isDerived": False, "warnings": []},
        "netAssets": {
            "source": "USER",
            "value": "-12.50",
            "currency": "GBP",
            "periodEndOn": "2025-12-31",
        },
        "fixedAssets": {"value": "999999999999999", "currency": "EUR"},
    }
    value, currency = ("netAssets", "value"), ("netAssets", "currency")
    postcode, locality = ("registeredAddress", "postalCode"), ("registeredAddress", "locality")
    odd: list[tuple[Json, str, tuple[str, ...]]] = [
        ({"employees": -1}, "OUT_OF_RANGE", ("employees",)),
        ({"employees": 10_000_001}, "OUT_OF_RANGE", ("employees",)),
        ({"incorporatedOn": "2026-10-02"}, "IN_THE_FUTURE", ("incorporatedOn",)),
        ({"incorporatedOn": "9999-12-31"}, "IN_THE_FUTURE", ("incorporatedOn",)),
        ({"incorporatedOn": "0001-01-01"}, "OUT_OF_RANGE", ("incorporatedOn",)),
        ({"incorporatedOn": "0999-12-31"}, "OUT_OF_RANGE", ("incorporatedOn",)),
        ({"incorporatedOn": "2025-02-29"}, "BAD_FORMAT", ("incorporatedOn",)),
        ({"netAssets": {"value": "1e15"}}, "TOO_MANY_DIGITS", value),
        ({"netAssets": {"value": "0.001"}}, "TOO_PRECISE", value),
        ({"netAssets": {"value": "NaN"}}, "BAD_FORMAT", value),
        ({"netAssets": {"value": "Infinity"}}, "BAD_FORMAT", value),
        ({"netAssets": {"value": "sNaN"}}, "BAD_FORMAT", value),
        ({"netAssets": {"value": "1e1000000"}}, "TOO_MANY_DIGITS", value),
        ({"netAssets": {"value": "1", "currency": "gbp"}}, "UNSUPPORTED_CURRENCY", currency),
        ({"netAssets": {"value": "1", "currency": "XXX"}}, "UNSUPPORTED_CURRENCY", currency),
        ({"netAssets": {"value": "1", "currency": "XTS"}}, "UNSUPPORTED_CURRENCY", currency),
        ({"registeredAddress": {"postalCode": "S\u200bW1A 1AA"}}, "CONTROL_CHARACTERS", postcode),
        ({"registeredAddress": {"locality": "x" * 201}}, "TOO_LONG", locality),
    ]
    for typed, code, path in odd:
        (refusal,) = await api.refused(
            "saveCustomer", code, name="New", classCode="CHARITY", profile=typed
        )
        assert refusal["path"] == ["profile", *path]


@pytest.mark.parametrize(
    ("written", "read"),
    [("0E-1000000", "0.00"), ("0." + "0" * 41, "0.00"), ("2e3", "2000"), (7, "7"), (0.1, "0.1")],
)
async def test_amounts_are_stored_and_shown_in_plain_digits(
    api: Api, written: str | float, read: str
) -> None:
    """R86."""
    select = "profile { netAssets { value } }"
    saved = await api.save_customer(select, profile={"netAssets": {"value": written}})
    assert saved["profile"]["netAssets"]["value"] == read
    assert len(repr(await stored())) < 10_000


async def test_what_is_no_amount_is_the_callers_fault(api: Api) -> None:
    before = await stored()
    for written in ('"abc"', '"1_000"', '"\uff11"', "true", "[1]", '"1e99999999999999999999"'):
        error = await api.error(
            'mutation { saveCustomer(input: { name: "A", classCode: "CHARITY", profile: {'
            f" netAssets: {{ value: {written} }} }} }}) {{ customer {{ id }} }} }}"
        )
        assert error["extensions"]["code"] != "INTERNAL_ERROR", written
    assert await stored() == before


async def test_a_correction_of_spelling_or_of_a_date_is_kept(api: Api) -> None:
    """R86: and sending the same again is no change."""
    select = (
        "id version profile { registeredAddress { value { lines } }"
        " netAssets { value currency periodEndOn } }"
    )
    first: Json = {
        "registeredAddress": {"addressLine1": "1 HIGH STREET", "locality": "LEEDS"},
        "netAssets": {"value": "5", "periodEndOn": "2025-12-31"},
    }
    second: Json = {
        "registeredAddress": {"addressLine1": "1 High Street", "locality": "Leeds"},
        "netAssets": {"value": "5", "periodEndOn": "2024-12-31", "currency": "EUR"},
    }
    saved = await api.save_customer(select, profile=first)
    for _ in range(2):
        again = await api.save_customer(select, id=saved["id"], profile=second)
        assert again["version"] == 2
        assert again["profile"] == {
            "registeredAddress": {"value": {"lines": ["1 High Street", "Leeds"]}},
            "netAssets": {"value": "5", "currency": "EUR", "periodEndOn": "2024-12-31"},
        }


async def test_a_move_is_recorded_with_its_reason(api: Api) -> None:
    """R27, R29, R30."""
    customer = await api.save_customer()
    residential = await api.class_of("RESIDENTIAL")
    values = {"customerId": customer["id"], "classId": residential["id"]}
    await api.refused("changeCustomerClass", "BLANK", **values, reason=" ")
    await api.refused(
        "changeCustomerClass",
        *("NOT_FOUND", "NOT_FOUND", "BLANK"),
        customerId="cus_x",
        classId="cls_x",
        reason=" ",
    )
    await api.refused(
        "changeCustomerClass",
        "NOT_FOUND",
        customerId=customer["id"],
        classId="cls_x",
        reason="x",
    )
    later = api.clock.advance(timedelta(hours=1))
    await api.done("recordConsent", "", customerId=customer["id"], **GRANT)
    select = "customer { version labels customerClass { code } } advisories { code message }"
    before = await stored()
    tried = await api.done("changeCustomerClass", select, **values, reason="Moved", dryRun=True)
    assert await stored() == before
    done = await api.done("changeCustomerClass", select, **values, reason=" Moved ")
    assert {**tried, "customer": {**tried["customer"], "version": 3}} == done
    assert tried["customer"]["version"] == 2
    assert done["customer"] == {
        "version": 3,
        "labels": ["INDIVIDUAL"],
        "customerClass": {"code": "RESIDENTIAL"},
    }
    assert [advisory["code"] for advisory in done["advisories"]] == ["REVIEW_CONSENT"]
    history = await api.customer(
        customer["id"],
        "classHistory { from { code } to { code } reason changedAt changesSubscriberKind }",
    )
    assert history["classHistory"][1] == {
        "from": {"code": "CHARITY"},
        "to": {"code": "RESIDENTIAL"},
        "reason": "Moved",
        "changedAt": later.isoformat(),
        "changesSubscriberKind": True,
    }


async def test_the_same_class_again_is_no_move(api: Api) -> None:
    """R28."""
    customer = await api.save_customer("id customerClass { id }")
    before = await stored()
    done = await api.done(
        "changeCustomerClass",
        "customer { version }",
        customerId=customer["id"],
        classId=customer["customerClass"]["id"],
        reason="",
    )
    assert done["customer"] == {"version": 1}
    assert await stored() == before


async def test_a_customer_of_a_retired_class_can_still_be_saved(api: Api) -> None:
    """R26."""
    own = await api.save_class()
    customer = await api.save_customer(classId=own["id"])
    await CustomerClass.filter(id=own["id"]).update(retired_at=api.clock())
    saved = await api.save_customer("name version", id=customer["id"], name="Still here")
    assert saved == {"name": "Still here", "version": 2}


async def test_a_parent_is_another_customer_in_a_reseller_class(api: Api) -> None:
    """R32."""
    top = await api.save_customer(name="Top", classCode="RESELLER_OTHER")
    middle = await api.save_customer(
        name="Middle", classCode="RESELLER_UK_COMPANY", parentId=top["id"]
    )
    leaf = await api.save_customer(
        "id parent { name parent { name parent { id } } }", parentId=middle["id"]
    )
    assert leaf["parent"] == {"name": "Middle", "parent": {"name": "Top", "parent": None}}
    for parent in (top, middle):
        (refusal,) = await api.refused(
            "saveCustomer", "INVALID_PARENT", id=top["id"], parentId=parent["id"]
        )
        assert refusal["path"] == ["parentId"]
    charity = await api.class_of("CHARITY")
    (of_class,) = await api.refused(
        "changeCustomerClass",
        "CUSTOMER_HAS_CHILDREN",
        customerId=middle["id"],
        classId=charity["id"],
        reason="x",
    )
    (of_end,) = await api.refused("deleteCustomer", "CUSTOMER_HAS_CHILDREN", id=top["id"])
    assert [of_class["path"], of_end["path"]] == [["classId"], ["id"]]


async def test_deleting_erases_what_is_personal_and_keeps_the_history(api: Api) -> None:
    """R35, R96."""
    customer = await api.save_customer(name="Secret Name", accountNumber="SECRET-1")
    before = await stored()
    await api.done("deleteCustomer", "deletedId", id=customer["id"], dryRun=True)
    assert await stored() == before
    done = await api.done("deleteCustomer", "deletedId customer { id }", id=customer["id"])
    assert done == {"deletedId": customer["id"], "customer": None, "userErrors": []}
    after = await stored()
    assert "Secret" not in repr(after)
    assert "SECRET" not in repr(after)
    assert len(after["ClassChange"]) == 1
    assert {row["operation"] for row in after["AuditEntry"]} == {
        "customer.created",
        "customer.deleted",
    }
    for mutation, values in (
        ("deleteCustomer", {"id": customer["id"]}),
        ("saveCustomer", {"id": customer["id"], "name": "Back"}),
    ):
        await api.refused(mutation, "NOT_FOUND", **values)
    again = await api.save_customer("accountNumber", accountNumber="SECRET-1")
    assert again["accountNumber"] == "SECRET-1"


async def test_a_stale_version_is_refused_with_the_customer_as_it_is(api: Api) -> None:
    """R101."""
    customer = await api.save_customer()
    await api.save_customer(id=customer["id"], name="Somebody else's")
    residential = await api.class_of("RESIDENTIAL")
    stale: list[tuple[str, Json]] = [
        ("saveCustomer", {"id": customer["id"], "name": "Mine"}),
        (
            "changeCustomerClass",
            {"customerId": customer["id"], "classId": residential["id"], "reason": "x"},
        ),
        ("deleteCustomer", {"id": customer["id"]}),
    ]
    for mutation, values in stale:
        before = await stored()
        payload = await api.do(mutation, "customer { name version }", **values, expectedVersion=1)
        assert payload["customer"] == {"name": "Somebody else's", "version": 2}
        (refusal,) = payload["userErrors"]
        assert (refusal["code"], refusal["retryable"]) == ("VERSION_CONFLICT", True)
        assert await stored() == before
    for mutation, values in stale[:1]:
        await api.done(mutation, "", **values, expectedVersion=2)


async def test_of_many_edits_of_one_version_one_is_done(api: Api) -> None:
    """R101: nothing is lost silently."""
    customer = await api.save_customer()
    payloads = await asyncio.gather(
        *(
            api.do(
                "saveCustomer",
                "customer { name version }",
                id=customer["id"],
                name=f"Name {number}",
                expectedVersion=1,
            )
            for number in range(8)
        )
    )
    won = [p["customer"]["name"] for p in payloads if not p["userErrors"]]
    assert len(won) == 1
    assert await api.customer(customer["id"], "name version") == {"name": won[0], "version": 2}
    lost = [p["customer"] for p in payloads if p["userErrors"]]
    assert lost == [{"name": won[0], "version": 2}] * 7


async def test_a_customer_is_asked_for_by_id_or_by_account_number(api: Api) -> None:
    for arguments in ("", '(id: "x", accountNumber: "y")', "(id: null)"):
        error = await api.error(f"{{ customer{arguments} {{ id }} }}")
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}


async def test_a_template_and_the_platform_fill_in_what_is_not_said(api: Api) -> None:
    """R24."""
    reseller = await api.save_customer(name="Reseller", classCode="RESELLER_OTHER")
    charity, public = [await api.class_of(code) for code in ("CHARITY", "PUBLIC_SECTOR")]
    both = await api.done(
        "saveCustomerTemplate",
        "customerTemplate { id version customerClass { code } parent { name } }",
        name="Both",
        classId=charity["id"],
        parentId=reseller["id"],
    )
    template = both["customerTemplate"]
    assert (template["version"], template["customerClass"], template["parent"]) == (
        1,
        {"code": "CHARITY"},
        {"name": "Reseller"},
    )
    bare = await api.done("saveCustomerTemplate", "customerTemplate { id }", name="Bare")
    bare_id = bare["customerTemplate"]["id"]
    await api.refused("saveCustomer", "CLASS_REQUIRED", name="New", templateId=bare_id)
    defaults = await api.done(
        "savePlatformDefaults",
        "platformDefaults { version customerClass { code } }",
        classId=public["id"],
    )
    assert defaults["platformDefaults"] == {
        "version": 2,
        "customerClass": {"code": "PUBLIC_SECTOR"},
    }
    select = "customer { customerClass { code } parent { name } }"
    cases: list[tuple[Json, str, Json | None]] = [
        ({}, "PUBLIC_SECTOR", None),
        ({"templateId": bare_id}, "PUBLIC_SECTOR", None),
        ({"templateId": template["id"]}, "CHARITY", {"name": "Reseller"}),
        ({"templateId": template["id"], "classCode": "RESIDENTIAL"}, "RESIDENTIAL", None),
        ({"templateId": template["id"], "parentId": None}, "CHARITY", None),
    ]
    for values, code, parent in cases:
        made = (await api.done("saveCustomer", select, name="New", **values))["customer"]
        assert made["customerClass"] == {"code": code}
        if "classCode" not in values:
            assert made["parent"] == parent


async def test_templates_are_edited_and_deleted_like_everything_else(api: Api) -> None:
    """R101."""
    charity = await api.class_of("CHARITY")
    saved = await api.done("saveCustomerTemplate", "customerTemplate { id }", name="Big")
    template_id = saved["customerTemplate"]["id"]
    await api.refused("saveCustomerTemplate", "ALREADY_EXISTS", name="bIG")
    await api.refused("saveCustomerTemplate", "BLANK", name="")
    await api.refused("saveCustomerTemplate", "NOT_FOUND", id="tpl_x", name="X")
    await api.refused("saveCustomerTemplate", "NOT_FOUND", name="X", classId="cls_x")
    edited = await api.done(
        "saveCustomerTemplate",
        "customerTemplate { name version customerClass { code } }",
        id=template_id,
        classId=charity["id"],
        expectedVersion=1,
    )
    assert edited["customerTemplate"] == {
        "name": "Big",
        "version": 2,
        "customerClass": {"code": "CHARITY"},
    }
    for mutation, values in (
        ("saveCustomerTemplate", {"name": "X"}),
        ("deleteCustomerTemplate", {}),
    ):
        before = await stored()
        payload = await api.do(
            mutation, "customerTemplate { version }", id=template_id, expectedVersion=1, **values
        )
        assert payload["customerTemplate"] == {"version": 2}
        assert [error["code"] for error in payload["userErrors"]] == ["VERSION_CONFLICT"]
        assert await stored() == before
    gone = await api.done("deleteCustomerTemplate", "deletedId", id=template_id)
    assert gone["deletedId"] == template_id
    listed = await api.data("{ customerTemplates { totalCount } }")
    assert listed["customerTemplates"] == {"totalCount": 0}


async def test_a_value_longer_than_any_is_refused_and_not_logged(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "Jane Q Private " * 100
    before = await stored()
    deleted = await api.data(
        "mutation($x: ID!) { deleteCustomer(input: { id: $x }) { deletedId userErrors { code } } }",
        x=long,
    )
    assert deleted["deleteCustomer"] == {"deletedId": None, "userErrors": [{"code": "NOT_FOUND"}]}
    found = await api.data(
        "query($x: String!) { customer(accountNumber: $x) { id }"
        " customers(filter: { externalReference: $x }) { nodes { id } } }",
        x=long,
    )
    assert found == {"customer": None, "customers": {"nodes": []}}
    assert await stored() == before
    captured = capsys.readouterr()
    assert "Private" not in captured.out + captured.err


async def test_input_that_contradicts_itself_is_refused(api: Api) -> None:
    """R24, R101."""
    residential = await api.class_of("RESIDENTIAL")
    saved = await api.save_customer(name="B", classCode="CHARITY")
    contradictions: list[tuple[str, list[str], Json]] = [
        (
            "CONTRADICTORY_VALUES",
            ["classCode"],
            {"classCode": "CHARITY", "classId": residential["id"]},
        ),
        ("NOT_APPLICABLE", ["expectedVersion"], {"classCode": "CHARITY", "expectedVersion": 1}),
        ("NOT_APPLICABLE", ["templateId"], {"id": saved["id"], "templateId": "t"}),
    ]
    for code, path, given in contradictions:
        (refusal,) = await api.refused("saveCustomer", code, name="A", **given)
        assert refusal["path"] == path


async def test_an_empty_address_is_none_and_a_null_profile_takes_all_away(api: Api) -> None:
    """R86."""
    blanks = {"addressLine1": " ", "locality": "\u200b \u2060", "poBox": "\u3164"}
    profile = {"registeredAddress": blanks, "employees": 3}
    select = "id profile { registeredAddress { source } employees { value } }"
    saved = await api.save_customer(select, name="A", classCode="CHARITY", profile=profile)
    assert saved["profile"] == {"registeredAddress": None, "employees": {"value": 3}}
    saved = await api.save_customer(select, id=saved["id"], profile=None)
    assert saved["profile"] == {"registeredAddress": None, "employees": None}


async def test_a_reseller_that_is_none_any_more_leaves_the_templates(api: Api) -> None:
    """R32."""
    reseller = await api.save_customer(name="R", classCode="RESELLER_OTHER")
    await api.done(
        "saveCustomerTemplate", "customerTemplate { id }", name="T", parentId=reseller["id"]
    )
    await api.done(
        "changeCustomerClass",
        "customer { id }",
        customerId=reseller["id"],
        classId=(await api.class_of("CHARITY"))["id"],
        reason="Sells nothing on",
    )
    assert await api.data("{ customerTemplates { nodes { name parent { id } } } }") == {
        "customerTemplates": {"nodes": [{"name": "T", "parent": None}]}
    }


async def test_nobody_is_masked_where_personal_data_needs_no_scope(api: Api) -> None:
    """R93: this is the default."""
    token = await api.token_for(Scope.CUSTOMERS_READ)
    customer = await api.save_customer(name="Ann Example", classCode="SOLE_TRADER")
    document = """query($id: ID) { customer(id: $id) { name auditTrail { nodes { after } } }
      customers(filter: { text: "ann ex" }) { totalCount } }"""
    data = await api.data(document, token=token, id=customer["id"])
    assert data["customer"]["name"] == data["customer"]["auditTrail"]["nodes"][0]["after"]["name"]
    assert (data["customer"]["name"], data["customers"]["totalCount"]) == ("Ann Example", 1)


async def test_the_consent_of_an_existing_customer_is_not_saved_nor_cleared(api: Api) -> None:
    """R52: null would clear it, which needs a withdrawal with evidence."""
    customer = await api.save_customer(consent=GRANT)
    for consent in (GRANT, None):
        (refusal,) = await api.refused(
            "saveCustomer", "CONSENT_NOT_EDITABLE", id=customer["id"], name="B", consent=consent
        )
        assert refusal["path"] == ["consent"]
    await api.save_customer(id=customer["id"], name="B")
    made = await api.save_customer("consent { isGiven }", name="C", consent=None)
    assert made["consent"] == {"isGiven": False}
