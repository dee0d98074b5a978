"""Commands for users, groups and access tokens."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import click

from commands.running import read, run_change
from models.changes.granting import Grantee, grant_permissions, revoke_permissions
from models.changes.token_issuing import (
    MAX_LIFE_DAYS,
    Issued,
    TokenRequest,
    issue,
    revoke,
    rotate,
)
from models.changes.user_editing import create_user, disable_user, enable_user
from models.changes.user_group_editing import change_members, create_group, delete_group
from models.lists.access_list import effective_permissions, member_counts
from models.tables.access import AccessToken, Scope
from models.tables.audit import ActorContext
from models.tables.user import User, UserGroup
from opening import utc_now

ALL = ", ".join(Scope)


token_cli = click.Group("token", help="Access tokens.")
user_cli = click.Group("user", help="Manage users and their permissions.")
group_cli = click.Group("group", help="Groups of users.")


def _scopes_of(_: click.Context, __: click.Parameter, text: str) -> list[Scope]:
    """Return the permissions in a text, separated by commas; `all` means all of them.

    Raises BadParameter for an unknown permission.
    """
    if text.strip() == "all":
        return list(Scope)
    codes = [part.strip() for part in text.split(",") if part.strip()]
    if any(code not in set(Scope) for code in codes):
        raise click.BadParameter(f"Use one or more of these, separated by commas: {ALL}.")
    return [Scope(code) for code in codes]


named = click.option("--name", required=True, help="The name, 1 to 200 characters.")
of_user = click.argument("user_id", help="The id that `user list` shows.")
of_group = click.argument("group_id", help="The id that `group list` shows.")
of_token = click.argument("token_id", help="The id that `token list` shows.")
of_grantee = click.argument("grantee_id", help="The id of a user or a group.")
permitted = click.option(
    "--permissions",
    default="",
    callback=_scopes_of,
    help="Permissions separated by commas, or `all`.",
)
to_permit = click.option(
    "--permissions",
    required=True,
    callback=_scopes_of,
    help=f"Permissions separated by commas, or `all`: {ALL}.",
)
LIFE = click.IntRange(1, MAX_LIFE_DAYS)


@token_cli.command("issue")
@click.option(
    "--scopes",
    required=True,
    callback=_scopes_of,
    help=f"Permissions separated by commas, or `all`: {ALL}.",
)
@click.option(
    "--name", default="operator", help="The name of the token's holder, which histories show."
)
@click.option(
    "--days", type=LIFE, default=90, help="The number of days after which the token expires."
)
@click.option(
    "--user",
    help="The id of the user that the token belongs to. By default the token belongs to no user.",
)
@click.option(
    "--reseller",
    help="The id of the reseller that the token is bound to, which cannot be changed later. By"
    " default none.",
)
def issue_token(
    scopes: list[Scope], name: str, days: int, user: str | None, reseller: str | None
) -> None:
    """Issue a bearer token; it is printed once and cannot be read again."""
    wanted = TokenRequest(name, scopes, days, user, reseller)

    async def work(act: ActorContext) -> Issued:
        return await issue(act, wanted, None)

    print(f"Token {run_change(work).secret}")


@token_cli.command("rotate")
@of_token
@click.option(
    "--overlap-hours",
    type=click.IntRange(0, 720),
    default=24,
    help="The number of hours that the old token stays valid; 0 ends it at once.",
)
@click.option(
    "--days",
    type=LIFE,
    help="The number of days after which the new token expires. By default the lifetime of the old"
    " token.",
)
def rotate_token(token_id: str, overlap_hours: int, days: int | None) -> None:
    """Replace a token by a new one, which is printed once."""

    async def work(act: ActorContext) -> Issued:
        return await rotate(act, token_id, timedelta(hours=overlap_hours), days, None)

    print(f"Token {run_change(work).secret}")


@token_cli.command("list")
def list_tokens() -> None:
    """List the tokens by their first characters; whole tokens cannot be shown."""

    async def work() -> tuple[list[AccessToken], Mapping[str, User]]:
        tokens = await AccessToken.all().order_by("id")
        owners = [token.user_id for token in tokens if token.user_id is not None]
        return tokens, await User.in_bulk(owners, "id")

    tokens, owners = read(work)
    now = utc_now()
    for token in tokens:
        owner = owners.get(token.user_id or "")
        print(f"{token.id}  {token.shown_prefix}…  {token.name}  {_state(token, owner, now)}")


@token_cli.command("revoke")
@of_token
def revoke_token(token_id: str) -> None:
    """Revoke a token at once."""

    async def work(act: ActorContext) -> AccessToken:
        return await revoke(act, token_id, None, None)

    run_change(work)
    print(f"Revoked {token_id}")


@user_cli.command("add")
@named
@click.option("--email", help="The user's email address.")
@click.option("--issuer", help="The issuer URL of the identity provider where the user signs in.")
@click.option("--subject", help="The user's id (`sub`) at the identity provider.")
@click.option(
    "--reseller",
    help="The id of the reseller that the user works for, which cannot be changed later. By default"
    " none.",
)
@permitted
def add_user(
    name: str,
    email: str | None,
    issuer: str | None,
    subject: str | None,
    reseller: str | None,
    permissions: list[Scope],
) -> None:
    """Add a user, and print the id."""

    async def work(act: ActorContext) -> User:
        given = {"name": name, "email": email, "issuer": issuer, "subject": subject}
        added = await create_user(act, given, reseller)
        if permissions:
            await grant_permissions(act, added.id, permissions, None, None)
        return added

    print(f"User {run_change(work).id}")


@user_cli.command("list")
def list_users() -> None:
    """List the users with the permissions of each."""

    async def work() -> tuple[list[User], Mapping[str, frozenset[Scope]]]:
        users = await User.all().order_by("name_key", "id")
        bound = [user.id for user in users if user.reseller_id is not None]
        own = {user.id: user.permissions for user in users}
        return users, await effective_permissions(own, bound)

    users, permissions = read(work)
    for user in users:
        state = "active" if user.disabled_at is None else "disabled"
        held = ", ".join(sorted(permissions[user.id])) or "no permissions"
        bound = "" if user.reseller_id is None else f" of {user.reseller_id}"
        print(f"{user.id}  {user.name}{bound}  {state}: {held}")


@user_cli.command("disable")
@of_user
def disable(user_id: str) -> None:
    """Disable a user: none of their credentials can sign in."""

    async def work(act: ActorContext) -> User:
        return await disable_user(act, user_id, None, None)

    run_change(work)
    print(f"Disabled {user_id}")


@user_cli.command("enable")
@of_user
def enable(user_id: str) -> None:
    """Let a disabled user sign in again."""

    async def work(act: ActorContext) -> User:
        return await enable_user(act, user_id, None, None)

    run_change(work)
    print(f"Enabled {user_id}")


@group_cli.command("add")
@named
@click.option("--external-name", help="The group's name at the identity provider.")
@permitted
def add_group(name: str, external_name: str | None, permissions: list[Scope]) -> None:
    """Add a group, and print the id."""

    async def work(act: ActorContext) -> UserGroup:
        added = await create_group(act, {"name": name, "external_name": external_name})
        if permissions:
            await grant_permissions(act, added.id, permissions, None, None)
        return added

    print(f"Group {run_change(work).id}")


@group_cli.command("list")
def list_groups() -> None:
    """List the groups with the permissions and number of members of each."""

    async def work() -> tuple[list[UserGroup], Mapping[str, int]]:
        groups = await UserGroup.all().order_by("name_key")
        return groups, await member_counts([group.id for group in groups], None)

    groups, counts = read(work)
    for group in groups:
        held = ", ".join(sorted(group.permissions)) or "no permissions"
        members = "1 member" if counts[group.id] == 1 else f"{counts[group.id]} members"
        print(f"{group.id}  {group.name}  {members}: {held}")


@group_cli.command("join")
@of_group
@of_user
def join(group_id: str, user_id: str) -> None:
    """Add a user to a group."""

    async def work(act: ActorContext) -> UserGroup:
        return await change_members(act, group_id, [user_id], [], None)

    run_change(work)
    print(f"{user_id} is in {group_id}")


@group_cli.command("leave")
@of_group
@of_user
def leave(group_id: str, user_id: str) -> None:
    """Remove a user from a group."""

    async def work(act: ActorContext) -> UserGroup:
        return await change_members(act, group_id, [], [user_id], None)

    run_change(work)
    print(f"{user_id} is not in {group_id}")


@group_cli.command("delete")
@of_group
def delete(group_id: str) -> None:
    """Delete a group; its members lose the permissions that only it gave them."""

    async def work(act: ActorContext) -> UserGroup:
        return await delete_group(act, group_id, None)

    run_change(work)
    print(f"Deleted {group_id}")


@click.command("grant")
@of_grantee
@to_permit
def grant(grantee_id: str, permissions: list[Scope]) -> None:
    """Grant permissions to a user or a group."""

    async def work(act: ActorContext) -> Grantee:
        return await grant_permissions(act, grantee_id, permissions, None, None)

    print(f"Granted; {grantee_id} has {', '.join(run_change(work).permissions)}")


@click.command("revoke")
@of_grantee
@to_permit
def revoke_from(grantee_id: str, permissions: list[Scope]) -> None:
    """Revoke permissions of a user or a group."""

    async def work(act: ActorContext) -> Grantee:
        return await revoke_permissions(act, grantee_id, permissions, None, None)

    print(f"Revoked; {grantee_id} has {', '.join(run_change(work).permissions) or 'nothing'}")


for grantees in (user_cli, group_cli):
    grantees.add_command(grant)
    grantees.add_command(revoke_from)


def _state(token: AccessToken, owner: User | None, now: datetime) -> str:
    is_valid = token.is_valid(now) and (owner is None or owner.disabled_at is None)
    state = "valid" if is_valid else "revoked or expired"
    if owner is not None:
        state = f"{state}, of {owner.name}" + (" (disabled)" if owner.disabled_at else "")
    if token.reseller_id is not None:
        state = f"{state}, bound to {token.reseller_id}"
    used = "never used" if token.last_used_at is None else f"used {token.last_used_at:%Y-%m-%d}"
    return f"{state}, {used}"
