"""Creating, editing, retiring and deleting customer classes through the API."""

from datetime import timedelta
from typing import Any

import pytest

from models import AuditEntry, Customer
from models.tables.access import Scope
from tests.clock import START
from tests.graphql_client import Api, Json, stored

CLASS = """
  id code name displayClass displayPosition isPersonalCustomer isSoleTrader isReseller
  checkCompaniesHouse isShipped isLegalIndividual isAssignable status createdAt lastModifiedAt
  version
"""
PERMISSIBILITY = """
  isAllowed blockers { code count } customersNowCount customersEverCount firstUsedAt lastUsedAt
"""
SAVED = f"customerClass {{ {CLASS} }} warnings affectedCustomerCount"
RETIRED = """
  customerClass { id status isAssignable version } replacement { name } movedCustomerCount
  queuedLookupCount reassignedTemplates { name customerClass { name } }
  clearedTemplates { name customerClass { name } } wasPlatformDefault
"""
LIST = """
  query($first: Int, $after: String, $filter: CustomerClassFilter) {
    customerClasses(first: $first, after: $after, filter: $filter) {
      totalCount nodes { name status } pageInfo { hasNextPage hasPreviousPage endCursor }
    }
  }
"""
SHIPPED = [
    "Residential / Consumer",
    "Self-Employed / Sole Trader",
    "Company (UK Limited)",
    "Company (UK PLC)",
    "Company (International)",
    "Public Sector",
    "Charity",
    "Reseller (UK Limited / PLC)",
    "Reseller (Sole Trader)",
    "Reseller (Other / International)",
]
CHOSEN = [
    ("", SHIPPED),
    ("(filter: {})", SHIPPED),
    ("(filter: { statuses: [ACTIVE] })", SHIPPED),
    ("(filter: { statuses: [RETIRED] })", ["Partnership"]),
    ("(filter: { statuses: [RETIRED, ACTIVE] })", ["Partnership", *SHIPPED]),
    ("(filter: { statuses: null })", ["Partnership", *SHIPPED]),
    ("(filter: { statuses: [] })", []),
    ("(status: ACTIVE)", SHIPPED),
    ("(status: null)", SHIPPED),
    ("(status: RETIRED)", ["Partnership"]),
    ("(status: RETIRED, filter: {})", []),  # both count
    ("(status: RETIRED, filter: { statuses: [ACTIVE] })", []),
    ("(status: RETIRED, filter: { statuses: null })", ["Partnership"]),
    ("(status: ACTIVE, filter: { statuses: [RETIRED] })", ["Partnership"]),  # the default
    ("(assignable: true)", SHIPPED),
    ("(assignable: false)", ["Partnership"]),  # without a filter
    ("(assignable: false, status: RETIRED)", ["Partnership"]),
    ("(assignable: true, status: RETIRED)", []),
    ("(assignable: true, filter: { statuses: null })", SHIPPED),
    ("(assignable: false, filter: { statuses: null })", ["Partnership"]),
    ("(assignable: false, filter: {})", []),
]
"""Arguments, and the classes that they list after the class Partnership was retired."""
NOW = START.isoformat()


async def listed(api: Api, **variables: Any) -> list[str]:
    """Return the names of the listed classes."""
    found = (await api.data(LIST, **variables))["customerClasses"]
    return [node["name"] for node in found["nodes"]]


async def permissibility(api: Api, class_id: str, replacement_id: str | None = None) -> Json:
    """Return the deletability and retirability of a class."""
    document = f"""
      query($id: ID, $to: ID) {{
        customerClass(id: $id) {{
          deletability {{ {PERMISSIBILITY} }}
          retirability(replacementId: $to) {{ {PERMISSIBILITY} }}
        }}
      }}
    """
    found: Json = (await api.data(document, id=class_id, to=replacement_id))["customerClass"]
    return found


def codes(permissible: Json) -> list[str]:
    """Return the codes of the reasons that prevent an action."""
    assert permissible["isAllowed"] is (permissible["blockers"] == [])
    return [blocker["code"] for blocker in permissible["blockers"]]


async def test_a_class_needs_no_more_than_a_name(api: Api) -> None:
    """R1, R3, R20."""
    payload = await api.done("saveCustomerClass", SAVED, name="  Partnership ")
    created = payload["customerClass"]
    assert created.pop("id").startswith("cls_")
    assert created == {
        "code": None,
        "name": "Partnership",
        "displayClass": None,
        "displayPosition": 0,
        "isPersonalCustomer": False,
        "isSoleTrader": False,
        "isReseller": False,
        "checkCompaniesHouse": False,
        "isShipped": False,
        "isLegalIndividual": False,
        "isAssignable": True,
        "status": "ACTIVE",
        "createdAt": NOW,
        "lastModifiedAt": NOW,
        "version": 1,
    }
    assert (payload["warnings"], payload["affectedCustomerCount"]) == ([], 0)


async def test_a_class_takes_all_its_fields_and_an_edit_those_that_are_sent(api: Api) -> None:
    """R2, R16, R20, R21: a save that changes nothing does not change Last Modified."""
    payload = await api.done(
        "saveCustomerClass",
        SAVED,
        name="Partnership",
        displayClass="badge badge--blue",
        displayPosition=7,
        isSoleTrader=True,
        isReseller=True,
    )
    created = payload["customerClass"]
    assert (created["displayClass"], created["displayPosition"]) == ("badge badge--blue", 7)
    assert (created["isSoleTrader"], created["isLegalIndividual"]) == (True, True)
    api.clock.advance(timedelta(hours=1))
    same = await api.done("saveCustomerClass", SAVED, id=created["id"], name="Partnership")
    assert same["customerClass"] == created
    later = api.clock.advance(timedelta(hours=1))
    edited = await api.done("saveCustomerClass", SAVED, id=created["id"], displayPosition=8)
    assert edited["customerClass"] == created | {
        "displayPosition": 8,
        "lastModifiedAt": later.isoformat(),
        "version": 2,
    }
    cleared = await api.done(
        "saveCustomerClass", SAVED, id=created["id"], displayClass=None, displayPosition=None
    )
    assert (cleared["customerClass"]["displayClass"], cleared["customerClass"]["version"]) == (
        None,
        3,
    )
    assert cleared["customerClass"]["displayPosition"] == 0


async def test_what_a_class_can_not_be_is_refused_with_the_field_at_fault(api: Api) -> None:
    """R3, R4, R7."""
    await api.save_class(name="Taken")
    cases: list[tuple[Json, str, list[str]]] = [
        ({}, "REQUIRED", ["name"]),
        ({"name": " "}, "BLANK", ["name"]),
        ({"name": None}, "REQUIRED", ["name"]),
        ({"name": "x" * 201}, "TOO_LONG", ["name"]),
        ({"name": "a\nb"}, "CONTROL_CHARACTERS", ["name"]),
        ({"name": " tAKEN "}, "ALREADY_EXISTS", ["name"]),
        ({"name": "CHARITY"}, "ALREADY_EXISTS", ["name"]),
        ({"name": "Cha\u200brity"}, "ALREADY_EXISTS", ["name"]),
        ({"name": "\u200b \u200b"}, "BLANK", ["name"]),
        ({"name": "N", "displayClass": '"><script>'}, "INVALID_DISPLAY_CLASS", ["displayClass"]),
        ({"name": "N", "displayClass": "a;b"}, "INVALID_DISPLAY_CLASS", ["displayClass"]),
        ({"name": "N", "displayClass": "9lives"}, "INVALID_DISPLAY_CLASS", ["displayClass"]),
        ({"name": "N", "displayClass": "a  b"}, "INVALID_DISPLAY_CLASS", ["displayClass"]),
        (
            {"name": "N", "checkCompaniesHouse": True, "isSoleTrader": True},
            "CONTRADICTORY_FLAGS",
            ["checkCompaniesHouse"],
        ),
        (
            {"name": "N", "checkCompaniesHouse": True, "isPersonalCustomer": True},
            "CONTRADICTORY_FLAGS",
            ["checkCompaniesHouse"],
        ),
        ({"id": "cls_nothing", "name": "N"}, "NOT_FOUND", ["id"]),
    ]
    for values, code, path in cases:
        (refusal,) = await api.refused("saveCustomerClass", code, **values)
        assert (refusal["path"], refusal["retryable"]) == (path, False), values


async def test_everything_that_is_wrong_is_said_at_once(api: Api) -> None:
    await api.refused(
        "saveCustomerClass",
        "BLANK",
        "INVALID_DISPLAY_CLASS",
        "CONTRADICTORY_FLAGS",
        name="",
        displayClass="<",
        checkCompaniesHouse=True,
        isSoleTrader=True,
    )


async def test_odd_flags_are_taken_with_a_warning(api: Api) -> None:
    """R5, R8."""
    payload = await api.done(
        "saveCustomerClass",
        SAVED,
        name="Odd",
        isPersonalCustomer=True,
        isSoleTrader=True,
        isReseller=True,
    )
    assert payload["warnings"] == ["PERSONAL_AND_SOLE_TRADER", "PERSONAL_AND_RESELLER"]
    assert payload["customerClass"]["isLegalIndividual"] is True


async def test_a_shipped_class_is_protected_but_for_position_and_styling(api: Api) -> None:
    """R12, R14, R15, A3."""
    charity = await api.class_of("CHARITY", CLASS)
    assert charity["isShipped"] is True
    changes: list[Json] = [
        {"name": "Trust"},
        {"isPersonalCustomer": True},
        {"isSoleTrader": True},
        {"isReseller": True},
        {"checkCompaniesHouse": True},
        {"name": "Trust", "overrideReason": "  "},
    ]
    for values in changes:
        (refusal,) = await api.refused(
            "saveCustomerClass", "SHIPPED_CLASS_PROTECTED", id=charity["id"], **values
        )
        assert refusal["hint"] is not None
    token = await api.token_for(Scope.CUSTOMER_CLASSES_WRITE)
    await api.refused(
        "saveCustomerClass",
        "ADMINISTER_REQUIRED",
        token=token,
        id=charity["id"],
        name="Trust",
        overrideReason="Renamed by law",
    )
    styled = await api.done(
        "saveCustomerClass", SAVED, token=token, id=charity["id"], displayPosition=1, name="Charity"
    )
    assert styled["customerClass"]["displayPosition"] == 1
    await api.done(
        "saveCustomerClass", SAVED, id=charity["id"], name="Trust", overrideReason="By law"
    )
    select = "name auditTrail { nodes { operation isOverride reason after } }"
    renamed = await api.class_of("CHARITY", select)
    assert renamed["name"] == "Trust"
    assert renamed["auditTrail"]["nodes"][0] == {
        "operation": "CLASS_EDITED",
        "isOverride": True,
        "reason": "By law",
        "after": {"name": "Trust"},
    }


async def test_a_changed_flag_reaches_the_customers_at_once(api: Api) -> None:
    """R22, R23: turning the check on does not start lookups."""
    own = await api.save_class()
    customers = [await api.save_customer(classId=own["id"], companyNumber="101") for _ in range(3)]
    gone = await api.save_customer(classId=own["id"])
    await api.done("deleteCustomer", "", id=gone["id"])
    payload = await api.done("saveCustomerClass", SAVED, id=own["id"], checkCompaniesHouse=True)
    assert payload["affectedCustomerCount"] == 3
    seen = await api.customer(customers[0]["id"], "version enrichment { status }")
    assert seen == {"version": 1, "enrichment": {"status": "NOT_APPLICABLE"}}
    styled = await api.done("saveCustomerClass", SAVED, id=own["id"], displayPosition=3)
    assert styled["affectedCustomerCount"] == 0
    await api.done(
        "saveCustomerClass", SAVED, id=own["id"], checkCompaniesHouse=False, isSoleTrader=True
    )
    seen = await api.customer(customers[0]["id"], "labels subscriberKind")
    assert seen == {"labels": ["INDIVIDUAL", "SOLE_TRADER"], "subscriberKind": "INDIVIDUAL"}
    queued = await api.do("requestEnrichment", "queuedLookupCount", target={"classId": own["id"]})
    assert [error["code"] for error in queued["userErrors"]] == ["ENRICHMENT_NOT_APPLICABLE"]


async def test_the_list_holds_active_classes_by_position_then_name(api: Api) -> None:
    """R9, R10, R17, R18."""
    assert await listed(api) == SHIPPED
    for name, position in (("zeta", 5), ("Alpha", 5), ("beta", 5), ("First", -1)):
        await api.save_class(name=name, displayPosition=position)
    first = ["First", "Alpha", "beta", "zeta"]
    assert await listed(api) == first + SHIPPED
    seen, after = [], None
    for _ in range(20):
        page = (await api.data(LIST, first=3, after=after))["customerClasses"]
        assert page["totalCount"] == 14
        assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
        seen += [node["name"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert seen == first + SHIPPED


async def test_a_retired_class_is_listed_for_history_only(api: Api) -> None:
    """R19, R26, R47."""
    own = await api.save_class(displayPosition=-1)
    customer = await api.save_customer(classId=own["id"])
    charity = await api.class_of("CHARITY")
    payload = await api.done(
        "retireCustomerClass", RETIRED, id=own["id"], replacementId=charity["id"], reason="Old"
    )
    assert payload["customerClass"] == {
        "id": own["id"],
        "status": "RETIRED",
        "isAssignable": False,
        "version": 2,
    }
    assert await listed(api) == SHIPPED
    for given, names in CHOSEN:
        found = await api.data(f"{{ customerClasses{given} {{ totalCount nodes {{ name }} }} }}")
        assert found["customerClasses"] == {
            "totalCount": len(names),
            "nodes": [{"name": name} for name in names],
        }, given
    history = await api.customer(customer["id"], "classHistory { from { status } to { status } }")
    assert history["classHistory"] == [
        {"from": None, "to": {"status": "RETIRED"}},
        {"from": {"status": "RETIRED"}, "to": {"status": "ACTIVE"}},
    ]
    await api.refused("saveCustomer", "CLASS_RETIRED", name="New", classId=own["id"])
    await api.refused(
        "changeCustomerClass",
        "CLASS_RETIRED",
        customerId=customer["id"],
        classId=own["id"],
        reason="Back",
    )


async def test_retiring_does_all_of_it_or_nothing(api: Api) -> None:
    """R39 to R45: moves with the reason, defaults and templates, lookups."""
    own = await api.save_class()
    limited = await api.class_of("COMPANY_UK_LIMITED")
    numbers = ("101", None, "102")
    customers = [
        await api.save_customer(classId=own["id"], companyNumber=number) for number in numbers
    ]
    for name in ("Big", "Small"):
        await api.done("saveCustomerTemplate", "", name=name, classId=own["id"])
    await api.done("savePlatformDefaults", "", classId=own["id"])
    values = {"id": own["id"], "replacementId": limited["id"], "reason": " Merged "}
    before = await stored()
    tried = await api.done("retireCustomerClass", RETIRED, **values, dryRun=True)
    assert await stored() == before
    done = await api.done("retireCustomerClass", RETIRED, **values)
    into = {"name": "Company (UK Limited)"}
    shown = {"id": f"dryrun:{own['id']}", "version": done["customerClass"]["version"] - 1}
    assert tried == {**done, "customerClass": {**done["customerClass"], **shown}}
    assert {**done, "customerClass": None} == {
        "customerClass": None,
        "replacement": into,
        "movedCustomerCount": 3,
        "queuedLookupCount": 2,
        "reassignedTemplates": [
            {"name": "Big", "customerClass": into},
            {"name": "Small", "customerClass": into},
        ],
        "clearedTemplates": [],
        "wasPlatformDefault": True,
        "userErrors": [],
    }
    select = (
        "classHistory { reason changedBy } enrichment { status } auditTrail { nodes { reason } }"
    )
    seen = [await api.customer(customer["id"], select) for customer in customers]
    assert [one["classHistory"][1] for one in seen] == [
        {"reason": "Merged", "changedBy": "Tess Tester"}
    ] * 3
    assert [one["enrichment"]["status"] for one in seen] == [
        "PENDING",
        "NEEDS_COMPANY_NUMBER",
        "PENDING",
    ]
    assert {one["auditTrail"]["nodes"][0]["reason"] for one in seen} == {"Merged"}
    defaults = await api.data("{ platformDefaults { customerClass { name } } }")
    assert defaults["platformDefaults"]["customerClass"] == into


async def test_without_a_replacement_references_are_cleared(api: Api) -> None:
    """R40, R42, R44."""
    own = await api.save_class()
    await api.done("saveCustomerTemplate", "", name="Big", classId=own["id"])
    await api.done("savePlatformDefaults", "", classId=own["id"])
    done = await api.done("retireCustomerClass", RETIRED, id=own["id"], reason="Unused")
    assert (done["replacement"], done["movedCustomerCount"]) == (None, 0)
    assert done["clearedTemplates"] == [{"name": "Big", "customerClass": None}]
    assert (done["reassignedTemplates"], done["wasPlatformDefault"]) == ([], True)
    await api.refused("saveCustomer", "CLASS_REQUIRED", name="New")


async def test_retirability_tells_beforehand_what_the_mutation_then_does(api: Api) -> None:
    """R42, R43, A4."""
    used, empty = await api.save_class(name="Used"), await api.save_class(name="Empty")
    retired = await api.save_class(name="Retired")
    await api.done("retireCustomerClass", "", id=retired["id"], reason="Old")
    await api.save_customer(classId=used["id"])
    cases: list[tuple[str, str | None, list[str]]] = [
        (used["id"], None, ["CLASS_HAS_CUSTOMERS"]),
        (used["id"], used["id"], ["REPLACEMENT_IS_SAME_CLASS"]),
        (used["id"], retired["id"], ["CLASS_RETIRED"]),
        (used["id"], empty["id"], []),
        (empty["id"], None, []),
        (empty["id"], empty["id"], ["REPLACEMENT_IS_SAME_CLASS"]),
        (retired["id"], None, []),
    ]
    for class_id, replacement, expected in cases:
        told = (await permissibility(api, class_id, replacement))["retirability"]
        assert codes(told) == expected
        values = {"id": class_id, "replacementId": replacement, "reason": "Old"}
        if expected:
            await api.refused("retireCustomerClass", *expected, **values)
        else:
            await api.done("retireCustomerClass", "", **values, dryRun=True)
    blocker = (await permissibility(api, used["id"]))["retirability"]["blockers"][0]
    assert blocker == {"code": "CLASS_HAS_CUSTOMERS", "count": 1}
    await api.refused("retireCustomerClass", "BLANK", id=empty["id"], reason=" ")
    await api.refused(
        "retireCustomerClass", "NOT_FOUND", id=empty["id"], replacementId="cls_x", reason="Old"
    )
    error = await api.error(
        '{ customerClass(code: "CHARITY") { retirability(replacementId: "cls_x") { isAllowed } } }'
    )
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_retiring_twice_changes_nothing_and_a_class_may_come_back(api: Api) -> None:
    """R46."""
    own = await api.save_class()
    await api.done("retireCustomerClass", "", id=own["id"], reason="Old")
    before = await stored()
    again = await api.done("retireCustomerClass", RETIRED, id=own["id"], reason="Other")
    assert again["customerClass"]["status"] == "RETIRED"
    assert await stored() == before
    back = "customerClass { status isAssignable version }"
    await api.done("reactivateCustomerClass", back, id=own["id"], dryRun=True)
    assert await stored() == before
    await api.refused("reactivateCustomerClass", "BLANK", id=own["id"], reason="")
    payload = await api.done("reactivateCustomerClass", back, id=own["id"], reason="Missed")
    assert payload["customerClass"] == {"status": "ACTIVE", "isAssignable": True, "version": 3}
    await api.save_customer(classId=own["id"])
    entry = await AuditEntry.get(operation="class.reactivated")
    assert (entry.reason, entry.actor_name) == ("Missed", "Tess Tester")


async def test_deletability_tells_beforehand_what_the_mutation_then_does(api: Api) -> None:
    """R33 to R38: customers that were moved or deleted count too."""
    names = ("Unused", "Used", "Left", "Erased", "Referenced", "Both")
    own = {name: await api.save_class(name=name) for name in names}
    charity = await api.class_of("CHARITY")
    customers = {
        name: await api.save_customer(classId=own[name]["id"])
        for name in ("Used", "Left", "Erased", "Both")
    }
    later = api.clock.advance(timedelta(days=1))
    await api.done(
        "changeCustomerClass",
        "",
        customerId=customers["Left"]["id"],
        classId=charity["id"],
        reason="Moved",
    )
    await api.done("deleteCustomer", "", id=customers["Erased"]["id"])
    await api.done("saveCustomerTemplate", "", name="T", classId=own["Referenced"]["id"])
    await api.done("savePlatformDefaults", "", classId=own["Both"]["id"])
    cases: list[tuple[str, list[str], tuple[int, int]]] = [
        (own["Used"]["id"], ["CLASS_HAS_BEEN_USED"], (1, 1)),
        (own["Left"]["id"], ["CLASS_HAS_BEEN_USED"], (0, 1)),
        (own["Erased"]["id"], ["CLASS_HAS_BEEN_USED"], (0, 1)),
        (own["Referenced"]["id"], ["CLASS_REFERENCED"], (0, 0)),
        (own["Both"]["id"], ["CLASS_HAS_BEEN_USED", "CLASS_REFERENCED"], (1, 1)),
        (charity["id"], ["SHIPPED_CLASS_PROTECTED", "CLASS_HAS_BEEN_USED"], (1, 1)),
        ((await api.class_of("RESIDENTIAL"))["id"], ["SHIPPED_CLASS_PROTECTED"], (0, 0)),
        (own["Unused"]["id"], [], (0, 0)),
    ]
    for class_id, expected, (now, ever) in cases:
        told = (await permissibility(api, class_id))["deletability"]
        assert codes(told) == expected
        assert (told["customersNowCount"], told["customersEverCount"]) == (now, ever)
        if expected:
            await api.refused("deleteCustomerClass", *expected, id=class_id)
    left = (await permissibility(api, own["Left"]["id"]))["deletability"]
    assert (left["firstUsedAt"], left["lastUsedAt"]) == (NOW, later.isoformat())
    (refusal,) = await api.refused(
        "deleteCustomerClass", "CLASS_HAS_BEEN_USED", id=own["Left"]["id"]
    )
    assert refusal["message"] == (
        "1 customer has been in this class (0 now), first on 2026-10-01 and last on 2026-10-02;"
        " retire the class instead."
    )
    before = await stored()
    unused = own["Unused"]["id"]
    await api.done("deleteCustomerClass", "deletedId", id=unused, dryRun=True)
    assert await stored() == before
    gone = await api.done("deleteCustomerClass", "deletedId", id=unused)
    assert gone["deletedId"] == unused
    assert (await api.data("query($id: ID) { customerClass(id: $id) { id } }", id=unused)) == {
        "customerClass": None
    }
    await api.refused("deleteCustomerClass", "NOT_FOUND", id=unused)


@pytest.mark.parametrize(
    ("mutation", "values"),
    [
        ("saveCustomerClass", {"name": "Renamed"}),
        ("retireCustomerClass", {"reason": "Old"}),
        ("reactivateCustomerClass", {}),
        ("deleteCustomerClass", {}),
    ],
)
async def test_a_stale_version_is_refused_with_the_class_as_it_is(
    api: Api, mutation: str, values: Json
) -> None:
    """R101."""
    own = await api.save_class()
    await api.save_class(id=own["id"], displayPosition=3)
    before = await stored()
    payload = await api.do(
        mutation,
        "customerClass { id version displayPosition }",
        id=own["id"],
        expectedVersion=1,
        **values,
    )
    assert payload["customerClass"] == {"id": own["id"], "version": 2, "displayPosition": 3}
    (refusal,) = payload["userErrors"]
    assert (refusal["code"], refusal["retryable"]) == ("VERSION_CONFLICT", True)
    assert refusal["path"] == ["expectedVersion"]
    assert await stored() == before
    await api.done(mutation, "", id=own["id"], expectedVersion=2, **values)


async def test_a_dry_run_says_what_would_be_and_keeps_nothing(api: Api) -> None:
    own = await api.save_class()
    await api.save_customer(classId=own["id"])
    before = await stored()
    tried = await api.done(
        "saveCustomerClass", SAVED, id=own["id"], isReseller=True, name="Tried", dryRun=True
    )
    assert (tried["customerClass"]["name"], tried["affectedCustomerCount"]) == ("Tried", 1)
    created = await api.done("saveCustomerClass", SAVED, name="New", dryRun=True)
    assert created["customerClass"]["name"] == "New"
    assert await stored() == before


async def test_a_reseller_class_with_parents_in_it_stays_one(api: Api) -> None:
    """R32."""
    own = await api.save_class(isReseller=True)
    parent = await api.save_customer(classId=own["id"])
    await api.save_customer(parentId=parent["id"])
    charity = await api.class_of("CHARITY")
    (refusal,) = await api.refused(
        "saveCustomerClass", "CUSTOMER_HAS_CHILDREN", id=own["id"], isReseller=False
    )
    assert refusal["path"] == ["isReseller"]
    await api.refused(
        "retireCustomerClass",
        "CUSTOMER_HAS_CHILDREN",
        id=own["id"],
        replacementId=charity["id"],
        reason="Old",
    )
    assert await Customer.filter(customer_class_id=own["id"]).count() == 1


async def test_a_class_is_asked_for_by_id_or_by_code(api: Api) -> None:
    for arguments in ("", '(id: "x", code: "CHARITY")', "(id: null)"):
        error = await api.error(f"{{ customerClass{arguments} {{ id }} }}")
        assert error["extensions"] == {"code": "BAD_USER_INPUT"}
    assert (await api.data('{ customerClass(code: "NOTHING") { id } }'))["customerClass"] is None


async def test_a_class_pages_through_its_customers_by_name(api: Api) -> None:
    own = await api.save_class()
    for name in ("b", "A", "c", "B", "a"):
        await api.save_customer(name=name, classId=own["id"])
    await api.save_customer(name="elsewhere")
    document = """
      query($id: ID, $after: String) {
        customerClass(id: $id) {
          customers(first: 2, after: $after) {
            totalCount nodes { name } pageInfo { hasNextPage endCursor }
          }
        }
      }
    """
    seen, after, pages = [], None, 0
    while True:
        page = (await api.data(document, id=own["id"], after=after))["customerClass"]["customers"]
        assert page["totalCount"] == 5
        seen += [node["name"] for node in page["nodes"]]
        after, pages = page["pageInfo"]["endCursor"], pages + 1
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert ([name.lower() for name in seen], pages) == (["a", "a", "b", "b", "c"], 3)
    assert sorted(seen) == ["A", "B", "a", "b", "c"]


OF_CLASS = """
  query(
    $id: ID, $first: Int, $after: String, $last: Int, $before: String,
    $filter: ClassCustomerFilter, $sort: CustomerSort
  ) {
    customerClass(id: $id) {
      customers(first: $first, after: $after, last: $last, before: $before, filter: $filter,
                sort: $sort) {
        totalCount nodes { name }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      }
    }
  }
"""


async def test_the_customers_of_a_class_are_listed_as_all_customers_are(api: Api) -> None:
    """R98."""
    own = await api.save_class()
    for name in ("beta ltd", "alpha", "gamma ltd", "delta ltd"):
        await api.save_customer(name=name, classId=own["id"], externalReference=name[:1])
        api.clock.advance(timedelta(seconds=1))
    await api.save_customer(name="elsewhere ltd")
    orders = {
        "NAME_ASC": ["alpha", "beta ltd", "delta ltd", "gamma ltd"],
        "NAME_DESC": ["gamma ltd", "delta ltd", "beta ltd", "alpha"],
        "CREATED_AT_ASC": ["beta ltd", "alpha", "gamma ltd", "delta ltd"],
        "CREATED_AT_DESC": ["delta ltd", "gamma ltd", "alpha", "beta ltd"],
    }

    async def listed(**arguments: Any) -> Json:
        data = await api.data(OF_CLASS, id=own["id"], **arguments)
        page: Json = data["customerClass"]["customers"]
        return page

    for sort, names in orders.items():
        for filter_, wanted in (({}, names), ({"text": "ltd"}, [n for n in names if "ltd" in n])):
            head = await listed(first=2, filter=filter_, sort=sort)
            rest = await listed(after=head["pageInfo"]["endCursor"], filter=filter_, sort=sort)
            assert [node["name"] for page in (head, rest) for node in page["nodes"]] == wanted
            tail = await listed(last=2, filter=filter_, sort=sort)
            before = tail["pageInfo"]["startCursor"]
            rest = await listed(last=9, before=before, filter=filter_, sort=sort)
            assert [node["name"] for page in (rest, tail) for node in page["nodes"]] == wanted
            assert [page["totalCount"] for page in (head, tail)] == [len(wanted)] * 2
            assert tail["pageInfo"]["hasPreviousPage"] is True
            assert rest["pageInfo"]["hasPreviousPage"] is False
    found = await listed(filter={"externalReference": "g", "companyNumber": None})
    assert [node["name"] for node in found["nodes"]] == ["gamma ltd"]
    error = await api.error(OF_CLASS, id=own["id"], filter={"text": "x" * 201})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_the_list_of_classes_is_read_backwards_and_by_name(api: Api) -> None:
    document = """query($last: Int, $before: String, $sort: CustomerClassSort) {
      customerClasses(last: $last, before: $before, sort: $sort) {
        nodes { name } pageInfo { hasPreviousPage startCursor } } }"""
    whole = (await api.data("{ customerClasses { nodes { name } } }"))["customerClasses"]["nodes"]
    for sort, wanted in (
        ("DISPLAY_POSITION_ASC", whole),
        ("DISPLAY_POSITION_DESC", whole[::-1]),
        ("NAME_ASC", sorted(whole, key=lambda one: one["name"].casefold())),
    ):
        seen: list[Json] = []
        arguments: Json = {"sort": sort, "last": 4}
        while True:
            page = (await api.data(document, **arguments))["customerClasses"]
            seen = page["nodes"] + seen
            if not page["pageInfo"]["hasPreviousPage"]:
                break
            arguments["before"] = page["pageInfo"]["startCursor"]
        assert seen == wanted


async def test_retirability_knows_of_customers_who_buy_through_others(api: Api) -> None:
    """R32, R43: it predicts the mutation's refusal."""
    resellers = await api.save_class(name="Resellers", isReseller=True)
    parent = await api.save_customer(name="P", classId=resellers["id"])
    await api.save_customer(name="C", classCode="CHARITY", parentId=parent["id"])
    charity = (await api.class_of("CHARITY"))["id"]
    told = (await permissibility(api, resellers["id"], charity))["retirability"]
    assert (told["isAllowed"], [b["code"] for b in told["blockers"]]) == (
        False,
        ["CUSTOMER_HAS_CHILDREN"],
    )
    payload = await api.do(
        "retireCustomerClass",
        "customerClass { id }",
        id=resellers["id"],
        replacementId=charity,
        reason="Why not",
    )
    assert [error["code"] for error in payload["userErrors"]] == ["CUSTOMER_HAS_CHILDREN"]


@pytest.mark.parametrize("asked", ["deletability", "retirability"])
async def test_a_class_that_was_only_tried_can_be_asked_what_stands_in_its_way(
    api: Api, asked: str
) -> None:
    document = f"""mutation {{ saveCustomerClass(input: {{ name: "Tried", dryRun: true }}) {{
      customerClass {{ name {asked} {{ isAllowed firstUsedAt blockers {{ code }} }} }} }} }}"""
    assert (await api.data(document))["saveCustomerClass"]["customerClass"] == {
        "name": "Tried",
        asked: {"isAllowed": True, "firstUsedAt": None, "blockers": []},
    }


async def test_an_odd_replacement_is_the_error_of_the_field_that_asked_for_it(api: Api) -> None:
    document = """query ($id: ID) { customerClass(code: "CHARITY") {
      name retirability(replacementId: $id) { isAllowed } } }"""
    for odd in ("cls_nothing", "x" * 5000):
        error = await api.error(document, id=odd)
        assert error["path"] == ["customerClass", "retirability"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
