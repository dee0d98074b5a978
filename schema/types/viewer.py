"""Who is asking."""

from datetime import datetime

import strawberry

from models.lists.access_list import newest_tokens
from models.storage.identifiers import credential_id
from models.storage.sql import Sql, among
from models.tables.access import Principal
from schema.base.context import Info
from schema.base.projections import read_by_id, row_query_for
from schema.types.access_token import AccessToken
from schema.types.permission import Permission, shown
from schema.types.user import User, UserGroup


@strawberry.type(description="What a request signs in with.")
class Credential:
    """A token, or what else stands for somebody."""

    id: strawberry.ID = strawberry.field(
        description="The id of this object, for caches; see `actorId`."
    )
    actor_id: strawberry.ID = strawberry.field(
        description="The id by which histories and the audit trail name the credential: that of the"
        " access token, or of the user who signed in at the identity provider."
    )
    name: str = strawberry.field(description="Its name.")
    expires_at: datetime | None = strawberry.field(
        description="When it ends by itself, in UTC; null if never."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The reseller that it is bound to; null if to none (R99)."
    )


@strawberry.type(description="Who is asking, and what that may do.")
class Viewer:
    """The principal of the request."""

    id: strawberry.ID = strawberry.field(
        description="The id of this object, for caches; that of the access token, or of the user,"
        " is `credential.actorId`."
    )
    name: str = strawberry.field(description="Its name.")
    scopes: list[str] = strawberry.field(
        description="What it was given, as `resource:verb`, as far as its user may do it."
    )
    principal: strawberry.Private[Principal]

    @strawberry.field(
        description="All that it may do at present: the scopes, and what comes with them (R93)."
    )
    def permissions(self) -> list[Permission]:
        """Show them with their descriptions."""
        return shown(self.principal.permissions)

    @strawberry.field(description="What the request signed in with.")
    def credential(self) -> Credential:
        """Show it."""
        reseller_id = self.principal.reseller_id
        return Credential(
            id=strawberry.ID(credential_id(self.principal.id)),
            actor_id=strawberry.ID(self.principal.id),
            name=self.name,
            expires_at=self.principal.expires_at,
            reseller_id=None if reseller_id is None else strawberry.ID(reseller_id),
        )

    @strawberry.field(
        description="The user behind it; null for a credential of nobody's. Of the platform's user"
        " behind a token that is bound to a reseller, only id and name are told (R99)."
    )
    async def user(self, info: Info) -> User | None:
        """Read the user."""
        user_id = self.principal.user_id
        return None if user_id is None else await read_by_id(info, User, user_id)

    @strawberry.field(
        description="The groups of that user, by name; those that the identity provider counts it"
        " among are with them. None through a token that is bound to a reseller if the user is not"
        " (R99)."
    )
    async def groups(self, info: Info) -> list[UserGroup]:
        """Read the groups."""
        mine = "SELECT group_id FROM group_membership WHERE user_id = ?"
        claimed = among("t0.id", sorted(self.principal.claimed_groups))
        where = Sql(
            f"t0.id IN ({mine}) OR {claimed.text}", (self.principal.user_id, *claimed.parameters)
        )
        found: list[UserGroup] = []
        if self.principal.user_id is not None:
            found = await row_query_for(info, UserGroup).read(where, "ORDER BY t0.name_key")
        return found

    @strawberry.field(
        description="The access tokens of that user, newest first, 100 at most; a credential that"
        " is bound to a reseller sees those bound to it (R99)."
    )
    async def access_tokens(self, info: Info) -> list[AccessToken]:
        """Read the tokens."""
        user_id = self.principal.user_id
        found: list[AccessToken] = []
        if user_id is not None:
            where = newest_tokens([user_id], self.principal.reseller_id)
            found = await row_query_for(info, AccessToken).read(where, "ORDER BY t0.id DESC")
        return found
