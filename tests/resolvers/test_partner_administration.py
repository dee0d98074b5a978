"""A partner administers the users of its own reseller, and gains nothing by it (R99)."""

from dataclasses import dataclass
from typing import Any

import pytest

from models import AuditEntry, User
from models.changes import partner_staff
from models.tables.access import Scope
from tests.access_world import add_group, add_user, issue, sign_in
from tests.factories import everything
from tests.graphql_client import Api, Json, wait_for_notices
from tests.partner_world import bound_token, unknown_id

ADMINISTER, AUDIT = Scope.ACCESS_ADMINISTER, Scope.AUDIT_READ
VIEW, EDIT, LOOK_UP = Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE, Scope.ENRICHMENT_RUN
CLASS_EDIT = Scope.CUSTOMER_CLASSES_WRITE
HELD = (ADMINISTER, EDIT, AUDIT)
"""What the partner's administrator has."""


@dataclass
class World:
    """A partner with an administrator, and others; `ids` are by the names of the truth table."""

    token: str
    ids: dict[str, str]

    def filled(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values in which names such as `<colleague>` are replaced by ids."""

        def fill(value: Any) -> Any:
            if isinstance(value, list):
                return [fill(one) for one in value]
            is_name = isinstance(value, str) and value.startswith("<")
            return self.ids[value[1:-1]] if is_name else value

        return {name: fill(value) for name, value in values.items()}


@pytest.fixture
async def world(api: Api) -> World:
    reseller: dict[str, Any] = {"classCode": "RESELLER_OTHER"}
    own = (await api.save_customer(name="Own", **reseller))["id"]
    other = (await api.save_customer(name="Other", **reseller))["id"]
    below = (await api.save_customer(name="Below", parentId=own, **reseller))["id"]
    customer = (await api.save_customer(name="Customer", parentId=own))["id"]
    ids = {"own": own, "other": other, "below": below, "customer": customer}
    ids["admin"] = await add_user(api, "Olive", *HELD, resellerId=own)
    ids["colleague"] = await add_user(api, "Oscar", VIEW, resellerId=own)
    ids["mightier"] = await add_user(api, "Orla", EDIT, LOOK_UP, resellerId=own)
    ids["odd"] = await add_user(api, "Odd", VIEW, Scope.AUDIT_ERASE, resellerId=own)
    ids["gone"] = await add_user(api, "Otto", VIEW, resellerId=own)
    ids["linked"] = await add_user(
        api, "Lin", VIEW, resellerId=own, issuer="https://id.example", subject="lin"
    )
    ids["stranger"] = await add_user(api, "Strange", VIEW, resellerId=other)
    ids["belows"] = await add_user(api, "Bella", VIEW, resellerId=below)
    ids["staff"] = await add_user(api, "Staff", *HELD)
    ids["holder"] = await add_user(api, "Holder", *HELD, issuer="https://id.example", subject="h")
    ids["nobody"] = unknown_id("usr")
    ids["nowhere"] = unknown_id("cus")
    ids["group"] = await add_group(api, "Group", VIEW, members=[ids["colleague"], ids["staff"]])
    await api.done("disableUser", "", id=ids["gone"])
    await issue(api, ids["holder"], VIEW, resellerId=own, name="held")
    token = await sign_in(api, ids["admin"], *HELD, name="olive")
    return World(token, ids)


async def rows() -> Any:
    """Return all rows, without the last use of tokens and what requests cost."""
    found = await everything()
    del found["RateLimit"], found["ApiUsage"]
    tokens = [{**row, "last_used_at": None} for row in found.pop("AccessToken")]
    return {**found, "AccessToken": tokens}


async def attempt(api: Api, world: World, mutation: str, values: dict[str, Any]) -> list[Json]:
    """Send a mutation as the partner; return its errors. If it has any, nothing was changed."""
    before = await rows()
    payload = await api.do(mutation, "", token=world.token, **world.filled(values))
    errors: list[Json] = payload["userErrors"]
    if errors:
        assert await rows() == before
    return errors


NEW: dict[str, Any] = {"name": "New"}
SIGN_IN = {"issuer": "https://id.example", "subject": "somebody"}
NOT_FOUND, BEYOND, PLATFORM = "NOT_FOUND", "BEYOND_RESELLER", "NOT_FOR_PARTNERS"
LACKING = "PERMISSION_NOT_HELD"
VIEWING, EDITING, LOOKING_UP = ["CUSTOMERS_READ"], ["CUSTOMERS_WRITE"], ["ENRICHMENT_RUN"]

WAYS: list[tuple[str, dict[str, Any], list[str]]] = [
    # A new user works for the partner's own reseller.
    ("saveUser", NEW, []),
    ("saveUser", {**NEW, "email": "new@own.example", "resellerId": "<own>"}, []),
    ("saveUser", {**NEW, "resellerId": "<other>"}, [NOT_FOUND]),
    ("saveUser", {**NEW, "resellerId": "<below>"}, [NOT_FOUND]),  # nor for one below it
    ("saveUser", {**NEW, "resellerId": "<customer>"}, [NOT_FOUND]),
    ("saveUser", {**NEW, "resellerId": "<nowhere>"}, [NOT_FOUND]),
    ("saveUser", {"name": "", "resellerId": "<other>"}, ["BLANK", NOT_FOUND]),  # all at once
    # An identity may be somebody else's, whether it is known here or not.
    ("saveUser", {**NEW, **SIGN_IN}, [PLATFORM, PLATFORM]),
    ("saveUser", {**NEW, "issuer": "https://id.example", "subject": "h"}, [PLATFORM, PLATFORM]),
    ("saveUser", {"id": "<colleague>", **SIGN_IN}, [PLATFORM, PLATFORM]),
    ("saveUser", {"id": "<linked>", "subject": "h"}, [PLATFORM]),
    ("saveUser", {"id": "<linked>", "issuer": None, "subject": None}, [PLATFORM, PLATFORM]),
    ("saveUser", {"id": "<linked>", "subject": "lin", "name": "Linda"}, []),  # as it is
    # Its own users can be edited, unless they have more than the administrator.
    ("saveUser", {"id": "<colleague>", "name": "Oz"}, []),
    ("saveUser", {"id": "<admin>", "name": "Olivia"}, []),
    ("saveUser", {"id": "<colleague>", "resellerId": "<own>"}, []),
    ("saveUser", {"id": "<odd>", "name": "Even"}, []),  # cannot erase, being a partner
    ("saveUser", {"id": "<mightier>", "name": "Oz"}, [LACKING]),
    # No user is moved, unbound or taken over, and none of others is found.
    ("saveUser", {"id": "<colleague>", "resellerId": "<other>"}, ["INVALID_RESELLER"]),
    ("saveUser", {"id": "<colleague>", "resellerId": "<below>"}, ["INVALID_RESELLER"]),
    ("saveUser", {"id": "<colleague>", "resellerId": None, "name": "Still bound"}, []),
    ("saveUser", {"id": "<stranger>", "name": "Mine", "resellerId": "<own>"}, [NOT_FOUND]),
    ("saveUser", {"id": "<staff>", "resellerId": "<own>"}, [NOT_FOUND]),
    *(
        (mutation, {"id": f"<{who}>", **values}, [NOT_FOUND])
        for who in ("stranger", "belows", "staff", "holder", "nobody")
        for mutation, values in (
            ("saveUser", {"name": "Mine"}),
            ("saveUser", {"name": "Mine", "expectedVersion": 99}),  # tells no version
            ("disableUser", {}),
            ("enableUser", {}),
        )
    ),
    # It disables and enables its own users, but not whom the platform disabled.
    ("disableUser", {"id": "<colleague>", "reason": "Left"}, []),
    ("disableUser", {"id": "<mightier>"}, []),  # as revoking, this gives nobody anything
    ("disableUser", {"id": "<admin>"}, []),
    ("disableUser", {"id": "<colleague>", "expectedVersion": 99}, ["VERSION_CONFLICT"]),
    ("enableUser", {"id": "<colleague>"}, []),  # is active, so nothing is done
    ("enableUser", {"id": "<gone>"}, [PLATFORM]),
    # It grants what it has, to its own users.
    ("grantPermissions", {"granteeId": "<colleague>", "permissions": EDITING}, []),
    ("grantPermissions", {"granteeId": "<colleague>", "permissions": ["AUDIT_READ"]}, []),
    ("grantPermissions", {"granteeId": "<colleague>", "permissions": ["ACCESS_ADMINISTER"]}, []),
    ("grantPermissions", {"granteeId": "<colleague>", "permissions": LOOKING_UP}, [LACKING]),
    ("grantPermissions", {"granteeId": "<admin>", "permissions": ["ENRICHMENT_RUN"]}, [LACKING]),
    *(
        ("grantPermissions", {"granteeId": "<colleague>", "permissions": [one.name]}, [LACKING])
        for one in (CLASS_EDIT, Scope.AUDIT_ERASE, Scope.CUSTOMER_CLASSES_ADMINISTER)
    ),
    ("revokePermissions", {"granteeId": "<mightier>", "permissions": ["ENRICHMENT_RUN"]}, []),
    *(
        (mutation, {"granteeId": f"<{who}>", "permissions": VIEWING}, [NOT_FOUND])
        for who in ("stranger", "belows", "staff", "holder", "nobody")
        for mutation in ("grantPermissions", "revokePermissions")
    ),
    # Groups may have users of several resellers.
    ("saveUserGroup", {"name": "New"}, [BEYOND]),
    ("saveUserGroup", {"id": "<group>", "name": "New"}, [BEYOND]),
    ("deleteUserGroup", {"id": "<group>"}, [BEYOND]),
    ("changeGroupMembers", {"groupId": "<group>", "addUserIds": ["<admin>"]}, [BEYOND]),
    ("grantPermissions", {"granteeId": "<group>", "permissions": VIEWING}, [BEYOND]),
    ("revokePermissions", {"granteeId": "<group>", "permissions": VIEWING}, [BEYOND]),
    # It issues tokens with what both it and the user have.
    ("issueAccessToken", {"userId": "<colleague>", "name": "x", "scopes": VIEWING}, []),
    ("issueAccessToken", {"userId": "<colleague>", "name": "x", "scopes": EDITING}, [LACKING]),
    ("issueAccessToken", {"userId": "<mightier>", "name": "x", "scopes": LOOKING_UP}, [LACKING]),
    ("issueAccessToken", {"userId": "<holder>", "name": "x", "scopes": VIEWING}, [NOT_FOUND]),
    ("issueAccessToken", {"userId": "<belows>", "name": "x", "scopes": VIEWING}, [NOT_FOUND]),
]  # fmt: skip


async def test_a_partner_can_do_what_gives_it_no_more_than_it_has(api: Api, world: World) -> None:
    """Each row: what the partner's administrator tries, and the errors that it gets."""
    others = ("stranger", "belows", "staff", "holder")
    before = {one: await User.get(id=world.ids[one]).values() for one in others}
    for mutation, values, codes in WAYS:
        snapshot = await User.all().values() if not codes else []
        errors = await attempt(api, world, mutation, values)
        assert [one["code"] for one in errors] == codes, (mutation, values, errors)
        if not codes:  # each row finds the same world
            await restore(api, snapshot)
    after = {one: await User.get(id=world.ids[one]).values() for one in others}
    assert after == before
    bound = {user.reseller_id for user in await User.filter(name="New")}
    assert bound <= {world.ids["own"]}


async def restore(api: Api, snapshot: list[Any]) -> None:
    """Give users back what they had, and delete those who were added."""
    known = {str(one["id"]): one for one in snapshot}

    async def work() -> None:
        for user in await User.all():
            if user.id not in known:
                assert user.name == "New"
                await user.delete()
            else:
                values = {name: value for name, value in known[user.id].items() if name != "id"}
                await User.filter(id=user.id).update(**values)

    await api.platform.database.transaction(work)
    await wait_for_notices(api)  # so that no token is remembered as disabled


async def test_what_a_partner_cannot_find_is_told_as_what_does_not_exist(
    api: Api, world: World
) -> None:
    for name, unknown in (("stranger", "nobody"), ("staff", "nobody"), ("holder", "nobody")):
        for mutation, path in (
            ("saveUser", "id"),
            ("disableUser", "id"),
            ("enableUser", "id"),
            ("grantPermissions", "granteeId"),
            ("revokePermissions", "granteeId"),
        ):
            more = {"permissions": VIEWING} if path == "granteeId" else {}
            told = [
                await attempt(api, world, mutation, {path: f"<{one}>", **more})
                for one in (name, unknown)
            ]
            assert told[0] == told[1], (mutation, name)
    told = [
        await attempt(api, world, "saveUser", {**NEW, "resellerId": one})
        for one in ("<other>", "<nowhere>")
    ]
    assert told[0] == told[1]


async def test_a_partner_runs_a_user_from_invitation_to_end(api: Api, world: World) -> None:
    """The user works within the reseller only, and the partner sees what was done."""
    token = world.token
    select = "user { id resellerId isActive effectivePermissions { code } }"
    made = await api.done("saveUser", select, token=token, name="Nia", email="nia@own.example")
    user = made["user"]
    assert (user["resellerId"], user["effectivePermissions"]) == (world.ids["own"], [])
    given = {"granteeId": user["id"], "permissions": VIEWING}
    await api.done("grantPermissions", "", token=token, **given)
    issued = await api.done(
        "issueAccessToken",
        "secret accessToken { id resellerId }",
        token=token,
        userId=user["id"],
        name="laptop",
        scopes=VIEWING,
    )
    assert issued["accessToken"]["resellerId"] == world.ids["own"]
    found = await api.data("{ customers { nodes { name } } }", token=issued["secret"])
    names = {one["name"] for one in found["customers"]["nodes"]}
    assert names == {"Own", "Below", "Customer"}
    await api.done("disableUser", "", token=token, id=user["id"], reason="Left")
    answer = await api.post("{ viewer { id } }", token=issued["secret"])
    assert answer.status_code == 401
    await api.done("enableUser", "", token=token, id=user["id"])
    assert (await api.post("{ viewer { id } }", token=issued["secret"])).status_code == 200
    trail = """query($id: ID!) { user(id: $id) { auditTrail { nodes { operation actorName } } }
      auditTrail(filter: { subjectId: $id }) { totalCount } }"""
    seen = await api.data(trail, token=token, id=user["id"])
    operations = [one["operation"] for one in seen["user"]["auditTrail"]["nodes"]]
    assert sorted(operations) == [
        "PERMISSIONS_GRANTED",
        "USER_CREATED",
        "USER_DISABLED",
        "USER_ENABLED",
    ]
    assert seen["auditTrail"]["totalCount"] == 4


async def test_who_was_last_disabled_by_the_platform_stays_disabled(api: Api, world: World) -> None:
    user = world.ids["colleague"]
    for token, codes in ((world.token, []), (api.token, [PLATFORM]), (world.token, [])):
        await api.done("disableUser", "", token=token, id=user)
        errors = await attempt(api, world, "enableUser", {"id": user})
        assert [one["code"] for one in errors] == codes
        await api.done("enableUser", "", id=user)
    # Who was disabled long ago, by an unknown actor, is enabled by the platform only.
    await api.done("disableUser", "", token=world.token, id=user)
    entries = AuditEntry.filter(subject_id=user, operation="user.disabled")
    assert await entries.count() == 4


async def test_a_partner_has_a_limit_of_active_users(
    api: Api, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each user has a budget of its own."""
    count = await User.filter(reseller_id=world.ids["own"], disabled_at=None).count()
    monkeypatch.setattr(partner_staff, "MAX_USERS", count + 1)
    await api.done("saveUser", "", token=world.token, name="Last")
    before = await rows()
    payload = await api.data(
        """mutation { saveUser(input: { name: "More" }) { userErrors { code limit } } }""",
        token=world.token,
    )
    assert payload["saveUser"]["userErrors"] == [{"code": "USER_LIMIT", "limit": count + 1}]
    assert await rows() == before
    await api.done("disableUser", "", token=world.token, id=world.ids["colleague"])
    await api.done("saveUser", "", token=world.token, name="More")
    errors = await attempt(api, world, "enableUser", {"id": "<colleague>"})
    assert [one["code"] for one in errors] == ["USER_LIMIT"]
    await api.done("saveUser", "", name="By the platform", resellerId=world.ids["own"])


async def test_a_token_without_a_user_administers_too(api: Api, world: World) -> None:
    """And so does a bound token of a platform's user, within the same limits."""
    _, operators = await bound_token(world.ids["own"], api.clock(), ADMINISTER, VIEW)
    narrowed = await issue(
        api, world.ids["staff"], ADMINISTER, VIEW, resellerId=world.ids["own"], name="n"
    )
    for token in (operators, narrowed["secret"]):
        made = await api.done("saveUser", "user { id resellerId }", token=token, name="New")
        assert made["user"]["resellerId"] == world.ids["own"]
        given = {"granteeId": made["user"]["id"], "permissions": EDITING}
        await api.refused("grantPermissions", LACKING, token=token, **given)
        await api.done("grantPermissions", "", token=token, **{**given, "permissions": VIEWING})
        for who in ("staff", "holder"):
            await api.refused("disableUser", NOT_FOUND, token=token, id=world.ids[who])


async def test_a_partner_without_the_permission_administers_nobody(api: Api, world: World) -> None:
    token = await sign_in(api, world.ids["colleague"], VIEW)
    document = """mutation { saveUser(input: { name: "New" }) { userErrors { code } } }"""
    before = await rows()
    error = await api.error(document, token=token)
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await rows() == before
