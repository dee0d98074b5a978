"""Serves the evidence of a customer's consent as CSV to callers who have `consent:read`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from models.storage.database import Database
from models.tables.access import Principal, Scope
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.request_slot import Limiters
from schema.types.consent import ConsentEntry
from schema.types.consent_evidence import ConsentEvidence, evidence_of
from web.csv_answer import Row, csv_answer, requested_bom
from web.parameters import refuse_others, text_of
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
"""The columns about a consent entry, which follow the columns OF_CUSTOMER."""

OF_CUSTOMER = (
    "customer_id",
    "account_number",
    "customer_name",
    "is_erased",
    "is_intact",
    "breaks",
)
"""The columns about the customer, which are repeated in each row.

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
        refuse_others(request, "customerId", "bom")
        customer_id, mark = text_of(request, "customerId"), requested_bom(request)
        now, masked = clock(), is_masked(request.state.principal)
        evidence = await database().transaction(
            lambda: evidence_of(customer_id, now, is_masked=masked)
        )
        if evidence is None:
            raise RequestRefused(ErrorCode.NOT_FOUND, "There is no such customer.")
        name = f"consent-evidence-{evidence.customer_id}.csv"
        return csv_answer(name, (*OF_CUSTOMER, *COLUMNS), _rows(evidence), mark)

    route = AuthenticatedRoute(authenticate, limiters, export, Scope.CONSENT_READ)
    return Route("/exports/consent-evidence.csv", route, methods=["GET"])


def _rows(evidence: ConsentEvidence) -> list[Row]:
    """Return a CSV row for each consent entry; without entries, one row about the customer only."""
    customer = (
        evidence.customer_id,
        evidence.account_number,
        evidence.customer_name,
        evidence.is_erased,
        evidence.verification.is_intact,
        " ".join(one.code for one in evidence.verification.breaks),
    )
    entries = evidence.entries
    rows: list[Row] = [(*customer, *(_value(entry, name) for name in COLUMNS)) for entry in entries]
    return rows or [(*customer, *(None for _ in COLUMNS))]


def _value(entry: ConsentEntry, column: str) -> Any:
    if column == "correction_reason":
        return None if entry.correction is None else entry.correction.reason
    return getattr(entry, column)
