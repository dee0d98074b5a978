"""Arguments by which customers and contacts are fetched by external reference."""

from typing import Annotated

import strawberry

from models.rules.own_reference import reference_key
from models.rules.text import trimmed
from models.storage.sql import Sql
from models.storage.tenant_scope import current_tenant
from schema.base.errors import ErrorCode, RequestRefused

ExternalReference = Annotated[
    str | None,
    strawberry.argument(
        description="The external reference of the object, instead of `id`: your own, or that of"
        " the reseller `resellerId`."
    ),
]
OfReseller = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="The id of the reseller whose `externalReference` it is; only with that. By"
        " default your own reseller, if you are a partner (a caller bound to a reseller), and"
        " otherwise the platform."
    ),
]


def at_reference(reference: str | None, reseller_id: str | None) -> Sql | None:
    """Return the condition for the row with a reference of an owner; None without a reference.

    For a partner, the references of other owners do not exist.
    """
    if reference is None:
        if reseller_id is not None:
            raise RequestRefused(
                ErrorCode.BAD_USER_INPUT, "`resellerId` can be set only with `externalReference`."
            )
        return None
    tenant = current_tenant()
    if tenant is not None and reseller_id not in {None, tenant}:
        return Sql("1 = 0")
    return Sql("t0.reference_key = ?", (reference_key(tenant or reseller_id, trimmed(reference)),))
