"""Runs imports: stores the rows of a file batch by batch, and goes on where it was interrupted.

The transaction that stores a batch also moves the import on, so that after a crash no row is stored
twice and none is left out. A dry run does the same, but its batches are rolled back.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tortoise.models import Model

from models.changes.import_file import RowReader, beyond_tenants, remove_file
from models.changes.import_rows import Faults, store_rows
from models.changes.import_run import end_import, fault_rows, may_still, principal_of
from models.jobs.job import Claim, LeaseLostError, extend
from models.jobs.job_attempt import Outcome, ReleaseJobError, Store
from models.jobs.job_pause import is_paused
from models.jobs.kinds import IMPORT
from models.rules.delivery import DeliveryPolicy
from models.rules.import_columns import ImportRow
from models.rules.import_fault import ImportFault, ImportFileRefused
from models.rules.row_policy import MAX_CONTACTS_OF_CALL, MAX_ROWS
from models.storage.database import Database, wake
from models.storage.locks import lock
from models.storage.row_insert import add_rows, by_table, new_row
from models.storage.sql import plan_by_present_sizes
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from models.tables.access import Principal
from models.tables.audit import ActorContext
from models.tables.customer_import import (
    IMPORTS,
    CustomerImport,
    ImportFailedRow,
    ImportFailure,
    ImportState,
)
from models.tables.customer_import import ImportFault as FaultRow
from models.tables.event import IMPORT_ID

PAUSED = "PAUSED"
"""The reason for which an import stops between two batches."""


class _PermissionLost(Exception):
    """The sender may not store the rows any more."""


@dataclass(frozen=True, slots=True)
class ImportRunner:
    """The handler of jobs that import a file."""

    database: Database
    clock: Callable[[], datetime]
    lease: timedelta
    delivery_policy: DeliveryPolicy
    is_masked: Callable[[Principal], bool]
    batch_size: int = MAX_ROWS

    async def run(self, job: Claim) -> Store:
        """Store all rows that were not stored yet; the returned function ends the import."""
        import_id = str(job.payload["import_id"])
        found = await CustomerImport.get_or_none(id=import_id)
        if found is None or found.state.has_ended:
            return _nothing_to_store
        with preserve_tenant_scope():
            bind_tenant(found.reseller_id)
            try:
                await self._start(job, found)
                await self._store_all(job, found)
            except ImportFileRefused as refused:
                return self._ended(import_id, refused.line, refused.faults)
            except _PermissionLost:
                return self._ended(import_id, failure=ImportFailure.PERMISSION_LOST)
        return self._ended(import_id)

    async def note_retry(
        self, job: Claim, due_at: datetime, reason: str | None, attempts: int
    ) -> None:
        """Store nothing: an import that waits for another attempt counts as running."""

    async def note_failure(
        self,
        job: Claim,
        reason: str,
        *,
        is_bare: bool,  # noqa: ARG002  # as in Handler
    ) -> None:
        """End the import of a job that was given up; rows that were stored stay."""
        await self._ended(str(job.payload["import_id"]), failure=ImportFailure(reason))()

    async def _start(self, job: Claim, found: CustomerImport) -> None:
        """Count the rows of a new import. A dry run that was interrupted begins anew."""
        if found.row_count is not None and not found.is_dry_run:
            return
        count, reader = 0, RowReader(found.format)
        async for _ in _with_pauses(reader.rows(found.id)):
            count += 1

        async def work() -> None:
            row = await self._held(job, found.id, None)
            row.state, row.row_count = ImportState.RUNNING, count
            row.columns = None if reader.header is None else reader.header.names
            row.started_at = row.started_at or self.clock()
            row.done_count = row.stored_count = row.failed_count = row.fault_count = 0
            await ImportFailedRow.filter(import_id=row.id).delete()
            await FaultRow.filter(import_id=row.id).delete()
            await row.save()
            await wake(IMPORTS)

        await self.database.transaction(work)
        found.done_count = 0

    async def _store_all(self, job: Claim, found: CustomerImport) -> None:
        done, place, contacts = found.done_count, 0, 0
        permissions = principal_of(found).permissions
        batch: list[ImportRow] = []
        async for row in _with_pauses(RowReader(found.format).rows(found.id)):
            place += 1
            if place <= done:
                continue
            row.require(permissions)
            contacts += len(row.contacts)
            if contacts > MAX_CONTACTS_OF_CALL or len(batch) == self.batch_size:
                await self._store_batch(job, found, done, batch)
                done, batch, contacts = place - 1, [], len(row.contacts)
            batch.append(row)
        if batch:
            await self._store_batch(job, found, done, batch)

    async def _store_batch(
        self, job: Claim, found: CustomerImport, done: int, rows: Sequence[ImportRow]
    ) -> None:
        """Store the rows after the first `done` ones, in one transaction.

        Raises ReleaseJobError if imports are paused, so that this one goes on later.
        """
        with beyond_tenants():
            if await is_paused(IMPORT):
                raise ReleaseJobError(PAUSED)
        act = self._act(found)

        async def checked() -> Faults:
            await plan_by_present_sizes()
            return await store_rows(act, rows, found.on_conflict, found.created_at)

        dry: Faults | None = None
        if found.is_dry_run:
            dry = await self.database.transaction(checked, dry_run=True)

        async def work() -> None:
            row = await self._held(job, found.id, done)
            with beyond_tenants():
                if not await may_still(row):
                    raise _PermissionLost
            faults = await checked() if dry is None else dry
            more: list[Model] = []
            for one, its in zip(rows, faults, strict=True):
                if its:
                    more += fault_rows(row, one.line, its)
                    more.append(_failed_row(row.id, one))
            await add_rows(by_table(more))
            failed = sum(1 for its in faults if its)
            row.done_count += len(rows)
            row.failed_count += failed
            row.stored_count += len(rows) - failed
            names = ["done_count", "failed_count", "stored_count", "fault_count"]
            await row.save(update_fields=names)
            await wake(IMPORTS)

        await self.database.transaction(work)

    async def _held(self, job: Claim, import_id: str, done: int | None) -> CustomerImport:
        """Lock the import; raises LeaseLostError if somebody else has cancelled or moved it."""
        await extend(job, self.clock() + self.lease)
        row = (await lock(CustomerImport, import_id)).get(import_id)
        if row is None or row.state.has_ended or done not in {None, row.done_count}:
            raise LeaseLostError(job.id)
        return row

    def _act(self, found: CustomerImport) -> ActorContext:
        principal = principal_of(found)
        return ActorContext(
            principal,
            self.clock(),
            found.request_id,
            is_masked=self.is_masked(principal),
            delivery_policy=self.delivery_policy,
            event_ids={IMPORT_ID: found.id},
        )

    def _ended(
        self,
        import_id: str,
        line: int = 0,
        faults: Sequence[ImportFault] = (),
        failure: ImportFailure | None = None,
    ) -> Store:
        """Return a function that ends an import: as failed, if there are faults or a `failure`."""

        async def store() -> Outcome | None:
            row = (await lock(CustomerImport, import_id)).get(import_id)
            if row is None or row.state.has_ended:
                return None
            why = ImportFailure.FILE_REFUSED if faults else failure
            state = ImportState.DONE if why is None else ImportState.FAILED
            await add_rows(fault_rows(row, line, faults))
            row.started_at = row.started_at or self.clock()
            await row.save(update_fields=["fault_count", "started_at"])
            await end_import(self._act(row), row, state, why)
            await remove_file(row.id)
            return Outcome(state.value, None if why is None else why.value)

        return store


async def _nothing_to_store() -> None:
    """Do nothing: the import was cancelled, or deleted."""


def _failed_row(import_id: str, row: ImportRow) -> ImportFailedRow:
    return new_row(
        ImportFailedRow,
        import_id=import_id,
        line=row.line,
        content=row.text.encode(errors="replace"),
    )


async def _with_pauses(rows: AsyncIterator[ImportRow]) -> AsyncIterator[ImportRow]:
    """Yield rows, and let other work of the process go first after a few of them."""
    count = 0
    async for row in rows:
        yield row
        count += 1
        if count % 20 == 0:
            await asyncio.sleep(0)
