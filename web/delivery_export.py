"""Streams the delivery exposures of a period as CSV.

An exposure is a period in which a contact would have been emailed documents in full, with call
details.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.lists.delivery_histories import exposures_after
from models.rules.delivery import DeliveryPolicy
from models.rules.delivery_exposure import Exposure
from models.tables.access import Principal, Scope
from schema.base.instants import checked_period
from schema.base.request_slot import Limiters
from web.csv_answer import Row, csv_stream, requested_bom
from web.parameters import instant_of, refuse_others
from web.routes import AuthenticatedRoute
from web.sign_in import Authenticate

COLUMNS = (
    "customer_id",
    "contact_id",
    "documents",
    "reason",
    "basis",
    "entry_id",
    "from_at",
    "until_at",
)
PERSONAL = ("contact_name", "email")
"""Columns that are added for callers who may read contacts and see personal data unmasked."""


def delivery_export(
    authenticate: Authenticate,
    limiters: Limiters,
    policy: DeliveryPolicy,
    is_masked: Callable[[Principal], bool],
) -> Route:
    """Return the route `/exports/delivery-exposure.csv?fromAt=…&untilAt=…`.

    The parameter `bom=true` adds a byte order mark. `is_masked` tells whether personal data is
    masked for a principal.
    """

    async def export(request: Request) -> Response:
        refuse_others(request, "fromAt", "untilAt", "bom")
        since, until = checked_period(instant_of(request, "fromAt"), instant_of(request, "untilAt"))
        mark = requested_bom(request)
        principal = request.state.principal
        is_personal = principal.may(Scope.CONTACTS_READ) and not is_masked(principal)
        columns = (*COLUMNS, *PERSONAL) if is_personal else COLUMNS
        rows = _rows(since, until, policy, is_personal=is_personal)
        name = f"delivery-exposure-{since.date()}-{until.date()}.csv"
        return await csv_stream(name, columns, rows, request.state.part, mark)

    route = AuthenticatedRoute(authenticate, limiters, export, Scope.CUSTOMERS_READ)
    return Route("/exports/delivery-exposure.csv", route, methods=["GET"])


async def _rows(
    since: datetime, until: datetime, policy: DeliveryPolicy, *, is_personal: bool
) -> AsyncGenerator[Row, None]:
    async with aclosing(exposures_after(None, since, until, policy)) as found:
        async for exposure in found:
            row = _row(exposure)
            yield [*row, exposure.name, exposure.email] if is_personal else row


def _row(exposure: Exposure) -> Row:
    return [
        exposure.customer_id,
        exposure.contact_id,
        " ".join(exposure.documents),
        exposure.reason,
        exposure.basis,
        exposure.entry_id,
        exposure.from_at,
        exposure.until_at,
    ]
