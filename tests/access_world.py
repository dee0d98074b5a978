"""Creates users, groups and tokens through the API, as a caller with all permissions."""

from collections.abc import Sequence
from typing import Any

from models.tables.access import Scope
from tests.graphql_client import Api, Json

USER = "user { id name permissions { code } effectivePermissions { code } }"


def codes(permissions: Sequence[Json]) -> list[str]:
    """Return the codes of the permissions in an API response."""
    return [permission["code"] for permission in permissions]


def names(scopes: Sequence[Scope]) -> list[str]:
    """Return the names of scopes, as the API writes them."""
    return [scope.name for scope in scopes]


async def add_user(api: Api, name: str = "Uma", *permissions: Scope, **values: Any) -> str:
    """Add a user with the given permissions; return their id."""
    payload = await api.done("saveUser", "user { id }", name=name, **values)
    user_id: str = payload["user"]["id"]
    if permissions:
        await api.done("grantPermissions", "", granteeId=user_id, permissions=names(permissions))
    return user_id


async def add_group(api: Api, name: str, *permissions: Scope, members: Sequence[str] = ()) -> str:
    """Add a group with the given permissions and members; return its id."""
    payload = await api.done("saveUserGroup", "userGroup { id }", name=name)
    group_id: str = payload["userGroup"]["id"]
    if permissions:
        await api.done("grantPermissions", "", granteeId=group_id, permissions=names(permissions))
    if members:
        await api.done("changeGroupMembers", "", groupId=group_id, addUserIds=members)
    return group_id


async def sign_in(api: Api, user_id: str, *scopes: Scope, **values: Any) -> str:
    """Issue a token for a user; return its secret."""
    payload = await issue(api, user_id, *scopes, **values)
    secret: str = payload["secret"]
    return secret


async def issue(api: Api, user_id: str, *scopes: Scope, **values: Any) -> Json:
    """Issue a token for a user; return the mutation's payload."""
    return await api.done(
        "issueAccessToken",
        "secret accessToken { id name scopes expiresAt version user { id } resellerId }",
        userId=user_id,
        scopes=names(scopes),
        **{"name": "laptop", **values},
    )
