"""`manage.py restore`: the database of the backup, which nobody can use before it is complete."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from commands.data.files import create_private
from commands.data.targets import DAMAGED
from models import AuditEntry
from models.changes.audit_erasure import erase_names
from models.changes.contact_erasure import erase_contact
from models.changes.mention_erasure import erase_mentions
from models.changes.user_editing import create_user, disable_user
from models.storage.database import Database
from models.tables.access import OPERATOR
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.data_commands import (
    backup_path,
    empty_target,
    kill_at,
    names_in,
    needs_tools,
    rows_of,
    run_limited,
)
from tests.databases import Databases
from tests.delivery_world import World
from tests.factories import add_customer, erase, move
from tests.partner_world import two_partners
from tests.processes import run

PAUSED = "SELECT kind FROM job_pause ORDER BY kind"
GENERATIONS = "SELECT sequence FROM event_generation ORDER BY sequence"


@pytest.fixture
async def backup(database: Database, clock: Clock, tmp_path: Path) -> Path:
    """Return a backup of a database with rows of every kind."""
    needs_tools(database.url)
    await two_partners(database, clock)
    return await backed_up(database, tmp_path)


async def backed_up(database: Database, folder: Path) -> Path:
    copies = folder / "copies"
    copies.mkdir()
    status, _, errors = await run("backup", str(copies), DATABASE_URL=database.url)
    assert (status, errors) == (0, "")
    return backup_path(copies)


async def restore(backup: Path, url: str, *more: str) -> tuple[int | None, str, str]:
    return await run("restore", str(backup), "--to", url, *more, DATABASE_URL=url)


async def may_write(url: str) -> bool:
    """Return whether processes would write to a database."""
    status, _, _ = await run("jobs", "pause", "import", DATABASE_URL=url)
    return status == 0


async def test_everything_is_restored_and_jobs_wait(
    database: Database, databases: Databases, backup: Path, tmp_path: Path
) -> None:
    url = await empty_target(databases, tmp_path)
    generations = len((await rows_of(database.url, GENERATIONS))[0])
    status, told, errors = await restore(backup, url, "--hold-jobs")
    assert status == 0
    assert " 6 consent ledgers verified\n" in told
    assert errors == (
        "Erasures since the backup were not repeated, because no --erasures was given.\n"
    )
    same = [
        f"SELECT * FROM {table} ORDER BY 1"
        for table in ("customer", "contact", "consent_entry", "job", "event", "webhook_delivery")
    ]
    assert await rows_of(url, *same) == await rows_of(database.url, *same)
    paused, begun = await rows_of(url, PAUSED, GENERATIONS)
    kinds = ["confirmation_mail", "enrich", "import", "webhook", "webhook_notice"]
    assert [kind for (kind,) in paused] == kinds
    assert len(begun) == generations + 1  # cursors that are newer than the backup are refused
    again = await restore(backup, url)
    assert again[0] == 1
    assert again[2].startswith("Error: ")
    assert await rows_of(url, PAUSED) == [paused]
    await databases.drop(url)


async def test_without_hold_jobs_nothing_is_paused(
    databases: Databases, backup: Path, tmp_path: Path
) -> None:
    url = await empty_target(databases, tmp_path)
    assert (await restore(backup, url))[0] == 0
    assert await rows_of(url, PAUSED) == [[]]
    assert await may_write(url)
    await databases.drop(url)


async def test_a_damaged_backup_is_refused(
    databases: Databases, backup: Path, tmp_path: Path
) -> None:
    url = await empty_target(databases, tmp_path)
    content = bytearray(await asyncio.to_thread(backup.read_bytes))
    content[len(content) // 2] ^= 1
    await asyncio.to_thread(backup.write_bytes, content)
    status, _, errors = await restore(backup, url)
    assert (status, errors) == (
        1,
        f"Error: {DAMAGED}\n",
    )
    assert names_in(tmp_path) == ["copies"]
    assert (await restore(backup.with_name(f"{backup.name}.manifest.json"), url))[0] == 1
    await databases.drop(url)


@pytest.mark.parametrize("module", ["commands.data.targets.verify_ledgers", "repeat_erasures"])
async def test_a_killed_restore_cannot_be_used_and_is_repeated(
    databases: Databases, backup: Path, tmp_path: Path, module: str
) -> None:
    url = await empty_target(databases, tmp_path)
    erased = tmp_path / "erasures"
    create_private(erased)
    place, _, function = module.rpartition(".")
    arguments = ("restore", str(backup), "--to", url, "--erasures", str(erased))
    await kill_at(place or "commands.restore", function, *arguments, DATABASE_URL=url)
    if Database(url).is_postgres:
        assert not await may_write(url)
        status, _, errors = await restore(backup, url)
        assert status == 1
        assert "has an interrupted restore. Drop it, create it anew" in errors
        await databases.drop(url)
        url = await databases.create_empty()
    else:
        assert names_in(tmp_path) == [".restored.sqlite3.partial", "copies", "erasures"]
    assert (await restore(backup, url, "--erasures", str(erased)))[0] == 0
    assert await may_write(url)
    await databases.drop(url)


async def test_a_full_disk_leaves_no_database(
    databases: Databases, backup: Path, tmp_path: Path
) -> None:
    url = await empty_target(databases, tmp_path)
    if Database(url).is_postgres:
        pytest.skip("the disk is the server's")
    status, errors = await run_limited(50_000, "restore", str(backup), "--to", url)
    assert status == 1
    assert "File too large" in errors
    assert names_in(tmp_path) == ["copies"]


async def test_what_was_erased_since_the_backup_is_erased_again(
    database: Database, databases: Databases, act: ActorContext, tmp_path: Path
) -> None:
    """The list outside of the database is enough: it has ids, and no personal data."""
    needs_tools(database.url)
    world = World(database, Clock(), act)
    first, second, third = [
        await add_customer(database, act, "RESIDENTIAL", name=f"Private {number}")
        for number in range(3)
    ]
    contact = await world.contact(second, name="Private contact")
    user = await database.transaction(lambda: create_user(act, {"name": "Private user"}, None))
    await move(database, act, third, "SOLE_TRADER", reason="Private reason")
    path = await backed_up(database, tmp_path)

    later = ActorContext(OPERATOR, act.now + timedelta(hours=1), "request-2")
    await erase(database, later, first)
    await database.transaction(lambda: erase_contact(later, contact.id, None))
    await database.transaction(lambda: disable_user(later, user.id, None, None))
    await database.transaction(lambda: erase_names(later, user.id, "Asked"))
    told = await AuditEntry.filter(subject_id=third.id, reason="Private reason")
    entries = [one.id for one in told]
    await database.transaction(lambda: erase_mentions(later, [], entries))
    since = await add_customer(database, later, "RESIDENTIAL", name="Since")
    await erase(database, later, since)

    erasures = tmp_path / "erasures"
    listed = [await run("erasures", str(erasures), DATABASE_URL=database.url) for _ in range(2)]
    assert [told for _, told, _ in listed] == [
        f"{erasures}: 5 erasures added\n",
        f"{erasures}: 0 erasures added\n",
    ]
    assert "Private" not in await asyncio.to_thread(erasures.read_text)

    url = await empty_target(databases, tmp_path)
    status, printed, errors = await restore(path, url, "--erasures", str(erasures))
    assert (status, errors) == (0, "")
    assert printed.endswith("Repeated 4 erasures\n")
    names = [
        "SELECT name FROM customer ORDER BY id",
        "SELECT name FROM contact",
        "SELECT name FROM app_user",
        "SELECT count(*) FROM audit_entry WHERE reason = 'Private reason'",
    ]
    assert await rows_of(url, *names) == [
        [("(erased)",), ("Private 1",), ("Private 2",)],
        [("(erased)",)],
        [("(erased)",)],
        [(0,)],
    ]
    await databases.drop(url)


async def test_an_erasure_that_is_refused_is_told(
    database: Database, databases: Databases, act: ActorContext, tmp_path: Path
) -> None:
    needs_tools(database.url)
    reseller = await add_customer(database, act, "RESELLER_SOLE_TRADER")
    await add_customer(database, act, parent_id=reseller.id)
    path = await backed_up(database, tmp_path)
    erasures = tmp_path / "erasures"
    create_private(
        erasures,
        f'{{"entry": "aud_1", "operation": "customer.deleted", "subject": "{reseller.id}",'
        f' "at": "2026-11-01T00:00:00+00:00"}}\n{{"entry": "aud_to'.encode(),
    )
    url = await empty_target(databases, tmp_path)
    status, told, errors = await restore(path, url, "--erasures", str(erasures))
    assert status == 2
    assert told.endswith("Repeated 0 erasures\n")
    assert errors.startswith(f"customer.deleted of {reseller.id} was not repeated: ")
    assert await rows_of(url, "SELECT count(*) FROM customer WHERE erased_at IS NULL") == [[(2,)]]
    await databases.drop(url)
