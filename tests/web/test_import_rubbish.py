"""Rubbish in imported files is told at its line, and bugs do not keep the sender from importing."""

import errno
from collections.abc import AsyncIterator

import pytest

from models import Customer, Job
from models.changes import import_job
from tests.captured_logs import captured_logs
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api
from tests.sent_imports import ended, faults, imported, run_imports, send

CSV, JSONL = "text/csv", "application/jsonl"
LONG = b'"' + b"x" * 90_000 + b"\n" + b"x" * 90_000 + b'",CHARITY\n'


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(databases, clock) as running:
        yield running


@pytest.mark.parametrize(
    ("content", "kind", "found"),
    [
        (b'name,classCode\n"Acme, Ltd",CHAR\rITY\n', CSV, (2, None, "BAD_QUOTING")),
        (b"name,classCode\n" + LONG, CSV, (2, None, "LINE_TOO_LONG")),
        (b"na\0me\nx\n", CSV, (1, "na\ufffdme", "UNKNOWN_COLUMN")),
        (
            "name\nx\n".encode("utf-16-le"),
            CSV,
            (1, "n\ufffda\ufffdm\ufffde\ufffd", "UNKNOWN_COLUMN"),
        ),
        (b'{"a\\u0000b":1}\n', JSONL, (1, "a\ufffdb", "UNKNOWN_COLUMN")),
        (b'{"\\ud800":1}\n', JSONL, (1, "\ufffd", "UNKNOWN_COLUMN")),
        (b'{"\\ud800":1,"\\ud800":1}\n', JSONL, (1, "\ufffd", "DUPLICATE_COLUMN")),
        (
            b'{"contacts":[{"name":"c","\\u0000":1}]}\n',
            JSONL,
            (1, "contacts.0.\ufffd", "UNKNOWN_COLUMN"),
        ),
        (
            b'{"contacts":[{"name":"c","\\udfff":1}]}\n',
            JSONL,
            (1, "contacts.0.\ufffd", "UNKNOWN_COLUMN"),
        ),
        (b'{"\\u001b[2J":1}\n', JSONL, (1, "\ufffd[2J", "UNKNOWN_COLUMN")),
    ],
)
async def test_rubbish_is_told_at_its_line(
    api: Api, content: bytes, kind: str, found: tuple[int, str | None, str]
) -> None:
    with captured_logs("json") as logs:
        job = await imported(api, content, kind=kind)
    assert faults(job)[0] == found
    assert job["state"] in {"DONE", "FAILED"}
    assert "job_crashed" not in logs.getvalue()
    assert await Customer.all().count() == 0
    if job["errorFilePath"]:
        headers = {"Authorization": f"Bearer {api.token}"}
        assert (await api.http.get(job["errorFilePath"], headers=headers)).status_code == 200


async def test_cells_that_look_like_formulas_are_mended_as_they_are(api: Api) -> None:
    header = b"externalReference,name,classCode\n"
    job = await imported(api, header + b"q;=1-x,Smith;+Sons x,NOPE\n'=a,'';'=b,NOPE\n")
    headers = {"Authorization": f"Bearer {api.token}"}
    text = (await api.http.get(job["errorFilePath"], headers=headers)).text
    assert "q;'=1-x,Smith;'+Sons x,NOPE" in text
    assert (await imported(api, text.replace("NOPE,", "CHARITY,").encode()))["failedRowCount"] == 0
    found = {(one.external_reference, one.name) for one in await Customer.all()}
    assert found == {("q;=1-x", "Smith;+Sons x"), ("=a", "'';=b")}


@pytest.mark.parametrize(
    ("error", "failure"),
    [(ZeroDivisionError(), "INTERNAL_ERROR"), (OSError(errno.ECONNREFUSED, "refused"), None)],
)
async def test_a_bug_ends_an_import_soon_and_an_outage_does_not(
    api: Api, monkeypatch: pytest.MonkeyPatch, error: Exception, failure: str | None
) -> None:
    async def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(import_job, "store_rows", fails)
    response = await send(api, b"name,classCode\nA,CHARITY\n")
    for attempt in range(1, 5):
        await run_imports(api)
        job = await Job.get(kind="import")
        assert job.attempts == attempt
        assert (job.state.value == "FAILED") == (failure is not None and attempt == 4)
        await Job.filter(kind="import", due_at__isnull=False).update(due_at=api.clock())
    monkeypatch.undo()
    if failure is None:
        assert (await send(api, b"name,classCode\nB,CHARITY\n")).status_code == 409
    ended_job = await ended(api, response)
    state = "DONE" if failure is None else "FAILED"
    assert (ended_job["state"], ended_job["failure"]) == (state, failure)
    again = await imported(api, b"name,classCode\nB,CHARITY\n")
    assert again["state"] == "DONE"
