"""The queries `node`, `nodes` and `viewer`."""

from collections.abc import Callable, Sequence
from typing import Annotated

import strawberry

from models.lists.access_list import groups_within, tokens_within, users_within
from models.lists.customer_class_list import PICKED_OR_USED
from models.storage.identifiers import prefix_of, viewer_id
from models.storage.sql import ALWAYS, Sql, all_of, among
from models.tables.access import Scope
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.node import Node
from schema.base.permissions import may
from schema.base.projections import row_query_for
from schema.types.access_token import AccessToken
from schema.types.contact import Contact
from schema.types.customer import Customer
from schema.types.customer_class import CustomerClass
from schema.types.customer_template import CustomerTemplate
from schema.types.enrichment import Suggestion
from schema.types.user import User, UserGroup, reach_of
from schema.types.viewer import Viewer

MAX_NODES = 100

_KINDS: dict[str, tuple[type[Node], Scope, Sql | Callable[[str | None], Sql]]] = {
    "cus": (Customer, Scope.CUSTOMERS_READ, Sql("t0.erased_at IS NULL")),
    "cls": (CustomerClass, Scope.CUSTOMER_CLASSES_READ, ALWAYS),
    "con": (Contact, Scope.CONTACTS_READ, Sql("t0.deleted_at IS NULL")),
    "tpl": (CustomerTemplate, Scope.CUSTOMER_CLASSES_READ, ALWAYS),
    "sug": (Suggestion, Scope.CUSTOMERS_READ, ALWAYS),
    "usr": (User, Scope.ACCESS_READ, users_within),
    "grp": (UserGroup, Scope.ACCESS_READ, groups_within),
    "tok": (AccessToken, Scope.ACCESS_READ, tokens_within),
}
"""By id prefix: the type of object, the scope needed to see it, and a condition on its row.

The condition is a function if it depends on the reseller that the principal is bound to (R99).
"""


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
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of any object.")],
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


async def _load(info: Info, ids: Sequence[strawberry.ID]) -> dict[strawberry.ID, Node]:
    """Return by id the objects that the caller may see, read with one statement for each type."""
    by_prefix: dict[str, list[str]] = {}
    for one in ids:
        by_prefix.setdefault(prefix_of(one), []).append(one)
    found: list[Node] = []
    for prefix, (kind, scope, where) in _KINDS.items():
        wanted = by_prefix.get(prefix)
        within = where(reach_of(info)) if callable(where) else where
        if prefix == "cls" and not may(info, scope):
            # CUSTOMERS_READ shows classes that can be chosen, or that a customer was ever in (R94).
            scope, within = Scope.CUSTOMERS_READ, PICKED_OR_USED  # noqa: PLW2901  # another rule
        if wanted and may(info, scope):
            found += await row_query_for(info, kind).read(
                all_of([among("t0.id", wanted), within]), most=len(wanted)
            )
    return {one.id: one for one in found}
