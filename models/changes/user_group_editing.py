"""Adding, editing and deleting user groups, and changing their members."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tortoise.exceptions import IntegrityError

from models.changes.administration import (
    begin_platform_administration,
    check_held,
    locked,
    refuse_lockout,
)
from models.rules.checks import Checks
from models.rules.errors import RefusalCode, Refused, about, refuse
from models.rules.permission import known
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer_class import NAME_LENGTH, rename, touch
from models.tables.user import DESCRIPTION_LENGTH, IDENTITY_LENGTH, GroupMembership, User, UserGroup

GROUP_FIELDS = ("name", "description", "external_name")

MAX_MEMBERS = 100
"""The maximum number of users whom one request adds to a group, and whom one request removes."""


async def create_group(act: ActorContext, values: Mapping[str, Any]) -> UserGroup:
    """Add a group without permissions."""
    await begin_platform_administration(act)
    checks = act.checks()
    group = UserGroup(created_at=act.now, last_modified_at=act.now)
    _set(group, _checked(checks, {"name": None, **values}))
    await _check_taken(checks, group)
    checks.raise_refusals()
    try:
        await group.save(force_create=True)
    except IntegrityError as error:
        raise _taken("name", group.name) from error
    await audit.record(act, "group.created", group.id, after=_stored(group))
    return group


async def edit_group(
    act: ActorContext, group_id: str, values: Mapping[str, Any], expected_version: int | None
) -> UserGroup:
    """Change the fields in `values`.

    A new external name (the group's name at the identity provider) gives the group's permissions to
    other people, so the principal must have all of these permissions.
    """
    await begin_platform_administration(act)
    checks = act.checks()
    changed = _checked(checks, values)
    group = await checks.attempt(locked_group(group_id, expected_version))
    if group is None:
        raise checks.refused()
    check_held(checks, act.principal, known(group.permissions), "id")
    before = _stored(group)
    _set(group, changed)
    await _check_taken(checks, group)
    checks.raise_refusals()
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
    await begin_platform_administration(act)
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
    """Add users to a group, and remove others.

    Users who are to join are ignored if they are members; users who are to leave, if they are not.

    To add users, the principal must have all permissions of the group.
    """
    await begin_platform_administration(act)
    checks = act.checks()
    await _check_member_ids(checks, joining, leaving)
    group = await checks.attempt(locked_group(group_id, expected_version, "groupId"))
    if group is None:
        raise checks.refused()
    memberships = await GroupMembership.filter(group_id=group.id, user_id__in=[*joining, *leaving])
    present = {membership.user_id for membership in memberships}
    new, gone = sorted({*joining} - present), sorted({*leaving} & present)
    if new:
        check_held(checks, act.principal, known(group.permissions), "addUserIds")
    checks.raise_refusals()
    if not new and not gone:
        return group
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


async def _check_member_ids(checks: Checks, joining: Sequence[str], leaving: Sequence[str]) -> None:
    for path, ids in (("addUserIds", joining), ("removeUserIds", leaving)):
        checks.list_length(ids, MAX_MEMBERS, path)
        if len(ids) <= MAX_MEMBERS:
            known = await User.filter(id__in=list(ids)).values_list("id", flat=True)
            for place in _places(set(ids) - {str(one) for one in known}, ids):
                checks.refuse(RefusalCode.NOT_FOUND, "There is no user with this id.", path, place)
    if len(leaving) <= MAX_MEMBERS:
        for place in _places(set(joining), leaving):
            message = "A user cannot be both added and removed."
            checks.refuse(RefusalCode.DUPLICATE_ITEM, message, "removeUserIds", place)


def _places(wanted: Collection[str], ids: Sequence[str]) -> list[str]:
    """Return the indexes of the ids that are among `wanted`, as they are written in paths."""
    return [str(place) for place, one in enumerate(ids) if one in wanted]


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


def _checked(checks: Checks, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values to store."""
    changed = dict(values)
    if "name" in values:
        changed["name"] = checks.required_text(values["name"], NAME_LENGTH, "name")
    if "description" in values:
        changed["description"] = checks.optional_text(
            values["description"], DESCRIPTION_LENGTH, "description", has_lines=True
        )
    if "external_name" in values:
        changed["external_name"] = checks.optional_text(
            values["external_name"], IDENTITY_LENGTH, "externalName"
        )
    return changed


def _set(group: UserGroup, changed: Mapping[str, Any]) -> None:
    """Set the fields of a group to values that were checked."""
    for name, value in changed.items():
        if name == "name":
            rename(group, value)
        else:
            setattr(group, name, value)


async def _check_taken(checks: Checks, group: UserGroup) -> None:
    """Refuse a name or external name that another group has."""
    others = UserGroup.exclude(id=group.id)
    same_name = others.filter(name_key=group.name_key)
    if not checks.is_refused("name") and await same_name.exists():
        checks.add(*_taken("name", group.name).refusals)
    external_name = None if checks.is_refused("externalName") else group.external_name
    if external_name and await others.filter(external_name=external_name).exists():
        checks.add(*_taken("externalName", external_name).refusals)


def _taken(path: str, name: str) -> Refused:
    what = "with the external name" if path == "externalName" else "called"
    return refuse(
        RefusalCode.ALREADY_EXISTS,
        f"There is already a group {what} “{name}”. Choose another name.",
        path,
    )


def _stored(group: UserGroup) -> dict[str, Any]:
    return {name: getattr(group, name) for name in GROUP_FIELDS}
