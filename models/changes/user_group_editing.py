"""Adding, editing and deleting user groups, and changing their members."""

from collections.abc import Mapping, Sequence
from typing import Any

from tortoise.exceptions import IntegrityError

from models.changes.administration import (
    begin_platform_wide,
    locked,
    refuse_lockout,
    refuse_more_than_held,
)
from models.rules.errors import RefusalCode, about, refuse
from models.rules.permission import known
from models.rules.text import Checks
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer_class import NAME_LENGTH, rename, touch
from models.tables.user import DESCRIPTION_LENGTH, IDENTITY_LENGTH, GroupMembership, User, UserGroup

GROUP_FIELDS = ("name", "description", "external_name")

MAX_MEMBERS = 100
"""The limit of users who join, and of users who leave, per request."""


async def create_group(act: ActorContext, values: Mapping[str, Any]) -> UserGroup:
    """Add a group without permissions."""
    await begin_platform_wide(act)
    group = UserGroup(created_at=act.now, last_modified_at=act.now)
    await _check_and_set(group, {"name": None, **values})
    try:
        await group.save(force_create=True)
    except IntegrityError as error:
        raise _taken("name", group.name) from error
    await audit.record(act, "group.created", group.id, after=_stored(group))
    return group


async def edit_group(
    act: ActorContext, group_id: str, values: Mapping[str, Any], expected_version: int | None
) -> UserGroup:
    """Change the fields that were sent.

    A new external name gives the group's permissions to other people, so the principal must have
    all of them.
    """
    await begin_platform_wide(act)
    group = await locked_group(group_id, expected_version)
    refuse_more_than_held(act.principal, known(group.permissions), "id")
    before = _stored(group)
    await _check_and_set(group, values)
    after = _stored(group)
    if after == before:
        return group
    touch(group, act.now)
    try:
        await group.save()
    except IntegrityError as error:
        raise _taken("name", group.name) from error
    await audit.record(act, "group.edited", group.id, before=before, after=after)
    if group.external_name is None and before["external_name"] is not None:
        await refuse_lockout(act)
    return group


async def delete_group(act: ActorContext, group_id: str, expected_version: int | None) -> UserGroup:
    """Delete a group; its members lose the permissions that only it granted."""
    await begin_platform_wide(act)
    group = await locked_group(group_id, expected_version)
    members = await GroupMembership.filter(group_id=group.id).order_by("user_id")
    with about(group):
        await _leave(act, group, [member.user_id for member in members])
        await group.delete()
        before = {**_stored(group), "permissions": group.permissions}
        await audit.record(act, "group.deleted", group.id, before=before)
        await refuse_lockout(act)
    return group


async def change_members(
    act: ActorContext,
    group_id: str,
    joining: Sequence[str],
    leaving: Sequence[str],
    expected_version: int | None,
) -> UserGroup:
    """Add users to a group and remove others; ignore users who are already in or out of it.

    To add users, the principal must have all permissions of the group.
    """
    await begin_platform_wide(act)
    group = await locked_group(group_id, expected_version, "groupId")
    await _check_member_ids(joining, leaving)
    memberships = await GroupMembership.filter(group_id=group.id, user_id__in=[*joining, *leaving])
    present = {membership.user_id for membership in memberships}
    new, gone = sorted({*joining} - present), sorted({*leaving} & present)
    if not new and not gone:
        return group
    if new:
        refuse_more_than_held(act.principal, known(group.permissions), "addUserIds")
    await _join(act, group, new)
    await _leave(act, group, gone)
    touch(group, act.now)
    await group.save()
    if gone:
        await refuse_lockout(act)
    return group


async def locked_group(group_id: str, expected_version: int | None = None, *path: str) -> UserGroup:
    """Lock and return a group; refuses a missing group or a stale version."""
    return await locked(UserGroup, group_id, expected_version, "group", *path)


async def _check_member_ids(joining: Sequence[str], leaving: Sequence[str]) -> None:
    checks = Checks()
    for path, ids in (("addUserIds", joining), ("removeUserIds", leaving)):
        if len(ids) > MAX_MEMBERS:
            checks.refuse(RefusalCode.INVALID, f"At most {MAX_MEMBERS} users per request.", path)
    if {*joining} & {*leaving}:
        checks.refuse(
            RefusalCode.INVALID, "A user can't be both added and removed.", "removeUserIds"
        )
    checks.settle()
    found = set(await User.filter(id__in=list(joining)).values_list("id", flat=True))
    if {*joining} - found:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such user.", "addUserIds")


async def _join(act: ActorContext, group: UserGroup, user_ids: Sequence[str]) -> None:
    for user_id in user_ids:
        await GroupMembership.create(group=group, user_id=user_id, joined_at=act.now)
        await audit.record(act, "user.joined_group", user_id, after={"group_id": group.id})
        await audit.record(act, "group.member_added", group.id, after={"user_id": user_id})


async def _leave(act: ActorContext, group: UserGroup, user_ids: Sequence[str]) -> None:
    await GroupMembership.filter(group_id=group.id, user_id__in=list(user_ids)).delete()
    for user_id in user_ids:
        await audit.record(act, "user.left_group", user_id, before={"group_id": group.id})
        await audit.record(act, "group.member_removed", group.id, before={"user_id": user_id})


async def _check_and_set(group: UserGroup, values: Mapping[str, Any]) -> None:
    checks = Checks()
    if "name" in values:
        rename(group, checks.required_text(values["name"], NAME_LENGTH, "name"))
    if "description" in values:
        group.description = checks.optional_text(
            values["description"], DESCRIPTION_LENGTH, "description", has_lines=True
        )
    if "external_name" in values:
        group.external_name = checks.optional_text(
            values["external_name"], IDENTITY_LENGTH, "externalName"
        )
    checks.settle()
    others = UserGroup.exclude(id=group.id)
    if await others.filter(name_key=group.name_key).exists():
        raise _taken("name", group.name)
    if group.external_name and await others.filter(external_name=group.external_name).exists():
        raise _taken("externalName", group.external_name)


def _taken(path: str, name: str) -> Exception:
    return refuse(RefusalCode.ALREADY_EXISTS, f"There is already a group called {name}.", path)


def _stored(group: UserGroup) -> dict[str, Any]:
    return {name: getattr(group, name) for name in GROUP_FIELDS}
