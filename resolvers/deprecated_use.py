"""The query of uses of deprecated parts of the schema."""

from typing import Annotated

import strawberry

from models.lists.deprecated_use_list import DeprecatedUseFilter as Wanted
from models.lists.deprecated_use_list import DeprecatedUseOrder
from resolvers.listing import listed_rows
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.pagination import After, Before, First, Last
from schema.types.deprecated_use import DeprecatedUse, DeprecatedUseFilter
from schema.types.user import bound_reseller_id


async def deprecated_uses(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        DeprecatedUseFilter | None,
        strawberry.argument(
            description="Conditions on the uses to list. Null lists all uses that you may see."
        ),
    ] = None,
) -> CountedConnection[DeprecatedUse]:
    wanted = Wanted()
    if filter is not None:
        wanted = Wanted(filter.coordinate, filter.credential_id, filter.reseller_id, filter.from_on)
    condition = wanted.condition(bound_reseller_id(info))
    return await listed_rows(
        info,
        DeprecatedUse,
        DeprecatedUseOrder.NEWEST,
        condition,
        first=first,
        after=after,
        last=last,
        before=before,
    )
