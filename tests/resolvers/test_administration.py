"""Administration: no granting of permissions one lacks, no lock-out, and partners' limits."""

from functools import partial
from typing import Any

import pytest

from models import AccessToken, CustomerClass, User
from models.changes.token_issuing import TokenRequest
from models.changes.token_issuing import issue as issue_token
from models.changes.user_editing import disable_user
from models.tables.access import OPERATOR, Scope
from models.tables.audit import ActorContext
from tests.access_world import add_group, add_user, issue, sign_in
from tests.factories import everything
from tests.graphql_client import Api, Json

ADMINISTER = Scope.ACCESS_ADMINISTER
VIEW, EDIT, LOOK_UP = Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE, Scope.ENRICHMENT_RUN
CLASS_EDIT = Scope.CUSTOMER_CLASSES_WRITE


async def refused(api: Api, token: str, mutation: str, code: str, **values: Any) -> Json:
    """Assert that a mutation is refused with one error and changes no row; return the error."""
    before = await untouched()
    (refusal,) = await api.refused(mutation, code, token=token, **values)
    assert await untouched() == before
    return refusal


async def untouched() -> Any:
    """Return all rows, without the last use of tokens and the costs of requests."""
    rows = await everything()
    del rows["RateLimit"]
    tokens = [{**row, "last_used_at": None} for row in rows.pop("AccessToken")]
    return {**rows, "AccessToken": tokens}


async def test_nobody_gives_or_takes_over_what_they_do_not_hold(api: Api) -> None:
    """R93: an administrator cannot gain permissions that they lack."""
    low = await add_user(api, "Low", ADMINISTER, EDIT)
    token = await sign_in(api, low, ADMINISTER, EDIT)
    high = await add_user(api, "High", CLASS_EDIT)
    gone = await add_user(api, "Gone", CLASS_EDIT)
    await api.done("disableUser", "", id=gone)
    above = await add_group(api, "Above", CLASS_EDIT)
    highs = (await issue(api, high, CLASS_EDIT))["accessToken"]["id"]
    operators = (await AccessToken.get(name="Tess Tester")).id
    classes = ["CUSTOMER_CLASSES_READ"]
    ways: list[tuple[str, dict[str, Any], str]] = [
        ("grantPermissions", {"granteeId": low, "permissions": classes}, "permissions"),
        ("grantPermissions", {"granteeId": above, "permissions": ["AUDIT_READ"]}, "permissions"),
        ("changeGroupMembers", {"groupId": above, "addUserIds": [low]}, "addUserIds"),
        ("saveUserGroup", {"id": above, "externalName": "everybody"}, "id"),
        ("saveUser", {"id": high, "issuer": "https://evil.example", "subject": "me"}, "id"),
        ("enableUser", {"id": gone}, "id"),
        ("issueAccessToken", {"userId": high, "name": "x", "scopes": classes}, "scopes"),
        ("rotateAccessToken", {"id": highs}, "id"),
        ("rotateAccessToken", {"id": operators}, "id"),
    ]
    for mutation, values, path in ways:
        refusal = await refused(api, token, mutation, "PERMISSION_NOT_HELD", **values)
        assert refusal["path"] == [path], mutation
        assert "You do not have" in refusal["message"]
    # They can grant permissions that they have or that are implied; revoking needs none of them.
    await api.done("grantPermissions", "", token=token, granteeId=high, permissions=[VIEW.name])
    given = {"granteeId": high, "permissions": [CLASS_EDIT.name]}
    await api.done("revokePermissions", "", token=token, **given)
    await api.done("revokeAccessToken", "", token=token, id=highs)


async def test_a_narrow_token_of_a_mighty_user_gives_no_more_than_it_says(api: Api) -> None:
    """R93: the token's scopes count, not its owner's permissions."""
    uma = await add_user(api, "Uma", *Scope)
    narrow = await sign_in(api, uma, ADMINISTER)
    given: dict[str, Any] = {"userId": uma, "name": "x", "scopes": ["CUSTOMERS_READ"]}
    await refused(api, narrow, "issueAccessToken", "PERMISSION_NOT_HELD", **given)
    await refused(api, narrow, "saveUser", "PERMISSION_NOT_HELD", id=uma, subject="x", issuer="y")
    issued = await api.done(
        "issueAccessToken", "secret", token=narrow, **{**given, "scopes": [ADMINISTER.name]}
    )
    assert issued["secret"].startswith("ccl_")


async def test_who_only_reads_access_administers_nothing(api: Api) -> None:
    uma = await add_user(api, "Uma", Scope.ACCESS_READ)
    token = await sign_in(api, uma, Scope.ACCESS_READ)
    seen = await api.data("{ users { nodes { name } } }", token=token)
    assert seen["users"]["nodes"] == [{"name": "Uma"}]
    before = await untouched()
    document = "mutation($id: ID!) { disableUser(input: { id: $id }) { userErrors { code } } }"
    error = await api.error(document, token=token, id=uma)
    assert error["extensions"] == {
        "code": "FORBIDDEN",
        "requiredScopes": ["ACCESS_ADMINISTER"],
    }
    assert await untouched() == before


async def test_the_last_administrator_can_not_lock_everybody_out(api: Api) -> None:
    """R93: but the operator can, and can add an administrator again."""
    uma, vic = await add_user(api, "Uma", LOOK_UP), await add_user(api, "Vic", LOOK_UP)
    group = await add_group(api, "Administrators", ADMINISTER, members=[uma])
    issued = await issue(api, uma, ADMINISTER, LOOK_UP)
    token, token_id = issued["secret"], issued["accessToken"]["id"]
    operators = (await AccessToken.get(name="Tess Tester")).id
    await api.done("revokeAccessToken", "", token=token, id=operators)
    ways: list[tuple[str, dict[str, Any]]] = [
        ("disableUser", {"id": uma}),
        ("revokeAccessToken", {"id": token_id}),
        ("revokePermissions", {"granteeId": group, "permissions": [ADMINISTER.name]}),
        ("changeGroupMembers", {"groupId": group, "removeUserIds": [uma]}),
        ("deleteUserGroup", {"id": group}),
    ]
    for mutation, values in ways:
        await refused(api, token, mutation, "LAST_ADMINISTRATOR", **values)
    kept = await api.do("deleteUserGroup", "userGroup { name }", token=token, id=group)
    assert kept["userGroup"] == {"name": "Administrators"}
    # Another administrator without any credential does not count.
    await api.done("changeGroupMembers", "", token=token, groupId=group, addUserIds=[vic])
    await refused(api, token, "disableUser", "LAST_ADMINISTRATOR", id=uma)
    # Nor does one whose token lacks the scope.
    await api.done(
        "issueAccessToken", "", token=token, userId=vic, name="x", scopes=["ENRICHMENT_RUN"]
    )
    await refused(api, token, "disableUser", "LAST_ADMINISTRATOR", id=uma)
    # Nor do names at an identity provider, because none is configured.
    await api.done("saveUserGroup", "", token=token, id=group, externalName="admins")
    identity = {"id": vic, "issuer": "https://id.example", "subject": "vic"}
    await api.done("saveUser", "", token=token, **identity)
    await refused(api, token, "disableUser", "LAST_ADMINISTRATOR", id=uma)
    act = ActorContext(OPERATOR, api.clock(), "command-1")
    for user_id in (uma, vic):
        await api.platform.database.transaction(partial(disable_user, act, user_id, None, None))
    assert (await api.post("{ viewer { id } }", token=token)).status_code == 401
    assert await User.filter(disabled_at=None).count() == 0


class Partners:
    """Two partners, each with a user; the first has a token that administers its own access."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def fill(self) -> "Partners":
        api = self.api
        save = {"classCode": "RESELLER_OTHER"}
        self.own = (await api.save_customer(name="Own", **save))["id"]
        self.other = (await api.save_customer(name="Other", **save))["id"]
        held = (ADMINISTER, EDIT)
        self.user = await add_user(api, "Olive", *held, resellerId=self.own)
        self.colleague = await add_user(api, "Oscar", VIEW, LOOK_UP, resellerId=self.own)
        self.stranger = await add_user(api, "Strange", *held, resellerId=self.other)
        self.staff = await add_user(api, "Staff", *held)
        self.group = await add_group(api, "Own group", VIEW, members=[self.colleague, self.staff])
        self.other_group = await add_group(api, "Other group", VIEW, members=[self.stranger])
        self.token = await sign_in(api, self.user, *held, name="olive")
        strangers = await issue(api, self.stranger, VIEW, name="strange")
        self.strangers_token = strangers["accessToken"]["id"]
        self.staffs_token = (await issue(api, self.staff, VIEW))["accessToken"]["id"]
        return self


@pytest.fixture
async def partners(api: Api) -> Partners:
    """Add the partners."""
    return await Partners(api).fill()


async def test_a_partners_credential_sees_its_own_users_groups_and_tokens(
    api: Api, partners: Partners
) -> None:
    """R99."""
    seen = await api.data(
        """{
          users { totalCount nodes { name accessTokens { name } groups { name memberCount } } }
          userGroups { totalCount nodes { name memberCount } }
          accessTokens { totalCount nodes { name } }
          viewer { credential { resellerId } }
        }""",
        token=partners.token,
    )
    own_group = {"name": "Own group", "memberCount": 1}
    assert seen == {
        "users": {
            "totalCount": 2,
            "nodes": [
                {"name": "Olive", "accessTokens": [{"name": "olive"}], "groups": []},
                {"name": "Oscar", "accessTokens": [], "groups": [own_group]},
            ],
        },
        "userGroups": {"totalCount": 1, "nodes": [own_group]},
        "accessTokens": {"totalCount": 1, "nodes": [{"name": "olive"}]},
        "viewer": {"credential": {"resellerId": partners.own}},
    }
    ids = [
        partners.stranger,
        partners.staff,
        partners.other_group,
        partners.strangers_token,
        partners.staffs_token,
        partners.colleague,
        partners.group,
    ]
    nodes = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    found = (await api.data(nodes, token=partners.token, ids=ids))["nodes"]
    assert [node and node["id"] for node in found] == [None] * 5 + ids[5:]
    filtered = """query($g: ID, $u: ID, $r: ID) {
      users(filter: { groupId: $g, resellerId: $r }) { totalCount }
      accessTokens(filter: { userId: $u, resellerId: $r }) { totalCount }
    }"""
    asked = {"g": partners.other_group, "u": partners.stranger, "r": partners.other}
    for name, value in asked.items():
        found = await api.data(filtered, token=partners.token, **{name: value})
        if name != "u":
            assert found["users"]["totalCount"] == 0
        if name != "g":
            assert found["accessTokens"]["totalCount"] == 0


async def test_a_partner_does_not_read_of_others_in_the_trail_of_a_group(
    api: Api, partners: Partners
) -> None:
    """R99: a group may have members of several resellers."""
    trail = """query($id: ID!) { node(id: $id) { ... on UserGroup {
      auditTrail { totalCount nodes { after } } } } }"""
    entries = (await api.data(trail, id=partners.group))["node"]["auditTrail"]["nodes"]
    assert {"after": {"userId": partners.staff}} in entries
    seen = (await api.data(trail, token=partners.token, id=partners.group))["node"]
    assert seen == {"auditTrail": {"totalCount": 0, "nodes": []}}


async def test_the_operator_issues_a_token_of_nobodys_that_is_bound(
    api: Api, partners: Partners
) -> None:
    """R99."""
    act = ActorContext(OPERATOR, api.clock(), "command-1")
    scopes = [Scope.ACCESS_ADMINISTER, Scope.CUSTOMERS_READ]
    request = TokenRequest("Integration", scopes, 90, None, partners.own)
    issued = await api.platform.database.transaction(lambda: issue_token(act, request, None))
    viewer = "{ viewer { user { id } scopes credential { resellerId } } users { totalCount } }"
    assert await api.data(viewer, token=issued.secret) == {
        "viewer": {
            "user": None,
            "scopes": [scope.name for scope in scopes],
            "credential": {"resellerId": partners.own},
        },
        "users": {"totalCount": 2},
    }
    given = {"name": "x", "scopes": ["CUSTOMERS_READ"]}
    await refused(api, issued.secret, "issueAccessToken", "REQUIRED", **given)
    own = {**given, "userId": partners.colleague}
    await api.done("issueAccessToken", "", token=issued.secret, **own)
    rotated = await api.done(
        "rotateAccessToken", "accessToken { resellerId }", token=issued.secret, id=issued.token.id
    )
    assert rotated["accessToken"] == {"resellerId": partners.own}


async def test_a_partners_credential_issues_tokens_for_its_own_only(
    api: Api, partners: Partners
) -> None:
    """R99: they are bound to its reseller, and objects of others are not found."""
    token = partners.token
    given: dict[str, Any] = {
        "userId": partners.colleague,
        "name": "x",
        "scopes": ["CUSTOMERS_READ"],
    }
    issued = await api.done(
        "issueAccessToken", "secret accessToken { id resellerId }", token=token, **given
    )
    assert issued["accessToken"]["resellerId"] == partners.own
    bound = "{ viewer { credential { resellerId } user { name } } }"
    assert (await api.data(bound, token=issued["secret"]))["viewer"] == {
        "credential": {"resellerId": partners.own},
        "user": {"name": "Oscar"},
    }
    rotated = await api.done(
        "rotateAccessToken",
        "accessToken { id resellerId }",
        token=token,
        id=issued["accessToken"]["id"],
    )
    assert rotated["accessToken"]["resellerId"] == partners.own
    await api.done("revokeAccessToken", "", token=token, id=rotated["accessToken"]["id"])
    beyond = {**given, "scopes": ["ENRICHMENT_RUN"]}
    await refused(api, token, "issueAccessToken", "PERMISSION_NOT_HELD", **beyond)
    out_of_reach: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("issueAccessToken", {"userId": partners.stranger}, {"userId": "usr_none"}),
        ("issueAccessToken", {"userId": partners.staff}, {"userId": "usr_none"}),
        ("issueAccessToken", {"resellerId": partners.other}, {"resellerId": "cus_none"}),
        ("rotateAccessToken", {"id": partners.strangers_token}, {"id": "tok_none"}),
        ("rotateAccessToken", {"id": partners.staffs_token}, {"id": "tok_none"}),
        ("revokeAccessToken", {"id": partners.strangers_token}, {"id": "tok_none"}),
        ("revokeAccessToken", {"id": partners.staffs_token, "expectedVersion": 9}, {"id": "x"}),
    ]
    for mutation, there, nowhere in out_of_reach:
        rest = given if mutation == "issueAccessToken" else {}
        told = [
            await refused(api, token, mutation, "NOT_FOUND", **{**rest, **values})
            for values in (there, nowhere)
        ]
        assert told[0] == told[1]  # with the same message


async def test_the_tokens_of_a_partners_user_are_bound_to_the_same_reseller(
    api: Api, partners: Partners
) -> None:
    """R99: regardless of who issues them."""
    given: dict[str, Any] = {
        "userId": partners.colleague,
        "name": "x",
        "scopes": ["CUSTOMERS_READ"],
    }
    wrong = {**given, "resellerId": partners.other}
    await refused(api, api.token, "issueAccessToken", "INVALID_RESELLER", **wrong)
    issued = await api.done("issueAccessToken", "accessToken { resellerId }", **given)
    assert issued["accessToken"] == {"resellerId": partners.own}
    # A platform user may have a bound token, which sees no more than a partner's.
    given = {"resellerId": partners.own, "name": "narrowed"}
    narrowed = await sign_in(api, partners.staff, ADMINISTER, **given)
    viewer = "{ viewer { credential { resellerId } accessTokens { resellerId } } }"
    assert (await api.data(viewer, token=narrowed))["viewer"] == {
        "credential": {"resellerId": partners.own},
        "accessTokens": [{"resellerId": partners.own}],
    }
    more = {"name": "more", "scopes": ["ACCESS_ADMINISTER"]}
    issued = await api.done(
        "issueAccessToken", "accessToken { resellerId }", token=narrowed, **more
    )
    assert issued["accessToken"] == {"resellerId": partners.own}
    # The partner sees that token, which is bound to the same reseller, but not its user.
    tokens = await api.data(
        "{ accessTokens { nodes { name user { name } } } }", token=partners.token
    )
    assert tokens["accessTokens"]["nodes"] == [
        {"name": "more", "user": None},
        {"name": "narrowed", "user": None},
        {"name": "x", "user": {"name": "Oscar"}},
        {"name": "olive", "user": {"name": "Olive"}},
    ]


@pytest.mark.parametrize("way", ["erased", "moved", "class retired", "class changed"])
async def test_a_partners_access_ends_when_its_customer_is_no_reseller_any_more(
    api: Api, partners: Partners, way: str
) -> None:
    """R99: its tokens are revoked and its users disabled, in the same transaction."""
    charity = await api.class_of("CHARITY")
    if way == "erased":
        await api.done("deleteCustomer", "", id=partners.own)
    elif way == "moved":
        given = {"customerId": partners.own, "classId": charity["id"], "reason": "Gave up"}
        await api.done("changeCustomerClass", "", **given)
    else:
        own = await api.save_class("id", name="Partners", isReseller=True)
        given = {"customerId": partners.own, "classId": own["id"], "reason": "Renamed"}
        await api.done("changeCustomerClass", "", **given)
        assert (await api.post("{ viewer { id } }", token=partners.token)).status_code == 200
        if way == "class retired":
            given = {"id": own["id"], "replacementId": charity["id"], "reason": "Old"}
            await api.done("retireCustomerClass", "", **given)
        else:
            await api.done("saveCustomerClass", "", id=own["id"], isReseller=False)
    assert (await api.post("{ viewer { id } }", token=partners.token)).status_code == 401
    bound = await AccessToken.filter(reseller_id=partners.own)
    assert {token.revoked_at for token in bound} == {api.clock()}
    users = await User.filter(reseller_id=partners.own)
    assert {user.disabled_at for user in users} == {api.clock()}
    assert await User.filter(reseller_id=partners.other, disabled_at=None).count() == 1
    assert await CustomerClass.filter(is_reseller=True).count() >= 3
    code = "NOT_FOUND" if way == "erased" else "INVALID_RESELLER"
    await api.refused("enableUser", code, id=partners.user)
    trail = """query($id: ID!) { node(id: $id) { ... on User {
      auditTrail(first: 1) { nodes { operation reason } } } } }"""
    (newest,) = (await api.data(trail, id=partners.user))["node"]["auditTrail"]["nodes"]
    assert newest == {
        "operation": "USER_DISABLED",
        "reason": "The customer that the user or token is bound to is no longer a reseller.",
    }
