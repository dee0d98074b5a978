"""If workers are killed in the middle of an import, each row is stored exactly once."""

import signal
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from models import (
    AuditEntry,
    ClassChange,
    ConsentEntry,
    Contact,
    ContactState,
    Customer,
    CustomerImport,
    Event,
    ImportFault,
    ImportPart,
)
from models.changes.import_file import FileWriter
from models.changes.import_run import NewImport, request_import
from models.storage.database import Database
from models.storage.identifiers import new_import_id
from models.tables.access import OPERATOR
from models.tables.audit import ActorContext
from models.tables.customer_import import ImportFormat, ImportState
from tests.processes import until, worker_process

ROWS = 2_500
BAD = range(7, ROWS, 600)
COLUMNS = (
    "externalReference,name,classCode,contact1.name,contact1.receivesBills,consent.given,"
    "consent.basis,consent.method,consent.givenBy,consent.evidenceReference"
)

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="this system can't kill a process outright"
)


def row(number: int) -> str:
    code = "NO_SUCH" if number in BAD else "CHARITY"
    return (
        f"ref-{number},Customer {number},{code},Ann {number},true,true,WRITTEN_OPT_IN,PAPER,Ann,"
        f"file {number}"
    )


async def test_rows_are_stored_once_although_two_workers_are_killed(
    database: Database, act: ActorContext, tmp_path: Path
) -> None:
    # The workers use the real clock.
    act = replace(act, principal=OPERATOR, now=datetime.now(UTC))
    writer = FileWriter(database, new_import_id(), act.now)
    lines = (row(number) for number in range(ROWS))
    await writer.write("\n".join([COLUMNS, *lines]).encode())
    await writer.end()
    wanted = NewImport(writer.import_id, ImportFormat.CSV, writer.sha256, writer.byte_count)
    await database.transaction(lambda: request_import(act, wanted, None))

    killed_at = [0]

    async def has_moved_on() -> bool:
        found = await CustomerImport.get()
        assert not found.state.has_ended, found.failure
        return found.done_count > killed_at[-1]

    async def has_ended() -> bool:
        return (await CustomerImport.get()).state.has_ended

    log = tmp_path / "workers.log"
    settings = {"DATABASE_URL": database.url, "WORKER_LEASE_S": "1"}
    for _ in range(2):
        with worker_process(log, "--kinds", "import", **settings) as victim:
            await until(has_moved_on)
            victim.kill()
            assert victim.wait() == -signal.SIGKILL
        killed_at.append((await CustomerImport.get()).done_count)
    assert 0 < killed_at[1] < killed_at[2] < ROWS, killed_at
    with worker_process(log, "--kinds", "import", **settings):
        await until(has_ended)

    done, good = await CustomerImport.get(), ROWS - len(BAD)
    assert (done.state, done.row_count, done.done_count) == (ImportState.DONE, ROWS, ROWS)
    assert (done.stored_count, done.failed_count) == (good, len(BAD))
    names = [one.name for one in await Customer.all()]
    assert sorted(names) == sorted(f"Customer {one}" for one in range(ROWS) if one not in BAD)
    for model in (ClassChange, Contact, ContactState, ConsentEntry):
        assert await model.all().count() == good, model
    for operation in ("customer.created", "consent.recorded", "contact.created"):
        assert await AuditEntry.filter(operation=operation).count() == good
        assert await Event.filter(type=operation).count() == good
    faults = await ImportFault.all().order_by("number")
    assert [one.line for one in faults] == [number + 2 for number in BAD]
    assert not await ImportPart.exists()
    assert "Traceback" not in log.read_text()
