"""Lists of users, groups and access tokens, and which of them a partner's credential sees.

A partner's credential sees the users and tokens of its own reseller, and the groups of those users
(R99).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from models.lists.row_order import BY_ID, BY_ID_DOWN, BY_NAME, BY_NAME_DOWN, SortOrder
from models.rules.folding import folded, searchable
from models.rules.permission import FOR_PARTNERS, Scope, known, with_implied
from models.storage.sql import ALWAYS, Sql, all_of, among, containing, run, to_database
from models.tables.access import AccessToken

MAX_TOKENS = 100
"""The maximum number of tokens that are listed with each user."""


class UserOrder(SortOrder):
    """The orders of users."""

    NAME_ASC = BY_NAME
    NAME_DESC = BY_NAME_DOWN
    CREATED_AT_ASC = BY_ID
    CREATED_AT_DESC = BY_ID_DOWN


class GroupOrder(SortOrder):
    """The orders of user groups."""

    NAME_ASC = BY_NAME
    NAME_DESC = BY_NAME_DOWN
    CREATED_AT_ASC = BY_ID
    CREATED_AT_DESC = BY_ID_DOWN


class TokenOrder(SortOrder):
    """The orders of access tokens."""

    CREATED_AT_DESC = BY_ID_DOWN
    CREATED_AT_ASC = BY_ID


def users_within(reseller_id: str | None) -> Sql:
    """Return the SQL condition for users bound to a reseller; for all users if None."""
    return ALWAYS if reseller_id is None else Sql("t0.reseller_id = ?", (reseller_id,))


tokens_within = users_within
"""Returns the SQL condition for tokens: they have the same column `reseller_id` as users."""


def groups_within(reseller_id: str | None) -> Sql:
    """Return the SQL condition for groups with a user of a reseller; for all groups if None."""
    if reseller_id is None:
        return ALWAYS
    return Sql(
        "EXISTS (SELECT 1 FROM group_membership AS m JOIN app_user AS u ON u.id = m.user_id"
        " WHERE m.group_id = t0.id AND u.reseller_id = ?)",
        (reseller_id,),
    )


def wanted_groups(wanted: Sql, reseller_id: str | None) -> Sql:
    """Return the SQL condition for the groups within `groups_within` that meet `wanted`.

    Groups of others are ruled out before `wanted` is evaluated, or the work would tell that a group
    of others meets it.
    """
    if reseller_id is None:
        return wanted
    within = groups_within(reseller_id)
    text = f"CASE WHEN {within.text} THEN {wanted.text} ELSE 1 = 0 END"
    return Sql(text, (*within.parameters, *wanted.parameters))


@dataclass(frozen=True, slots=True)
class UserFilter:
    """Conditions on the users of a list: a user must meet all that are not None."""

    text: str | None = None
    group_id: str | None = None
    reseller_id: str | None = None
    is_active: bool | None = None

    def condition(self) -> Sql:
        """Return the SQL condition of the filter, with the table named `t0`."""
        found = []
        if self.text:
            found.append(containing("t0.search_key", searchable(self.text)))
        if self.group_id is not None:
            members = "SELECT user_id FROM group_membership WHERE group_id = ?"
            found.append(Sql(f"t0.id IN ({members})", (self.group_id,)))
        if self.reseller_id is not None:
            found.append(Sql("t0.reseller_id = ?", (self.reseller_id,)))
        if self.is_active is not None:
            found.append(Sql(f"t0.disabled_at IS {'' if self.is_active else 'NOT '}NULL"))
        return all_of(found)


@dataclass(frozen=True, slots=True)
class GroupFilter:
    """Conditions on the user groups of a list: a group must meet all that are not None."""

    text: str | None = None
    member_id: str | None = None

    def condition(self) -> Sql:
        """Return the SQL condition of the filter, with the table named `t0`."""
        found = []
        if self.text:
            found.append(containing("t0.name_key", folded(self.text)))
        if self.member_id is not None:
            groups = "SELECT group_id FROM group_membership WHERE user_id = ?"
            found.append(Sql(f"t0.id IN ({groups})", (self.member_id,)))
        return all_of(found)


@dataclass(frozen=True, slots=True)
class TokenFilter:
    """Conditions on the tokens of a list: a token must meet all that are not None."""

    user_id: str | None = None
    reseller_id: str | None = None
    is_valid: bool | None = None

    def condition(self, now: datetime) -> Sql:
        """Return the SQL condition of the filter, with the table named `t0`."""
        found = []
        if self.user_id is not None:
            found.append(Sql("t0.user_id = ?", (self.user_id,)))
        if self.reseller_id is not None:
            found.append(Sql("t0.reseller_id = ?", (self.reseller_id,)))
        if self.is_valid is not None:
            valid = _valid(now)
            text = valid.text if self.is_valid else f"NOT ({valid.text})"
            found.append(Sql(text, valid.parameters))
        return all_of(found)


async def groups_of(user_ids: Sequence[str]) -> dict[str, list[str]]:
    """Return the ids of each user's groups, by user id."""
    found: dict[str, list[str]] = {user_id: [] for user_id in user_ids}
    users = among("user_id", user_ids)
    text = f"SELECT user_id, group_id FROM group_membership WHERE {users.text}"  # noqa: S608  # no value is spelt out
    for user_id, group_id in await run(text, users.parameters):
        found[user_id].append(group_id)
    return found


async def member_counts(group_ids: Sequence[str], reseller_id: str | None) -> dict[str, int]:
    """Return the number of members of each group, by group id.

    If `reseller_id` is given, only users of that reseller are counted.
    """
    groups, users = among("m.group_id", group_ids), users_within(reseller_id)
    text = f"""SELECT m.group_id, count(*) FROM group_membership AS m
        JOIN app_user AS t0 ON t0.id = m.user_id
        WHERE {groups.text} AND {users.text} GROUP BY m.group_id"""  # noqa: S608  # no value is spelt out
    counted = await run(text, groups.parameters + users.parameters)
    return dict.fromkeys(group_ids, 0) | {group_id: int(count) for group_id, count in counted}


async def effective_permissions(
    own: Mapping[str, Sequence[str]], bound: Collection[str]
) -> dict[str, frozenset[Scope]]:
    """Return the permissions that users have directly or through their groups, by user id.

    `own` maps each user's id to the codes of the permissions granted directly. `bound` has the ids
    of users who are bound to a reseller; they get only permissions that partners may have (R99).
    """
    granted = {user_id: list(codes) for user_id, codes in own.items()}
    users = among("m.user_id", list(own))
    text = f"""SELECT m.user_id, g.permissions FROM group_membership AS m
        JOIN user_group AS g ON g.id = m.group_id WHERE {users.text}"""  # noqa: S608  # no value is spelt out
    for user_id, codes in await run(text, users.parameters):
        granted[user_id] += orjson.loads(codes)
    found = {user_id: with_implied(known(codes)) for user_id, codes in granted.items()}
    return found | {user_id: found[user_id] & FOR_PARTNERS for user_id in bound}


async def valid_among(token_ids: Sequence[str], now: datetime) -> set[str]:
    """Return the ids of those of the tokens that can be used at `now`.

    These are neither expired nor revoked, and their user, if they have one, is not disabled.
    """
    condition = all_of([among("t0.id", token_ids), _valid(now)])
    text = f"SELECT t0.id FROM access_token AS t0 WHERE {condition.text}"  # noqa: S608  # no value is spelt out
    return {token_id for (token_id,) in await run(text, condition.parameters)}


def newest_tokens(user_ids: Sequence[str], reseller_id: str | None) -> Sql:
    """Return the SQL condition for the newest MAX_TOKENS tokens of each user.

    If `reseller_id` is given, only tokens that are bound to that reseller count.
    """
    wanted = all_of([among("t0.user_id", user_ids), tokens_within(reseller_id)])
    text = f"""t0.id IN (SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY user_id ORDER BY id DESC) AS place
        FROM access_token AS t0 WHERE {wanted.text}
    ) AS token WHERE place <= {MAX_TOKENS:d})"""  # noqa: S608  # no value is spelt out
    return Sql(text, wanted.parameters)


def _valid(now: datetime) -> Sql:
    moment = to_database(AccessToken._meta.fields_map["expires_at"], now)
    return Sql(
        "t0.revoked_at IS NULL AND (t0.expires_at IS NULL OR t0.expires_at > ?) AND NOT EXISTS"
        " (SELECT 1 FROM app_user AS o WHERE o.id = t0.user_id AND o.disabled_at IS NOT NULL)",
        (moment,),
    )
