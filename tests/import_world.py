"""Rows of imports from files, as tests of other topics need them."""

from collections.abc import Callable

from models import CustomerImport, ImportFault
from models.tables.audit import ActorContext
from models.tables.customer_import import ImportConflict, ImportFormat

OWNING = ("customer_id", "subject_id", "run_id", "confirmation_id", "user_id", "import_id")
"""The columns that tell to whom a row belongs, the first that a row has."""


async def add_ended_import(act: ActorContext, reseller_id: str, text: Callable[[str], str]) -> str:
    """Add an import of a reseller, with one fault; return its id. `text` makes its texts."""
    sent = await CustomerImport.create(
        format=ImportFormat.CSV,
        sha256="0" * 64,
        byte_count=1,
        on_conflict=ImportConflict.REFUSE,
        row_count=1,
        fault_count=1,
        created_at=act.now,
        started_at=act.now,
        finished_at=act.now,
        reseller_id=reseller_id,
        caller=reseller_id,
        permissions=[],
        requested_by_id=reseller_id,
        requested_by=text("sender"),
        request_id="request-of-an-import",
    )
    await ImportFault.create(
        import_id=sent.id,
        number=1,
        line=2,
        column_name=text("column"),
        code="TOO_LONG",
        message=text("message"),
    )
    return sent.id
