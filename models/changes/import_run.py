"""Requests, cancels and ends imports of customers from files."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from tortoise.exceptions import IntegrityError

from models.changes.idempotency import KeyedRequest, earlier_outcome, keep_outcome
from models.changes.import_file import beyond_tenants, remove_file
from models.jobs import job
from models.jobs.job import NewJob, job_rows
from models.jobs.kinds import IMPORT, import_key
from models.rules.errors import RefusalCode, refuse
from models.rules.import_fault import ImportFault
from models.rules.urgency import Urgency
from models.storage.database import wake
from models.storage.locks import lock
from models.storage.row_insert import add_rows, new_row
from models.tables.access import AccessToken, Principal, Scope
from models.tables.audit import ActorContext, record
from models.tables.customer_import import (
    IMPORTS,
    CustomerImport,
    ImportConflict,
    ImportFailure,
    ImportFormat,
    ImportState,
)
from models.tables.customer_import import ImportFault as FaultRow
from models.tables.event import Owner
from models.tables.user import standing_of

NEEDED = frozenset(
    {
        Scope.CUSTOMERS_WRITE,
        Scope.CONTACTS_WRITE,
        Scope.CONSENT_WRITE,
        Scope.PERSONAL_DATA_READ,
    }
)
"""The permissions that what an import does depends on."""

SAME_FILE_WITHIN = timedelta(hours=24)
"""For how long after an import the same file counts as sent again."""

IMPORT_ID = "import_id"
"""The id of the import in the outcome of a request with an idempotency key."""


class ImportIsRunning(Exception):
    """The owner of the caller's credential has an import that has not ended."""


@dataclass(frozen=True, slots=True)
class NewImport:
    """A stored file, and how it shall be imported."""

    id: str
    format: ImportFormat
    sha256: str
    byte_count: int
    on_conflict: ImportConflict = ImportConflict.REFUSE
    is_dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Requested:
    """The id of an import, and whether an earlier request with the same key began it.

    `earlier_import_id` is the import of the same file whose rows this one may store again.
    """

    id: str
    is_replayed: bool = False
    earlier_import_id: str | None = None


async def request_import(
    act: ActorContext, wanted: NewImport, request: KeyedRequest | None
) -> Requested:
    """Add an import and its job, unless the same request with an idempotency key did so before.

    Raises ImportIsRunning if the owner of the credential has an import that has not ended, and
    IdempotencyConflict.
    """
    if request is not None:
        earlier = await earlier_outcome(request)
        if earlier is not None:
            known = await CustomerImport.get_or_none(id=earlier[IMPORT_ID])
            same = None if known is None else known.earlier_import_id
            return Requested(earlier[IMPORT_ID], is_replayed=True, earlier_import_id=same)
    principal = act.principal
    row = new_row(
        CustomerImport,
        id=wanted.id,
        format=wanted.format,
        sha256=wanted.sha256,
        byte_count=wanted.byte_count,
        on_conflict=wanted.on_conflict,
        is_dry_run=wanted.is_dry_run,
        created_at=act.now,
        reseller_id=principal.reseller_id,
        caller=principal.quota_key,
        live_caller=principal.quota_key,
        earlier_import_id=await _earlier_import(act, wanted),
        permissions=sorted(principal.permissions & NEEDED),
        requested_by_id=principal.id,
        requested_by=principal.name,
        user_id=principal.user_id,
        user_name=principal.user_name,
        request_id=act.request_id,
    )
    new_job = NewJob(
        IMPORT,
        import_key(row.id),
        {"import_id": row.id},
        Urgency.BULK,
        principal.reseller_id,
        act.request_id,
    )
    if await CustomerImport.filter(live_caller=principal.quota_key).exists():
        raise ImportIsRunning
    try:
        await add_rows([row, *job_rows([new_job], act.now)], waking=job.JOBS)
    except IntegrityError as error:
        raise ImportIsRunning from error
    await record(act, "import.requested", row.id)
    if request is not None:
        await keep_outcome(request, {IMPORT_ID: row.id}, act.now)
    return Requested(row.id, earlier_import_id=row.earlier_import_id)


async def _earlier_import(act: ActorContext, wanted: NewImport) -> str | None:
    """Return the id of the caller's newest import that has stored this file lately, if any.

    With `UPDATE` it does not matter, as rows change the customers that they have stored before.
    """
    if wanted.on_conflict is not ImportConflict.REFUSE:
        return None
    since = act.now - SAME_FILE_WITHIN
    found = CustomerImport.filter(
        finished_at__gt=since,
        created_at__gt=since,
        caller=act.principal.quota_key,
        sha256=wanted.sha256,
        state=ImportState.DONE,
        is_dry_run=False,
        stored_count__gt=0,
    )
    newest = await found.order_by("-id").first()
    return None if newest is None else newest.id


async def cancel_import(act: ActorContext, import_id: str) -> CustomerImport:
    """Stop an import after the rows that are being stored now; an ended import stays as it is."""
    found = (await lock(CustomerImport, import_id)).get(import_id)
    if found is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no import with this id.", "id")
    if not found.state.has_ended:
        await job.cancel(import_key(found.id), act.now)
        await end_import(act, found, ImportState.CANCELLED)
        with beyond_tenants():
            await remove_file(found.id)
    return found


async def end_import(
    act: ActorContext,
    row: CustomerImport,
    state: ImportState,
    failure: ImportFailure | None = None,
) -> None:
    """Set the final state of a locked import, after which its owner may begin another."""
    row.state, row.failure, row.finished_at, row.live_caller = state, failure, act.now, None
    await row.save(update_fields=["state", "failure", "finished_at", "live_caller"])
    await record(
        act,
        "import.cancelled" if state is ImportState.CANCELLED else "import.finished",
        row.id,
        owner=Owner(reseller_id=row.reseller_id),
        ids={
            "state": state.value,
            "isDryRun": row.is_dry_run,
            "storedRowCount": row.stored_count,
            "failedRowCount": row.failed_count,
        },
    )
    await wake(IMPORTS)


def fault_rows(row: CustomerImport, line: int, faults: Collection[ImportFault]) -> list[FaultRow]:
    """Return the faults of a line as rows, numbered after those that the import has."""
    made = []
    for one in faults:
        row.fault_count += 1
        made.append(
            new_row(
                FaultRow,
                import_id=row.id,
                number=row.fault_count,
                line=line,
                column_name=one.column,
                code=str(one.code),
                message=one.message,
            )
        )
    return made


def principal_of(row: CustomerImport) -> Principal:
    """Return the principal in whose name the rows of an import are stored."""
    return Principal(
        row.requested_by_id,
        row.requested_by,
        frozenset(Scope(one) for one in row.permissions),
        row.reseller_id,
        row.user_id,
        row.user_name,
    )


async def may_still(row: CustomerImport) -> bool:
    """Return whether the sender's credential has not lost, since the request, what it needs."""
    if row.requested_by_id.startswith("tok_"):
        token = await AccessToken.get_or_none(id=row.requested_by_id)
        principal = None if token is None or token.revoked_at else await token.principal()
        return (
            principal is not None
            and principal.reseller_id == row.reseller_id
            and set(row.permissions) <= principal.permissions
        )
    if row.user_id is None:
        return True  # an operator
    standing = await standing_of(row.user_id)
    return standing is not None and standing.is_active and standing.reseller_id == row.reseller_id
