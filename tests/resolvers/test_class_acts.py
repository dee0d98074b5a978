"""Mutations of classes: permissions, reviews of consent, refusals, and reading one class."""

from typing import Any

import pytest

from models import AuditEntry
from models.tables.access import Scope
from tests.graphql_client import Api, Json, stored
from tests.mutations import GRANT

RETIRE = """mutation($one: SaveCustomerClassInput!, $two: RetireCustomerClassInput!) {
  one: saveCustomerClass(input: $one) { userErrors { code } }
  two: retireCustomerClass(input: $two) { movedCustomerCount userErrors { code } } }"""
WRITER = (Scope.CUSTOMER_CLASSES_WRITE,)
MOVER = (*WRITER, Scope.CUSTOMERS_WRITE)
ADMINISTRATOR = (Scope.CUSTOMER_CLASSES_ADMINISTER, Scope.CUSTOMERS_WRITE)


@pytest.mark.parametrize("is_dry_run", [False, True])
@pytest.mark.parametrize("scopes", [WRITER, (Scope.CUSTOMER_CLASSES_ADMINISTER,)])
async def test_a_retirement_that_moves_customers_needs_what_moving_one_needs(
    api: Api, scopes: tuple[Scope, ...], is_dry_run: bool
) -> None:
    """R39, R93: refused before any mutation of the document runs."""
    own, charity = await api.save_class(), await api.class_of("CHARITY")
    await api.save_customer(classId=own["id"])
    values = {
        "one": {"name": "Another"},
        "two": {
            "id": own["id"],
            "replacementId": charity["id"],
            "reason": "Old",
            "dryRun": is_dry_run,
        },
    }
    token = await api.token_for(*scopes)
    before = await stored()
    error = await api.error(RETIRE, token=token, **values)
    assert (error["path"], error["extensions"]["code"]) == (["two"], "FORBIDDEN")
    assert error["extensions"]["requiredScopes"] == ["CUSTOMERS_WRITE"]
    assert await stored() == before
    done = await api.data(RETIRE, token=await api.token_for(*MOVER), **values)
    assert done["two"] == {"movedCustomerCount": 1, "userErrors": []}


async def test_a_retirement_that_moves_nobody_needs_no_more(api: Api) -> None:
    """R42, R93."""
    own, token = await api.save_class(), await api.token_for(*WRITER)
    for values in ({"replacementId": None, "dryRun": True}, {}):
        await api.done("retireCustomerClass", "", token=token, id=own["id"], reason="Old", **values)


async def test_a_shipped_class_is_retired_by_an_administrator(api: Api) -> None:
    """R14, A20: and the audit trail marks it as an override."""
    charity, public = await api.class_of("CHARITY"), await api.class_of("PUBLIC_SECTOR")
    await api.save_customer()
    values = {"id": charity["id"], "replacementId": public["id"], "reason": "Merged"}
    (refusal,) = await api.refused(
        "retireCustomerClass", "ADMINISTER_REQUIRED", token=await api.token_for(*MOVER), **values
    )
    assert refusal["path"] == ["id"]
    token = await api.token_for(*ADMINISTRATOR)
    await api.done("retireCustomerClass", "", token=token, **values)
    entry = await AuditEntry.get(operation="class.retired")
    assert (entry.is_override, entry.reason) == (True, "Merged")
    own = await api.save_class()
    await api.done("retireCustomerClass", "", id=own["id"], reason="Old")
    assert not (await AuditEntry.get(subject_id=own["id"], reason="Old")).is_override


CONSENT: dict[str, list[tuple[str, Json]]] = {
    "none": [],
    "given": [("recordConsent", GRANT)],
    "given ahead": [("recordConsent", {**GRANT, "effectiveAt": "2090-01-01T00:00:00Z"})],
    "withdrawn": [("recordConsent", GRANT), ("withdrawConsent", {})],
    "withdrawn ahead": [
        ("recordConsent", GRANT),
        ("withdrawConsent", {"effectiveAt": "2090-01-01T00:00:00Z"}),
    ],
}


@pytest.mark.parametrize("by", ["a move", "a retirement", "flags"])
@pytest.mark.parametrize(
    ("consent", "is_shown"),
    [
        ("none", False),
        ("given", True),
        ("given ahead", True),
        ("withdrawn", False),
        ("withdrawn ahead", True),
    ],
)
async def test_a_review_is_asked_for_where_consent_is_on_record(
    api: Api, by: str, consent: str, is_shown: bool
) -> None:
    """R22, R30: in every way in which a customer changes from or to an individual."""
    own = await api.save_class(isSoleTrader=True)
    customer = await api.save_customer(classId=own["id"])
    for mutation, values in CONSENT[consent]:
        await api.done(mutation, "", customerId=customer["id"], **values)
    charity = await api.class_of("CHARITY")
    wanted = ["REVIEW_CONSENT"] if is_shown else []
    if by == "a move":
        values = {"customerId": customer["id"], "classId": charity["id"], "reason": "Grew"}
        done = await api.done("changeCustomerClass", "advisories { code }", **values)
        assert reviews(done) == wanted
    elif by == "a retirement":
        values = {"id": own["id"], "replacementId": charity["id"], "reason": "Old"}
        await api.done("retireCustomerClass", "", **values)
    else:
        await api.save_class(id=own["id"], isSoleTrader=False)
    assert reviews(await api.customer(customer["id"], "advisories { code }")) == wanted
    found = await api.data(
        """{ customers(filter: { advisories: [REVIEW_CONSENT] }) { nodes { id } }
        consentAdvisoryCounts { code customerCount } }"""
    )
    assert found["customers"]["nodes"] == ([customer] if is_shown else [])
    counts = {one["code"]: one["customerCount"] for one in found["consentAdvisoryCounts"]}
    assert counts["REVIEW_CONSENT"] == int(is_shown)


def reviews(shown: Any) -> list[str]:
    """Return the advisories that ask for a review."""
    return [one["code"] for one in shown["advisories"] if one["code"] == "REVIEW_CONSENT"]


async def test_a_refused_deletion_gives_the_object_as_it_stands(api: Api) -> None:
    """R33, R35, R38: for every reason of refusal."""
    own = await api.save_class(name="Used")
    await api.save_customer(classId=own["id"], name="Stays")
    reseller = await api.save_customer(name="Parent", classCode="RESELLER_OTHER")
    await api.save_customer(name="Child", parentId=reseller["id"])
    charity = await api.class_of("CHARITY")
    cases: list[tuple[str, str, str, Json, list[str]]] = [
        ("deleteCustomerClass", "customerClass", "Used", own, ["CLASS_HAS_BEEN_USED"]),
        ("deleteCustomerClass", "customerClass", "Charity", charity, SHIPPED_AND_USED),
        ("deleteCustomer", "customer", "Parent", reseller, ["CUSTOMER_HAS_CHILDREN"]),
    ]
    for mutation, field, name, values, codes in cases:
        for is_dry_run in (True, False):
            before = await stored()
            given = {**values, "dryRun": is_dry_run}
            payload = await api.do(mutation, f"deletedId {field} {{ id name }}", **given)
            assert payload["deletedId"] is None
            shown_id = f"dryrun:{values['id']}" if is_dry_run else values["id"]
            assert payload[field] == {"id": shown_id, "name": name}
            assert [error["code"] for error in payload["userErrors"]] == codes
            assert await stored() == before


SHIPPED_AND_USED = ["SHIPPED_CLASS_PROTECTED", "CLASS_HAS_BEEN_USED"]


async def test_what_is_not_there_to_be_deleted_is_not_shown(api: Api) -> None:
    """R95: an erased object is as unknown as one that never existed."""
    gone = await api.save_customer()
    await api.done("deleteCustomer", "", id=gone["id"])
    for mutation, field, row_id in (
        ("deleteCustomer", "customer", gone["id"]),
        ("deleteCustomer", "customer", "cus_x"),
        ("deleteCustomerClass", "customerClass", "cls_x"),
    ):
        payload = await api.do(mutation, f"{field} {{ id }}", id=row_id)
        assert payload[field] is None
        assert [error["code"] for error in payload["userErrors"]] == ["NOT_FOUND"]


NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { id ... on CustomerClass { name } } }"


async def test_a_class_that_was_shown_is_served_by_its_id(api: Api) -> None:
    """R94, R95: to callers who may read customers, all or only a reseller's."""
    picked, used, left, never = [await api.save_class(name=name) for name in "PULN"]
    reseller = await api.save_customer(name="Parent", classCode="RESELLER_OTHER")
    charity = await api.class_of("CHARITY")
    theirs = await api.save_customer(classId=used["id"], parentId=reseller["id"])
    mover = await api.save_customer(classId=left["id"])
    move = {"customerId": mover["id"], "classId": charity["id"], "reason": "Grew"}
    await api.done("changeCustomerClass", "", **move)
    for row in (used, left, never):
        values = {"id": row["id"], "replacementId": charity["id"], "reason": "Old"}
        await api.done("retireCustomerClass", "", **values)
    ids = [row["id"] for row in (picked, used, left, never)]

    async def served(token: str) -> str:
        found = (await api.data(NODES, token=token, ids=ids))["nodes"]
        return "".join(one["name"] for one in found if one is not None)

    assert await served(api.token) == "PULN"
    assert await served(await api.token_for(Scope.CUSTOMER_CLASSES_READ)) == "PULN"
    assert await served(await api.token_for(Scope.CUSTOMERS_READ)) == "PUL"
    assert await served(await api.token_for(Scope.CONTACTS_READ)) == ""
    uma = (await api.done("saveUser", "user { id }", name="Uma", resellerId=reseller["id"]))["user"]
    scopes = ["CUSTOMERS_READ"]
    await api.done("grantPermissions", "", granteeId=uma["id"], permissions=scopes)
    issued = await api.done(
        "issueAccessToken", "secret", userId=uma["id"], name="Own", scopes=scopes
    )
    assert await served(issued["secret"]) == "PU"
    history = "{ customers { nodes { classHistory { to { id name } } } } }"
    shown = await api.data(history, token=issued["secret"])
    seen = {one["to"]["id"] for node in shown["customers"]["nodes"] for one in node["classHistory"]}
    found = await api.data(NODES, token=issued["secret"], ids=sorted(seen))
    assert None not in found["nodes"]
    assert theirs["id"]


async def test_no_two_objects_have_one_id(api: Api) -> None:
    """A client's cache by id does not confuse the viewer with a token or a user."""
    uma = (await api.done("saveUser", "user { id }", name="Uma"))["user"]
    scopes = ["ACCESS_READ"]
    await api.done("grantPermissions", "", granteeId=uma["id"], permissions=scopes)
    issued = await api.done(
        "issueAccessToken", "secret", userId=uma["id"], name="Own", scopes=scopes
    )
    document = """{ viewer { id credential { id actorId } user { id } accessTokens { id } } }"""
    viewer = (await api.data(document, token=issued["secret"]))["viewer"]
    (token,) = viewer["accessTokens"]
    ids = [viewer["id"], viewer["credential"]["id"], viewer["user"]["id"], token["id"]]
    assert [one.partition("_")[0] for one in ids] == ["vwr", "crd", "usr", "tok"]
    assert viewer["credential"]["actorId"] == token["id"]
    again = (await api.data(document, token=issued["secret"]))["viewer"]
    assert again == viewer
    found = await api.data("query($id: ID!) { node(id: $id) { id } }", id=viewer["id"])
    assert found == {"node": None}


@pytest.mark.parametrize("is_personal", [False, True])
@pytest.mark.parametrize("is_sole_trader", [False, True])
async def test_who_is_an_individual_is_the_same_wherever_it_is_asked(
    api: Api, is_personal: bool, is_sole_trader: bool
) -> None:
    """R5, R6, R97: in fields, in filters, and in advisories."""
    own = await api.save_class(
        "id isLegalIndividual", isPersonalCustomer=is_personal, isSoleTrader=is_sole_trader
    )
    consent = {**GRANT, "basis": "TERMS_ACCEPTED"}
    customer = await api.save_customer("id labels", classId=own["id"], consent=consent)
    wanted = is_personal or is_sole_trader
    assert own["isLegalIndividual"] is wanted
    assert ("INDIVIDUAL" in customer["labels"]) is wanted
    shown = await api.customer(customer["id"], "subscriberKind advisories { code }")
    assert shown["subscriberKind"] == ("INDIVIDUAL" if wanted else "CORPORATE")
    assert ({"code": "CONSENT_BY_TERMS"} in shown["advisories"]) is wanted
    for condition in (
        "labels: [INDIVIDUAL]",
        "subscriberKind: INDIVIDUAL",
        "advisories: [CONSENT_BY_TERMS]",
    ):
        found = await api.data(f"{{ customers(filter: {{ {condition} }}) {{ nodes {{ id }} }} }}")
        assert found["customers"]["nodes"] == ([{"id": customer["id"]}] if wanted else [])


@pytest.mark.parametrize(
    ("code", "warnings"),
    [
        ("COMPANY_UK_LIMITED", []),
        ("RESELLER_UK_COMPANY", []),
        ("PUBLIC_SECTOR", ["CHECK_OF_NO_UK_COMPANY"]),
        ("COMPANY_INTERNATIONAL", ["CHECK_OF_NO_UK_COMPANY"]),
    ],
)
async def test_checking_a_class_that_is_no_uk_company_is_done_with_a_warning(
    api: Api, code: str, warnings: list[str]
) -> None:
    """R7."""
    row = await api.class_of(code)
    values = {"id": row["id"], "checkCompaniesHouse": True, "overrideReason": "Try it"}
    done = await api.done(
        "saveCustomerClass", "warnings customerClass { checkCompaniesHouse }", **values
    )
    assert done["warnings"] == warnings
    assert done["customerClass"] == {"checkCompaniesHouse": True}


LONG = "x" * 5000


@pytest.mark.parametrize(
    ("mutation", "values", "path"),
    [
        ("saveContact", {"name": "Ann", "email": LONG}, "email"),
        ("recordConsent", {**GRANT, "evidenceReference": LONG}, "evidenceReference"),
        ("recordConsent", {**GRANT, "evidenceReference": " "}, "evidenceReference"),
        ("recordConsent", {**GRANT, "givenBy": LONG}, "givenBy"),
        ("withdrawConsent", {"evidenceReference": LONG}, "evidenceReference"),
    ],
)
async def test_one_fault_is_one_error(api: Api, mutation: str, values: Json, path: str) -> None:
    customer = await api.save_customer()
    before = await stored()
    payload = await api.do(mutation, "", customerId=customer["id"], **values)
    assert [error["path"] for error in payload["userErrors"]] == [[path]]
    assert await stored() == before
