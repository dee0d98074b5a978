"""Which administration is allowed with permissions from an identity provider's claims."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from models import AccessToken, AuditEntry, GroupMembership, User, UserGroup
from models.tables.access import Scope
from tests.access_world import add_group, add_user, sign_in
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, Json, running_api
from tests.identity_provider import AUDIENCE, IdentityProvider, identity_provider

ADMINISTER, VIEW, EDIT = Scope.ACCESS_ADMINISTER, Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE


@pytest.fixture
async def provider(clock: Clock) -> AsyncIterator[IdentityProvider]:
    """Yield the organisation's identity provider."""
    async with identity_provider(clock) as served:
        yield served


@pytest.fixture
async def api(databases: Databases, clock: Clock, provider: IdentityProvider) -> AsyncIterator[Api]:
    """Yield the application, which trusts that provider."""
    settings: Json = {"oidc_issuer": provider.issuer, "oidc_audience": AUDIENCE}
    async with running_api(databases, clock, **settings) as started:
        yield started


async def alone(api: Api) -> tuple[str, str]:
    """Make one user the only administrator of access; return the user's id and token."""
    uma = await add_user(api, "Uma", ADMINISTER)
    token = await sign_in(api, uma, ADMINISTER)
    operators = (await AccessToken.get(name="Tess Tester")).id
    await api.done("revokeAccessToken", "", token=token, id=operators)
    return uma, token


async def test_a_group_that_the_provider_names_can_let_an_administrator_in(api: Api) -> None:
    """R93."""
    group = await add_group(api, "Administrators", ADMINISTER)
    uma, token = await alone(api)
    await api.refused("disableUser", "LAST_ADMINISTRATOR", token=token, id=uma)
    await api.done("saveUserGroup", "", token=token, id=group, externalName="admins")
    await api.done("disableUser", "", token=token, id=uma, dryRun=True)
    await api.done("saveUserGroup", "", token=token, id=group, externalName=None)
    await api.refused("disableUser", "LAST_ADMINISTRATOR", token=token, id=uma)
    assert (await User.get(id=uma)).disabled_at is None


async def test_only_users_of_the_provider_that_is_set_can_sign_in_there(
    api: Api, provider: IdentityProvider
) -> None:
    """R93: another issuer's tokens are refused, so its users do not count as administrators."""
    vic = await add_user(api, "Vic", ADMINISTER)
    uma, token = await alone(api)
    elsewhere = {"id": vic, "issuer": "https://elsewhere.example", "subject": "vic"}
    await api.done("saveUser", "", token=token, **elsewhere)
    await api.refused("disableUser", "LAST_ADMINISTRATOR", token=token, id=uma)
    await api.done("saveUser", "", token=token, **{**elsewhere, "issuer": provider.issuer})
    await api.done("disableUser", "", token=token, id=uma, dryRun=True)
    assert (await User.get(id=uma)).disabled_at is None
    # Vic is then the only administrator, so he cannot be moved to another issuer.
    vics = provider.token(sub="vic")
    await api.done("disableUser", "", token=vics, id=uma)
    await api.refused("saveUser", "LAST_ADMINISTRATOR", token=vics, **elsewhere)
    assert (await User.get(id=vic)).issuer == provider.issuer


async def test_what_is_held_by_a_claim_alone_is_not_passed_on(
    api: Api, provider: IdentityProvider
) -> None:
    """R93: the permission ends with the token, and nothing granted with it may last longer."""
    claimed = await add_group(api, "Claimed", ADMINISTER, EDIT)
    await api.done("saveUserGroup", "", id=claimed, externalName="admins")
    uma = await add_user(api, "Uma")
    mighty = await add_user(api, "Mighty", EDIT)
    token = provider.token(groups=["admins"])
    assert (await api.data("{ viewer { scopes } }", token=token))["viewer"]["scopes"] == [
        "ACCESS_ADMINISTER",
        "ACCESS_READ",
        "CUSTOMERS_READ",
        "CUSTOMERS_WRITE",
    ]
    alice = (await User.get(subject="alice")).id
    ways: list[tuple[str, dict[str, Any]]] = [
        ("grantPermissions", {"granteeId": alice, "permissions": [ADMINISTER.name]}),
        ("grantPermissions", {"granteeId": uma, "permissions": [VIEW.name]}),
        ("changeGroupMembers", {"groupId": claimed, "addUserIds": [alice]}),
        ("saveUserGroup", {"id": claimed, "externalName": "everybody"}),
        ("saveUser", {"id": mighty, "issuer": provider.issuer, "subject": "me"}),
        ("issueAccessToken", {"userId": mighty, "name": "x", "scopes": [VIEW.name]}),
    ]
    before = await stored()
    for mutation, values in ways:
        (refusal,) = await api.refused(mutation, "PERMISSION_NOT_HELD", token=token, **values)
        assert "only through your current sign-in" in refusal["message"], mutation
    assert await stored() == before
    # The user's own permissions can be granted; revoking needs none of them.
    await api.done("grantPermissions", "", granteeId=alice, permissions=[VIEW.name])
    await api.done("grantPermissions", "", token=token, granteeId=uma, permissions=[VIEW.name])
    await api.done("revokePermissions", "", token=token, granteeId=mighty, permissions=[EDIT.name])


async def test_no_link_to_an_export_is_made_that_would_lack_a_claimed_permission(
    api: Api, provider: IdentityProvider
) -> None:
    """R93: a download by a link knows no claims, so it would be refused."""
    claimed = await add_group(api, "Claimed", VIEW)
    await api.done("saveUserGroup", "", id=claimed, externalName="readers")
    token = provider.token(groups=["readers"])
    document = "mutation($input: CreateExportInput!) { createExport(input: $input) { url } }"
    values = {"kind": "CUSTOMERS", "format": "CSV"}
    error = await api.error(document, token=token, input=values)
    assert error["extensions"]["code"] == "FORBIDDEN"
    alice = (await User.get(subject="alice")).id
    await api.done("grantPermissions", "", granteeId=alice, permissions=[VIEW.name])
    made = await api.done("createExport", "url", token=token, **values)
    path = made["url"][made["url"].index("/exports/") :]
    answer = await api.http.get(path)
    assert answer.status_code == 200


async def stored() -> list[Any]:
    """Return all rows that administration can change."""
    kinds = (User, UserGroup, GroupMembership, AuditEntry)
    return [await kind.all().order_by("id").values() for kind in kinds] + [
        await AccessToken.all().count()
    ]
