"""Commands for users, groups and access tokens: the operator lets in whoever is locked out."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated

import typer

from app import utc_now
from commands.running import do, read
from models.access import AccessToken, Scope
from models.access_list import effective_permissions, member_counts
from models.audit import Act
from models.granting import Grantee, grant_permissions, revoke_permissions
from models.group_editing import change_members, create_group, delete_group
from models.token_issuing import LONGEST_LIFE_DAYS, Issued, TokenRequest, issue, revoke, rotate
from models.user import User, UserGroup
from models.user_editing import create_user, disable_user, enable_user

token_cli = typer.Typer(no_args_is_help=True, help="Access tokens.")
user_cli = typer.Typer(no_args_is_help=True, help="Users, and what they are permitted.")
group_cli = typer.Typer(no_args_is_help=True, help="Groups of users.")

ALL = ",".join(Scope)

Name = Annotated[str, typer.Option(help="1 to 200 characters.")]
UserId = Annotated[str, typer.Argument(help="The id that `user list` shows.")]
GroupId = Annotated[str, typer.Argument(help="The id that `group list` shows.")]
TokenId = Annotated[str, typer.Argument(help="The id that `token list` shows.")]
Codes = Annotated[str, typer.Option(help=f"Comma-separated, or all: {ALL}.")]
Days = Annotated[int, typer.Option(help="Days until it expires.", min=1, max=LONGEST_LIFE_DAYS)]


@token_cli.command("issue")
def issue_token(
    scopes: Codes,
    name: Annotated[str, typer.Option(help="Whom it is for; shown in histories.")] = "operator",
    days: Days = 90,
    user: Annotated[str | None, typer.Option(help="Whose it is; else nobody's.")] = None,
    reseller: Annotated[
        str | None, typer.Option(help="The id of the reseller that it is bound to, for good.")
    ] = None,
) -> None:
    """Issue a bearer token; it is printed once and can't be read again."""
    wanted = TokenRequest(name, _codes(scopes), days, user, reseller)

    async def work(act: Act) -> Issued:
        return await issue(act, wanted, None)

    print(f"Token {do(work).secret}")


@token_cli.command("rotate")
def rotate_token(
    token_id: TokenId,
    overlap_hours: Annotated[
        int, typer.Option(help="How long the old one goes on; 0 ends it at once.", min=0, max=720)
    ] = 24,
    days: Annotated[
        int | None,
        typer.Option(
            help="Days until the new one expires; else as many as the old one was issued for.",
            min=1,
            max=LONGEST_LIFE_DAYS,
        ),
    ] = None,
) -> None:
    """Replace a token by one with another secret, which is printed once."""

    async def work(act: Act) -> Issued:
        return await rotate(act, token_id, timedelta(hours=overlap_hours), days, None)

    print(f"Token {do(work).secret}")


@token_cli.command("list")
def list_tokens() -> None:
    """List the tokens by their first characters; secrets can't be shown."""

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
def revoke_token(token_id: TokenId) -> None:
    """Revoke a token at once."""

    async def work(act: Act) -> AccessToken:
        return await revoke(act, token_id, None, None)

    do(work)
    print(f"Revoked {token_id}")


@user_cli.command("add")
def add_user(
    name: Name,
    email: Annotated[str | None, typer.Option(help="Its address.")] = None,
    issuer: Annotated[str | None, typer.Option(help="The provider it signs in at.")] = None,
    subject: Annotated[str | None, typer.Option(help="What that provider calls it.")] = None,
    reseller: Annotated[
        str | None, typer.Option(help="The id of the reseller whose staff it is, for good.")
    ] = None,
    permissions: Annotated[str, typer.Option(help="Comma-separated, or all.")] = "",
) -> None:
    """Add a user, and print its id."""
    codes = _codes(permissions)

    async def work(act: Act) -> User:
        given = {"name": name, "email": email, "issuer": issuer, "subject": subject}
        added = await create_user(act, given, reseller)
        if codes:
            await grant_permissions(act, added.id, codes, None, None)
        return added

    print(f"User {do(work).id}")


@user_cli.command("list")
def list_users() -> None:
    """List the users with all that each may do."""

    async def work() -> tuple[list[User], Mapping[str, frozenset[Scope]]]:
        users = await User.all().order_by("name_key", "id")
        bound = [user.id for user in users if user.reseller_id is not None]
        own = {user.id: user.permissions for user in users}
        return users, await effective_permissions(own, bound)

    users, permissions = read(work)
    for user in users:
        state = "active" if user.disabled_at is None else "disabled"
        held = ", ".join(sorted(permissions[user.id])) or "may do nothing"
        bound = "" if user.reseller_id is None else f" of {user.reseller_id}"
        print(f"{user.id}  {user.name}{bound}  {state}: {held}")


@user_cli.command("disable")
def disable(user_id: UserId) -> None:
    """Let nothing of a user's sign in any more."""

    async def work(act: Act) -> User:
        return await disable_user(act, user_id, None, None)

    do(work)
    print(f"Disabled {user_id}")


@user_cli.command("enable")
def enable(user_id: UserId) -> None:
    """Let a disabled user sign in again."""

    async def work(act: Act) -> User:
        return await enable_user(act, user_id, None, None)

    do(work)
    print(f"Enabled {user_id}")


@group_cli.command("add")
def add_group(
    name: Name,
    external_name: Annotated[
        str | None, typer.Option(help="What the identity provider calls it.")
    ] = None,
    permissions: Annotated[str, typer.Option(help="Comma-separated, or all.")] = "",
) -> None:
    """Add a group, and print its id."""
    codes = _codes(permissions)

    async def work(act: Act) -> UserGroup:
        added = await create_group(act, {"name": name, "external_name": external_name})
        if codes:
            await grant_permissions(act, added.id, codes, None, None)
        return added

    print(f"Group {do(work).id}")


@group_cli.command("list")
def list_groups() -> None:
    """List the groups with what each was granted."""

    async def work() -> tuple[list[UserGroup], Mapping[str, int]]:
        groups = await UserGroup.all().order_by("name_key")
        return groups, await member_counts([group.id for group in groups], None)

    groups, counts = read(work)
    for group in groups:
        held = ", ".join(sorted(group.permissions)) or "may do nothing"
        print(f"{group.id}  {group.name}  {counts[group.id]} in it: {held}")


@group_cli.command("join")
def join(group_id: GroupId, user_id: UserId) -> None:
    """Put a user into a group."""

    async def work(act: Act) -> UserGroup:
        return await change_members(act, group_id, [user_id], [], None)

    do(work)
    print(f"{user_id} is in {group_id}")


@group_cli.command("leave")
def leave(group_id: GroupId, user_id: UserId) -> None:
    """Take a user out of a group."""

    async def work(act: Act) -> UserGroup:
        return await change_members(act, group_id, [], [user_id], None)

    do(work)
    print(f"{user_id} is not in {group_id}")


@group_cli.command("delete")
def delete(group_id: GroupId) -> None:
    """Delete a group; its members may no longer do what only it let them do."""

    async def work(act: Act) -> UserGroup:
        return await delete_group(act, group_id, None)

    do(work)
    print(f"Deleted {group_id}")


@user_cli.command("grant")
@group_cli.command("grant")
def grant(
    grantee_id: Annotated[str, typer.Argument(help="The id of a user or a group.")],
    permissions: Codes,
) -> None:
    """Let a user or a group do more."""

    async def work(act: Act) -> Grantee:
        return await grant_permissions(act, grantee_id, _codes(permissions), None, None)

    print(f"Granted; {grantee_id} has {', '.join(do(work).permissions)}")


@user_cli.command("revoke")
@group_cli.command("revoke")
def revoke_from(
    grantee_id: Annotated[str, typer.Argument(help="The id of a user or a group.")],
    permissions: Codes,
) -> None:
    """Let a user or a group do less."""

    async def work(act: Act) -> Grantee:
        return await revoke_permissions(act, grantee_id, _codes(permissions), None, None)

    print(f"Revoked; {grantee_id} has {', '.join(do(work).permissions) or 'nothing'}")


def _codes(text: str) -> list[str]:
    """Take a list of permissions apart; refuse what is none."""
    if text.strip() == "all":
        return list(Scope)
    codes = [part.strip() for part in text.split(",") if part.strip()]
    if any(code not in set(Scope) for code in codes):
        raise typer.BadParameter(f"Scopes are: {ALL}.")
    return codes


def _state(token: AccessToken, owner: User | None, now: datetime) -> str:
    is_valid = token.is_valid(now) and (owner is None or owner.disabled_at is None)
    state = "valid" if is_valid else "revoked or expired"
    if owner is not None:
        state = f"{state}, of {owner.name}" + (" (disabled)" if owner.disabled_at else "")
    if token.reseller_id is not None:
        state = f"{state}, bound to {token.reseller_id}"
    used = "never used" if token.last_used_at is None else f"used {token.last_used_at:%Y-%m-%d}"
    return f"{state}, {used}"
