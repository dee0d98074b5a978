"""GraphQL types of the caller: the credential that a request signs in with, and its user."""

from datetime import datetime

import strawberry

from models.lists.access_list import newest_tokens
from models.storage.identifiers import credential_id
from models.storage.sql import Sql, among
from models.tables.access import Principal, Scope
from schema.base.context import Info
from schema.base.permissions import Requires
from schema.base.projections import read_by_id, row_query_for
from schema.base.scope import ScopeEnum
from schema.types.access_token import AccessToken
from schema.types.customer import Customer
from schema.types.permission import Permission, shown
from schema.types.user import User, UserGroup
from schema.types.viewer_limits import ViewerLimits


@strawberry.type(
    description="The credential of a request: an access token, or a token of the identity provider."
)
class Credential:
    id: strawberry.ID = strawberry.field(
        description="The id of this object, for client caches only. The id of the access token or"
        " user is `actorId`."
    )
    actor_id: strawberry.ID = strawberry.field(
        description="The id that identifies the credential in histories and in the audit trail: the"
        " id of the access token, or of the user who signed in at the identity provider."
    )
    name: str = strawberry.field(
        description="The name of the access token, or of the user who signed in at the identity"
        " provider."
    )
    expires_at: datetime | None = strawberry.field(
        description="When the credential expires, in UTC; null if it does not expire."
    )
    reseller_id: strawberry.ID | None = strawberry.field(
        description="The id of the reseller that the credential is bound to: with the credential,"
        " only this reseller and its customers can be used. Null if the credential is not bound to"
        " a reseller."
    )


@strawberry.type(description="The caller of this request, and what they may do.")
class Viewer:
    id: strawberry.ID = strawberry.field(
        description="The id of this object, for client caches only. The id of the access token or"
        " user is `credential.actorId`."
    )
    name: str = strawberry.field(
        description="The name of the access token, or of the user who signed in at the identity"
        " provider."
    )
    scopes: list[ScopeEnum] = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The scopes of the caller's credential, limited to the permissions of its user."
    )
    principal: strawberry.Private[Principal]

    @strawberry.field(
        description="All permissions of the caller: their scopes, and the permissions that these"
        " include. A credential that is bound to a reseller has only permissions that partners may"
        " have."
    )
    def permissions(self) -> list[Permission]:
        return shown(self.principal.permissions)

    @strawberry.field(description="The credential of this request.")
    def credential(self) -> Credential:
        reseller_id = self.principal.reseller_id
        return Credential(
            id=strawberry.ID(credential_id(self.principal.id)),
            actor_id=strawberry.ID(self.principal.id),
            name=self.name,
            expires_at=self.principal.expires_at,
            reseller_id=None if reseller_id is None else strawberry.ID(reseller_id),
        )

    @strawberry.field(
        description="The customer record of the reseller that the credential is bound to; null if"
        " it is not bound to a reseller, and without the permission customers:read.",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
    )
    async def reseller(self, info: Info) -> Customer | None:
        reseller_id = self.principal.reseller_id
        return None if reseller_id is None else await read_by_id(info, Customer, reseller_id)

    @strawberry.field(description="The limits that apply to the caller, and what is left of them.")
    def limits(self) -> ViewerLimits:
        return ViewerLimits()

    @strawberry.field(
        description="The user that the caller's credential belongs to; null for an access token"
        " without a user. If the token is bound to a reseller, but its user works for the platform"
        " itself, only the user's id and name are shown."
    )
    async def user(self, info: Info) -> User | None:
        user_id = self.principal.user_id
        return None if user_id is None else await read_by_id(info, User, user_id)

    @strawberry.field(
        description="The groups of the caller's user, by name, including groups that the identity"
        " provider named at sign-in. Empty if the caller's token is bound to a reseller, but its"
        " user works for the platform itself."
    )
    async def groups(self, info: Info) -> list[UserGroup]:
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
        description="The access tokens of the caller's user, newest first, at most 100. A caller"
        " bound to a reseller sees only tokens bound to that reseller."
    )
    async def access_tokens(self, info: Info) -> list[AccessToken]:
        user_id = self.principal.user_id
        found: list[AccessToken] = []
        if user_id is not None:
            where = newest_tokens([user_id], self.principal.reseller_id)
            found = await row_query_for(info, AccessToken).read(where, "ORDER BY t0.id DESC")
        return found
