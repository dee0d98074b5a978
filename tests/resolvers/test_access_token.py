"""Access tokens: issuing with the caller's permissions only, rotation, and revocation."""

from datetime import timedelta
from typing import Any

import pytest

from models import AccessToken, AuditEntry
from models.tables.access import Scope, new_token
from tests.access_world import add_user, issue, sign_in
from tests.clock import START
from tests.factories import everything
from tests.graphql_client import Api

VIEW, EDIT, LOOK_UP = Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE, Scope.ENRICHMENT_RUN
VIEWER = "{ viewer { name scopes } }"
ROTATED = """secret
  accessToken { id name scopes expiresAt resellerId rotatedFromId user { id } }
  oldAccessToken { id expiresAt version }"""


async def works(api: Api, secret: str) -> bool:
    """Return whether a token signs in."""
    status = (await api.post(VIEWER, token=secret)).status_code
    assert status in {200, 401}
    return status == 200


async def test_a_token_is_issued_for_a_user_and_shown_once(api: Api) -> None:
    """R93, R96: its secret is only in the response."""
    uma = await add_user(api, "Uma", EDIT)
    issued = await issue(api, uma, VIEW, name=" phone ", lifetimeDays=30)
    secret, token = issued["secret"], issued["accessToken"]
    assert token == {
        "id": token["id"],
        "name": "phone",
        "scopes": ["CUSTOMERS_READ"],
        "expiresAt": (START + timedelta(days=30)).isoformat(),
        "version": 1,
        "user": {"id": uma},
        "resellerId": None,
    }
    assert (await api.data(VIEWER, token=secret))["viewer"] == {
        "name": "phone",
        "scopes": ["CUSTOMERS_READ"],
    }
    assert secret not in repr(await everything())
    (entry,) = await AuditEntry.filter(operation="token.issued")
    assert entry.subject_id == token["id"]
    assert entry.after == {
        "name": "phone",
        "scopes": ["customers:read"],
        "user_id": uma,
        "expires_at": (START + timedelta(days=30)).isoformat(),
    }
    assert (await AccessToken.get(id=token["id"])).hash not in repr(await AuditEntry.all().values())
    default = await issue(api, uma, VIEW)
    assert default["accessToken"]["expiresAt"] == (START + timedelta(days=90)).isoformat()


async def test_what_is_wrong_with_a_token_is_said_and_none_is_issued(api: Api) -> None:
    """R95."""
    uma = await add_user(api, "Uma", VIEW)
    charity = await api.save_customer()
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"name": " "}, "BLANK"),
        ({"scopes": []}, "TOO_FEW_ITEMS"),
        ({"scopes": ["CUSTOMERS_WRITE"]}, "PERMISSION_NOT_HELD"),  # the user lacks the permission
        ({"lifetimeDays": 0}, "OUT_OF_RANGE"),
        ({"lifetimeDays": 3651}, "OUT_OF_RANGE"),
        ({"userId": "usr_none"}, "NOT_FOUND"),
        ({"userId": None}, "REQUIRED"),  # the caller is a token without a user
        ({"resellerId": "cus_none"}, "NOT_FOUND"),
        ({"resellerId": charity["id"]}, "INVALID_RESELLER"),
        ({"expectedVersion": 9}, "VERSION_CONFLICT"),
    ]
    count = await AccessToken.all().count()
    for values, code in wrong:
        given = {"userId": uma, "name": "x", "scopes": ["CUSTOMERS_READ"], **values}
        await api.refused("issueAccessToken", code, **given)
    assert await AccessToken.all().count() == count


async def test_a_user_issues_tokens_for_itself_unless_told(api: Api) -> None:
    uma = await add_user(api, "Uma", VIEW, Scope.ACCESS_ADMINISTER)
    own = await sign_in(api, uma, VIEW, Scope.ACCESS_ADMINISTER)
    issued = await api.done(
        "issueAccessToken",
        "accessToken { user { id } }",
        token=own,
        name="another",
        scopes=["CUSTOMERS_READ"],
    )
    assert issued["accessToken"]["user"] == {"id": uma}


async def test_a_dry_run_issues_nothing_and_shows_no_secret(api: Api) -> None:
    uma = await add_user(api, "Uma", VIEW)
    tokens = await AccessToken.all().order_by("id").values()
    shown = await issue(api, uma, VIEW, dryRun=True)
    assert shown["secret"] is None
    assert shown["accessToken"]["name"] == "laptop"
    own = await AccessToken.get(name="Tess Tester")
    shown = await api.done("rotateAccessToken", ROTATED, id=own.id, dryRun=True)
    assert (shown["secret"], shown["accessToken"]["rotatedFromId"]) == (None, f"dryrun:{own.id}")
    kept = await AccessToken.all().order_by("id").values()
    assert [{**row, "last_used_at": None} for row in kept] == [
        {**row, "last_used_at": None} for row in tokens
    ]


@pytest.mark.parametrize(
    ("given", "old_ends", "new_ends"),
    [
        ({}, timedelta(hours=24), timedelta(days=10)),  # a day of overlap, and the same lifetime
        ({"overlapHours": 2}, timedelta(hours=2), timedelta(days=10)),
        ({"overlapHours": 720}, timedelta(days=10), timedelta(days=10)),  # not after its own expiry
        ({"overlapHours": 0}, timedelta(), timedelta(days=10)),  # at once
        ({"lifetimeDays": 1}, timedelta(hours=24), timedelta(days=1)),
    ],
)
async def test_a_rotated_token_goes_on_beside_its_successor_for_a_while(
    api: Api, given: dict[str, Any], old_ends: timedelta, new_ends: timedelta
) -> None:
    """R93, R95: to the microsecond, by the clock."""
    partner = await api.save_customer(classCode="RESELLER_OTHER", name="Partner")
    uma = await add_user(api, "Uma", VIEW, LOOK_UP)
    issued = await issue(api, uma, VIEW, lifetimeDays=10, resellerId=partner["id"])
    old = issued["secret"]
    rotated = await api.done("rotateAccessToken", ROTATED, id=issued["accessToken"]["id"], **given)
    new = rotated["secret"]
    assert new != old
    assert rotated["accessToken"] == {
        "id": rotated["accessToken"]["id"],
        "name": "laptop",
        "scopes": ["CUSTOMERS_READ"],
        "expiresAt": (START + new_ends).isoformat(),
        "resellerId": partner["id"],
        "rotatedFromId": issued["accessToken"]["id"],
        "user": {"id": uma},
    }
    assert rotated["oldAccessToken"] == {
        "id": issued["accessToken"]["id"],
        "expiresAt": (START + old_ends).isoformat(),
        "version": 2,
    }
    tick = timedelta(microseconds=1)
    if old_ends:
        api.clock.now = START + old_ends - tick
        assert (await works(api, old), await works(api, new)) == (True, new_ends >= old_ends)
    api.clock.now = START + old_ends
    assert (await works(api, old), await works(api, new)) == (False, new_ends > old_ends)
    api.clock.now = START + new_ends - tick
    assert await works(api, new)
    api.clock.now = START + new_ends
    assert not await works(api, new)


async def test_what_has_ended_or_has_a_successor_is_not_rotated(api: Api) -> None:
    uma = await add_user(api, "Uma", VIEW)
    revoked, rotated, short, disabled = [
        (await issue(api, uma, VIEW, lifetimeDays=days))["accessToken"]["id"]
        for days in (10, 10, 1, 10)
    ]
    await api.done("revokeAccessToken", "", id=revoked)
    await api.done("rotateAccessToken", "", id=rotated)
    for token_id in (revoked, rotated):
        await api.refused("rotateAccessToken", "TOKEN_ENDED", id=token_id)
    wrong: list[dict[str, Any]] = [
        {"overlapHours": -1},
        {"overlapHours": 721},
        {"lifetimeDays": 0},
    ]
    for values in wrong:
        await api.refused("rotateAccessToken", "OUT_OF_RANGE", id=disabled, **values)
    await api.refused("rotateAccessToken", "VERSION_CONFLICT", id=disabled, expectedVersion=9)
    await api.refused("rotateAccessToken", "NOT_FOUND", id="tok_none")
    await api.done("disableUser", "", id=uma)
    await api.refused("rotateAccessToken", "USER_DISABLED", id=disabled)
    await api.done("enableUser", "", id=uma)
    api.clock.advance(timedelta(days=1))
    await api.refused("rotateAccessToken", "TOKEN_ENDED", id=short)


async def test_a_revoked_token_opens_nothing_from_then_on(api: Api) -> None:
    """R95, R96."""
    uma = await add_user(api, "Uma", VIEW)
    issued = await issue(api, uma, VIEW)
    token_id = issued["accessToken"]["id"]
    assert await works(api, issued["secret"])
    await api.refused("revokeAccessToken", "VERSION_CONFLICT", id=token_id, expectedVersion=9)
    await api.refused("revokeAccessToken", "NOT_FOUND", id="tok_none")
    for _ in range(2):  # the second call changes nothing
        revoked = await api.done(
            "revokeAccessToken",
            "accessToken { revokedAt isValid version }",
            id=token_id,
            reason="Lost",
        )
        assert revoked["accessToken"] == {
            "revokedAt": START.isoformat(),
            "isValid": False,
            "version": 2,
        }
        assert not await works(api, issued["secret"])
    (entry,) = await AuditEntry.filter(operation="token.revoked")
    assert (entry.reason, entry.actor_name) == ("Lost", "Tess Tester")


async def test_tokens_are_listed_newest_first_and_told_from_those_that_ended(api: Api) -> None:
    """R98."""
    uma = await add_user(api, "Uma", VIEW)
    vic = await add_user(api, "Vic", VIEW)
    first, second, third = [
        (await issue(api, user, VIEW, lifetimeDays=days))["accessToken"]["id"]
        for user, days in ((uma, 5), (uma, 50), (vic, 50))
    ]
    await api.done("revokeAccessToken", "", id=second)
    query = """query(
      $of: ID, $valid: Boolean, $first: Int, $after: String, $sort: AccessTokenSort
    ) {
      accessTokens(filter: { userId: $of, isValid: $valid }, first: $first, after: $after,
                   sort: $sort) {
        totalCount edges { cursor node { id isValid } }
      }
    }"""

    async def listed(**wanted: Any) -> list[tuple[str, bool]]:
        found = (await api.data(query, **wanted))["accessTokens"]
        nodes = [edge["node"] for edge in found["edges"]]
        assert found["totalCount"] == len(nodes)
        return [(node["id"], node["isValid"]) for node in nodes]

    assert await listed(of=uma) == [(second, False), (first, True)]
    assert await listed(of=uma, sort="CREATED_AT_ASC") == [(first, True), (second, False)]
    assert await listed(of=uma, valid=True) == [(first, True)]
    assert (await listed())[0] == (third, True)
    await api.done("disableUser", "", id=vic)
    assert await listed(of=vic, valid=False) == [(third, False)]
    api.clock.advance(timedelta(days=5))
    assert await listed(of=uma, valid=True) == []
    page = (await api.data(query, first=1))["accessTokens"]["edges"]
    beyond = (await api.data(query, first=1, after=page[0]["cursor"]))["accessTokens"]["edges"]
    assert [page[0]["node"]["id"], beyond[0]["node"]["id"]] == [third, second]
    node = "query($id: ID!) { node(id: $id) { ... on AccessToken { name shownPrefix } } }"
    shown = (await api.data(node, id=first))["node"]
    assert (shown["name"], len(shown["shownPrefix"])) == ("laptop", 12)
    blind = await api.token_for(*(scope for scope in Scope if not scope.startswith("access:")))
    assert (await api.data(node, token=blind, id=first))["node"] is None


async def test_rotation_works_with_as_many_valid_tokens_as_one_may_have(api: Api) -> None:
    """Also for a rotated token whose predecessor is still valid, and again for the next."""
    uma = await add_user(api, "Uma", VIEW)
    issued = await issue(api, uma, VIEW)
    others = [new_token("old", frozenset({VIEW}), api.clock())[0] for _ in range(99)]
    for token in others:
        token.user_id = uma
    await AccessToken.bulk_create(others)
    secrets, token_id = [issued["secret"]], issued["accessToken"]["id"]
    for _ in range(3):
        rotated = await api.done("rotateAccessToken", ROTATED, id=token_id)
        secrets.append(rotated["secret"])
        token_id = rotated["accessToken"]["id"]
    assert all([await works(api, secret) for secret in secrets])
    await api.refused(
        "issueAccessToken", "ACCESS_TOKEN_LIMIT", userId=uma, name="x", scopes=["CUSTOMERS_READ"]
    )
    api.clock.advance(timedelta(hours=24))
    assert [await works(api, secret) for secret in secrets] == [False, False, False, True]


async def test_a_scope_that_this_version_does_not_know_is_left_out(api: Api) -> None:
    """A later version may have stored it, before the service was set back."""
    uma = await add_user(api, "Uma", VIEW)
    issued = await issue(api, uma, VIEW)
    token_id = issued["accessToken"]["id"]
    await AccessToken.filter(id=token_id).update(scopes=["invoices:read", "customers:read"])
    found = await api.data(
        "query($id: ID!) { node(id: $id) { ... on AccessToken { scopes } } }", id=token_id
    )
    assert found == {"node": {"scopes": ["CUSTOMERS_READ"]}}
