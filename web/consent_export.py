"""Serves the evidence of a customer's consent as CSV; needs the scope `consent:read`."""

from collections.abc import Callable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from models.storage.database import Database
from models.tables.access import Principal, Scope
from schema.base.request_slot import Limiters
from schema.types.consent_evidence import ConsentEvidence, evidence_of
from web.csv_answer import Row, csv_answer, mark_wanted
from web.routes import AuthenticatedRoute
from web.sign_in import Authenticate

COLUMNS = (
    "sequence",
    "id",
    "kind",
    "corrects_id",
    "basis",
    "effective_at",
    "recorded_at",
    "recorded_by",
    "recorded_by_id",
    "given_by",
    "given_by_role",
    "method",
    "document_name",
    "document_version",
    "is_emailing_covered",
    "statement",
    "evidence_reference",
    "evidence_sha256",
    "asked_by",
    "reason",
    "correction_reason",
    "is_pseudonymised",
    "previous_hash",
    "hash",
)
"""The columns of a consent entry; in each row they follow the columns of OF_CUSTOMER."""

OF_CUSTOMER = (
    "customer_id",
    "account_number",
    "customer_name",
    "is_erased",
    "is_intact",
    "breaks",
)
"""The columns of the customer, repeated in each row.

`breaks` lists the codes of the integrity checks that the consent record failed.
"""


def consent_export(
    authenticate: Authenticate,
    limiters: Limiters,
    database: Callable[[], Database],
    clock: Callable[[], datetime],
    is_masked: Callable[[Principal], bool],
) -> Route:
    """Return the route `/exports/consent-evidence.csv?customerId=…`.

    The parameter `bom=true` adds a byte order mark. `is_masked` tells whether personal data is
    masked for a principal.
    """

    async def export(request: Request) -> Response:
        customer_id = request.query_params.get("customerId", "")
        if not customer_id or "\x00" in customer_id:
            return PlainTextResponse("Add the parameter customerId: the id of a customer.\n", 400)
        try:
            mark = mark_wanted(request)
        except ValueError as error:
            return PlainTextResponse(f"{error}\n", 400)
        now, masked = clock(), is_masked(request.state.principal)
        evidence = await database().transaction(
            lambda: evidence_of(customer_id, now, is_masked=masked)
        )
        if evidence is None:
            return PlainTextResponse("There is no such customer.\n", 404)
        name = f"consent-evidence-{evidence.customer_id}.csv"
        return csv_answer(name, (*OF_CUSTOMER, *COLUMNS), _rows(evidence), mark)

    route = AuthenticatedRoute(authenticate, limiters, export, Scope.CONSENT_READ)
    return Route("/exports/consent-evidence.csv", route, methods=["GET"])


def _rows(evidence: ConsentEvidence) -> list[Row]:
    """Return a row for each consent entry; without entries, one row with the customer only."""
    customer = (
        evidence.customer_id,
        evidence.account_number,
        evidence.customer_name,
        evidence.is_erased,
        evidence.verification.is_intact,
        " ".join(one.code for one in evidence.verification.breaks),
    )
    entries = evidence.entries
    rows: list[Row] = [
        (*customer, *(getattr(entry, name) for name in COLUMNS)) for entry in entries
    ]
    return rows or [(*customer, *(None for _ in COLUMNS))]
