"""A platform user's token that is bound to a reseller: partners cannot act as that user."""

from typing import Any

import pytest

from models import AccessToken, AuditEntry, User
from models.rules.permission import FOR_PARTNERS
from models.tables.access import Scope
from tests.access_world import add_group, add_user, codes, issue, sign_in
from tests.graphql_client import Api

ADMINISTER = Scope.ACCESS_ADMINISTER
VIEW, EDIT = Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE
VIEWER = """{ viewer {
  groups { name permissions { code } }
  accessTokens { name }
  user {
    id name email issuer subject groups { name } permissions { code }
    effectivePermissions { code } accessTokens { name } auditTrail { nodes { operation } }
  }
} }"""


class World:
    """Platform user Paula with a bound and an unbound token, and the reseller's user Olive."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def fill(self) -> "World":
        api = self.api
        self.reseller = (await api.save_customer(name="A", classCode="RESELLER_OTHER"))["id"]
        self.paula = await add_user(
            api,
            "Paula",
            Scope.AUDIT_READ,
            email="paula@example.org",
            issuer="https://id.example",
            subject="paula",
        )
        held = (ADMINISTER, EDIT)
        self.olive = await add_user(
            api, "Olive", *held, resellerId=self.reseller, email="olive@example.org"
        )
        members = [self.paula, self.olive]
        await add_group(api, "Everybody", *held, Scope.AUDIT_ERASE, members=members)
        await add_group(api, "Platform", Scope.CUSTOMER_CLASSES_ADMINISTER, members=[self.paula])
        self.bound = await issue(
            api, self.paula, ADMINISTER, VIEW, name="bound", resellerId=self.reseller
        )
        await sign_in(api, self.paula, VIEW, name="her own")
        self.olives = await sign_in(api, self.olive, *held, name="olive")
        return self


@pytest.fixture
async def world(api: Api) -> World:
    """Create the users and tokens."""
    return await World(api).fill()


async def tokens() -> list[dict[str, Any]]:
    """Return the tokens without the time of their last use."""
    rows = await AccessToken.all().order_by("id").values()
    return [{**row, "last_used_at": None} for row in rows]


async def test_a_partner_gets_no_secret_by_which_it_acts_as_the_platforms_user(
    api: Api, world: World
) -> None:
    """R99: neither by rotating nor by issuing; but they may revoke tokens of their reseller."""
    bound_id = world.bound["accessToken"]["id"]
    before = await tokens(), await AuditEntry.all().count()
    wrong: tuple[dict[str, Any], ...] = (
        {"id": bound_id},
        {"id": bound_id, "expectedVersion": 9},
        {"id": "tok_none"},
    )
    told = [
        await api.refused("rotateAccessToken", "NOT_FOUND", token=world.olives, **values)
        for values in wrong
    ]
    assert told[0] == told[1] == told[2]  # with the same message
    given: dict[str, Any] = {"userId": world.paula, "name": "x", "scopes": ["CUSTOMERS_READ"]}
    await api.refused("issueAccessToken", "NOT_FOUND", token=world.olives, **given)
    assert (await tokens(), await AuditEntry.all().count()) == before
    await api.done("revokeAccessToken", "", token=world.olives, id=bound_id)
    assert (await api.post(VIEWER, token=world.bound["secret"])).status_code == 401


async def test_who_holds_a_bound_token_rotates_it_and_issues_more_of_the_kind(
    api: Api, world: World
) -> None:
    """R93: also with permissions from a group, which the token cannot see."""
    own = world.bound["secret"]
    given: dict[str, Any] = {"name": "more", "scopes": ["ACCESS_ADMINISTER", "CUSTOMERS_READ"]}
    issued = await api.done(
        "issueAccessToken", "accessToken { resellerId scopes }", token=own, **given
    )
    assert issued["accessToken"] == {"resellerId": world.reseller, "scopes": given["scopes"]}
    beyond: dict[str, Any] = {"name": "x", "scopes": ["CUSTOMERS_WRITE"]}
    await api.refused("issueAccessToken", "PERMISSION_NOT_HELD", token=own, **beyond)
    rotated = await api.done(
        "rotateAccessToken", "secret", token=own, id=world.bound["accessToken"]["id"]
    )
    assert (await api.data(VIEWER, token=rotated["secret"]))["viewer"]["user"]["name"] == "Paula"


async def test_a_bound_token_tells_nothing_of_the_platform_about_its_user(
    api: Api, world: World
) -> None:
    """R99: it shows the user's id, name, and the token's permissions, but not their group."""
    viewer = (await api.data(VIEWER, token=world.bound["secret"]))["viewer"]
    assert viewer == {
        "groups": [],
        "accessTokens": [{"name": "bound"}],
        "user": {
            "id": world.paula,
            "name": "Paula",
            "email": None,
            "issuer": None,
            "subject": None,
            "groups": [],
            "permissions": [],
            "effectivePermissions": [
                {"code": "ACCESS_ADMINISTER"},
                {"code": "ACCESS_READ"},
                {"code": "CUSTOMERS_READ"},
            ],
            "accessTokens": [{"name": "bound"}],
            "auditTrail": {"nodes": []},
        },
    }
    paula = await User.get(id=world.paula)
    assert (paula.email, paula.permissions) == ("paula@example.org", ["audit:read"])


async def test_a_partners_user_is_shown_what_partners_may_at_most(api: Api, world: World) -> None:
    """R99: for any caller, and regardless of other permissions of the user or its groups."""
    given: dict[str, Any] = {
        "granteeId": world.olive,
        "permissions": ["CUSTOMER_CLASSES_ADMINISTER"],
    }
    await api.done("grantPermissions", "", **given)
    viewer = (await api.data(VIEWER, token=world.olives))["viewer"]
    may = ["ACCESS_ADMINISTER", "ACCESS_READ", "CUSTOMER_CLASSES_READ"]
    may += ["CUSTOMERS_READ", "CUSTOMERS_WRITE"]
    assert codes(viewer["user"]["effectivePermissions"]) == may
    assert set(may) <= {scope.name for scope in FOR_PARTNERS}
    assert viewer["user"]["email"] == "olive@example.org"
    assert [group["name"] for group in viewer["groups"]] == ["Everybody"]
    users = await api.data("{ users { nodes { name effectivePermissions { code } } } }")
    shown = {user["name"]: codes(user["effectivePermissions"]) for user in users["users"]["nodes"]}
    assert shown["Olive"] == may
    assert {"AUDIT_ERASE", "CUSTOMER_CLASSES_ADMINISTER"} <= set(shown["Paula"])
