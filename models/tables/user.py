"""Users, their groups, and the permissions of both."""

from collections.abc import Iterable
from dataclasses import dataclass

import orjson
from tortoise import fields
from tortoise.backends.base.client import BaseDBAsyncClient
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.email_address import EMAIL_LENGTH
from models.rules.folding import searchable
from models.rules.permission import Scope, known, with_implied
from models.storage.id_field import IdField
from models.storage.identifiers import ID_LENGTH, new_group_id, new_membership_id, new_user_id
from models.storage.sql import run
from models.tables.customer import Customer
from models.tables.customer_class import NAME_LENGTH

IDENTITY_LENGTH = 255
"""The maximum length of an issuer, a subject, or a group's name at an identity provider."""

DESCRIPTION_LENGTH = 1000


class User(Model):
    """A person or program that uses the API with access tokens, or by an identity provider.

    `issuer` and `subject` identify the user at the identity provider. `reseller_id` makes the user
    a member of a partner's staff (R99) and never changes, because the user's tokens are bound to
    the same reseller.
    """

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_user_id)
    name = fields.CharField(max_length=NAME_LENGTH)
    name_key = fields.CharField(max_length=NAME_LENGTH * 3)
    search_key = fields.TextField(db_default="")
    """The text in which user searches look; `save` keeps it current."""
    email = fields.CharField(max_length=EMAIL_LENGTH, null=True)
    issuer = fields.CharField(max_length=IDENTITY_LENGTH, null=True)
    subject = fields.CharField(max_length=IDENTITY_LENGTH, null=True)
    reseller: fields.ForeignKeyNullableRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name=False, null=True, on_delete=fields.RESTRICT, db_index=True
    )
    reseller_id: str | None
    permissions: list[str] = fields.JSONField(default=list)
    disabled_at = fields.DatetimeField(null=True)
    created_at = fields.DatetimeField()
    last_modified_at = fields.DatetimeField()
    version = fields.IntField(default=1)

    class Meta:
        table = "app_user"
        unique_together = (("issuer", "subject"),)
        indexes = (Index(fields=("name_key", "id")),)

    async def save(
        self,
        using_db: BaseDBAsyncClient | None = None,
        update_fields: Iterable[str] | None = None,
        force_create: bool = False,
        force_update: bool = False,
    ) -> None:
        """Store the user, with a current search key."""
        self.search_key = user_search_key(self.name, self.email)
        columns = None if update_fields is None else {*update_fields, "search_key"}
        await super().save(using_db, columns, force_create, force_update)


def user_search_key(name: str, email: str | None) -> str:
    """Return the text in which user searches look: each field's folded value on a line."""
    return "\n".join(searchable(text) for text in (name, email) if text)


class UserGroup(Model):
    """Users with common permissions. An identity provider may call the group `external_name`."""

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_group_id)
    name = fields.CharField(max_length=NAME_LENGTH)
    name_key = fields.CharField(max_length=NAME_LENGTH * 3, unique=True)
    description = fields.CharField(max_length=DESCRIPTION_LENGTH, null=True)
    external_name = fields.CharField(max_length=IDENTITY_LENGTH, null=True, unique=True)
    permissions: list[str] = fields.JSONField(default=list)
    created_at = fields.DatetimeField()
    last_modified_at = fields.DatetimeField()
    version = fields.IntField(default=1)

    class Meta:
        table = "user_group"


class GroupMembership(Model):
    """The membership of a user in a group."""

    id = IdField(max_length=ID_LENGTH, primary_key=True, default=new_membership_id)
    group: fields.ForeignKeyRelation[UserGroup] = fields.ForeignKeyField(
        "models.UserGroup", related_name=False, on_delete=fields.RESTRICT
    )
    group_id: str
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField(
        "models.User", related_name=False, on_delete=fields.RESTRICT, db_index=True
    )
    user_id: str
    joined_at = fields.DatetimeField()

    class Meta:
        table = "group_membership"
        unique_together = (("group", "user"),)


@dataclass(frozen=True, slots=True)
class Standing:
    """A user's name, state, reseller, and current permissions, including those of groups."""

    name: str
    is_active: bool
    reseller_id: str | None
    permissions: frozenset[Scope]


async def standing_of(user_id: str) -> Standing | None:
    """Return the standing of a user, read by one statement; None if there is no such user."""
    rows = await run(_STANDING, (user_id,))
    if not rows:
        return None
    name, disabled_at, reseller_id, own, _ = rows[0]
    granted = (code for stored in (own, *(row[4] for row in rows)) for code in _codes(stored))
    return Standing(name, disabled_at is None, reseller_id, with_implied(known(granted)))


_STANDING = """SELECT u.name, u.disabled_at, u.reseller_id, u.permissions, g.permissions
    FROM app_user u LEFT JOIN group_membership m ON m.user_id = u.id
    LEFT JOIN user_group g ON g.id = m.group_id WHERE u.id = ?"""


def _codes(stored: str | None) -> list[str]:
    return [] if stored is None else orjson.loads(stored)
