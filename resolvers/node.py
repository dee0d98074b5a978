"""What the root fields do that serve anything by its id, and say who asks."""

import asyncio
from typing import Annotated

import strawberry

from models.access import Scope
from models.identifiers import prefix_of
from schema.context import Info
from schema.customer import Customer
from schema.customer_class import CustomerClass
from schema.customer_template import CustomerTemplate
from schema.enrichment import Suggestion
from schema.errors import ErrorCode, RequestRefused
from schema.node import Node
from schema.permissions import may
from schema.viewer import Viewer

MOST_NODES = 100


async def viewer(info: Info) -> Viewer:
    """Give the principal."""
    principal = info.context.principal
    assert principal is not None  # noqa: S101  # the field requires one
    return Viewer(
        id=strawberry.ID(principal.id), name=principal.name, scopes=sorted(principal.scopes)
    )


async def node(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="Any id.")],  # noqa: A002  # Relay's name
) -> Node | None:
    """Give what has the id; what you may not see is not found (R95)."""
    return await _load(info, id)


async def nodes(
    info: Info,
    ids: Annotated[list[strawberry.ID], strawberry.argument(description="Any ids, 100 at most.")],
) -> list[Node | None]:
    """Give what has the ids, in their order."""
    if len(ids) > MOST_NODES:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, f"{MOST_NODES} ids at most.")
    return list(await asyncio.gather(*(_load(info, one) for one in ids)))


async def _load(info: Info, node_id: str) -> Node | None:
    loaders = info.context.loaders
    sees_customers = may(info, Scope.CUSTOMERS_READ)
    sees_classes = may(info, Scope.CUSTOMER_CLASSES_READ)
    match prefix_of(node_id):
        case "cus" if sees_customers:
            customer = await loaders.customer.load(node_id)
            is_there = customer is not None and customer.erased_at is None
            return Customer.of(customer) if customer is not None and is_there else None
        case "sug" if sees_customers:
            suggestion = await loaders.suggestion.load(node_id)
            return None if suggestion is None else Suggestion.of(suggestion)
        case "cls" if sees_classes:
            row = await loaders.customer_class.load(node_id)
            return None if row is None else CustomerClass.of(row)
        case "tpl" if sees_classes:
            template = await loaders.template.load(node_id)
            return None if template is None else CustomerTemplate.of(template)
    return None
