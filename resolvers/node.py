"""The queries of single objects by id, of any objects by id, and of the viewer."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

import strawberry

from models.storage.identifiers import viewer_id
from models.storage.sql import all_of
from resolvers.own_reference import ExternalReference, OfReseller, at_reference
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.node import Node
from schema.base.projections import row_query_for
from schema.types.access_token import AccessToken
from schema.types.contact import Contact
from schema.types.customer_template import CustomerTemplate
from schema.types.enrichment import EnrichmentRun
from schema.types.node_kinds import rows_within, visible_rows
from schema.types.suggestion import Suggestion
from schema.types.user import User, UserGroup
from schema.types.viewer import Viewer
from schema.types.webhook import WebhookEndpoint

MAX_NODES = 100

Type = TypeVar("Type", bound=Node)


async def viewer(info: Info) -> Viewer:
    principal = info.context.principal
    assert principal is not None  # noqa: S101  # the field requires one
    return Viewer(
        id=strawberry.ID(viewer_id(principal.id)),
        name=principal.name,
        scopes=sorted(principal.scopes),
        principal=principal,
    )


async def node(
    info: Info,
    id: Annotated[
        strawberry.ID, strawberry.argument(description="The id of an object of any type.")
    ],
) -> Node | None:
    return (await _load(info, [id])).get(id)


async def nodes(
    info: Info,
    ids: Annotated[
        list[strawberry.ID],
        strawberry.argument(description="The ids of objects, of any types; at most 100."),
    ],
) -> list[Node | None]:
    if len(ids) > MAX_NODES:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, f"`ids` may have at most {MAX_NODES} values."
        )
    found = await _load(info, ids)
    return [found.get(one) for one in ids]


async def contact(
    info: Info,
    id: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="The id of the contact. Set one of `id` and `externalReference`."
        ),
    ] = None,
    external_reference: ExternalReference = None,
    reseller_id: OfReseller = None,
) -> Contact | None:
    if (id is None) == (external_reference is None):
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, "Set exactly one of `id` and `externalReference`."
        )
    which = at_reference(external_reference, reseller_id)
    if which is None:
        return None if id is None else await _fetch(info, Contact, id)
    found: Contact | None = await row_query_for(info, Contact).read_one(
        all_of([which, rows_within(info, Contact)])
    )
    return found


async def customer_template(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of the template.")],
) -> CustomerTemplate | None:
    return await _fetch(info, CustomerTemplate, id)


async def suggestion(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of the suggestion.")],
) -> Suggestion | None:
    return await _fetch(info, Suggestion, id)


async def enrichment_run(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of the lookup.")],
) -> EnrichmentRun | None:
    return await _fetch(info, EnrichmentRun, id)


async def user(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of the user.")],
) -> User | None:
    return await _fetch(info, User, id)


async def user_group(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of the group.")],
) -> UserGroup | None:
    return await _fetch(info, UserGroup, id)


async def access_token(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of the token.")],
) -> AccessToken | None:
    return await _fetch(info, AccessToken, id)


async def webhook_endpoint(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of the endpoint.")],
) -> WebhookEndpoint | None:
    return await _fetch(info, WebhookEndpoint, id)


async def _fetch(info: Info, kind: type[Type], id: strawberry.ID) -> Type | None:
    """Return an object by its id; None if it has another type, or the caller may not see it."""
    node = (await _load(info, [id])).get(id)
    return node if isinstance(node, kind) else None


async def _load(info: Info, ids: Sequence[strawberry.ID]) -> dict[strawberry.ID, Node]:
    """Return by id the objects that the caller may see, read with one statement for each type."""
    found: list[Node] = []
    for kind, where in visible_rows(info, ids):
        found += await row_query_for(info, kind).read(where, most=len(ids))
    return {one.id: one for one in found}
