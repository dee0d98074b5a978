"""How imports of files tell what is wrong, and the parents that rows name by reference."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from models import Customer, CustomerImport, ImportFault
from models.rules.row_policy import MAX_ROWS
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api, stored
from tests.partner_world import bound_token
from tests.sent_imports import ended, faults, imported, send

JSONL = "application/jsonl"


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(databases, clock) as running:
        yield running


async def messages() -> list[tuple[str | None, str]]:
    """Return the columns and messages of all faults."""
    return [(one.column_name, one.message) for one in await ImportFault.all().order_by("number")]


async def test_unknown_columns_are_told_with_the_nearest_known_ones(api: Api) -> None:
    await imported(
        api, b"nmae,ClassCode,contact3.emial,consent.method,wholly other\nA,CHARITY,,,\n"
    )
    assert await messages() == [
        ("nmae", "There is no such column. Did you mean `name`?"),
        ("ClassCode", "There is no such column. Did you mean `classCode`?"),
        ("contact3.emial", "There is no such column. Did you mean `contact3.email`?"),
        ("wholly other", "There is no such column. The template names all columns."),
    ]
    assert await Customer.all().count() == 0


async def test_faults_of_objects_speak_of_keys(api: Api) -> None:
    """Not of columns, cells or quotes: JSONL has none."""
    lines: list[Any] = [
        {"nmae": "A", "name": "A", "contact": [], "classCode": "CHARITY"},
        {
            "name": "B",
            "classCode": "CHARITY",
            "contacts": [{"name": "Al"}, {"name": "Bo\0", "emial": "b@b.example"}],
        },
    ]
    text = [*map(json.dumps, lines), '{"name": "C", "name": "D"}', "name,classCode"]
    await imported(api, "\n".join(text).encode(), kind=JSONL)
    told = await messages()
    assert told == [
        ("nmae", "There is no such key. Did you mean `name`?"),
        ("contact", "There is no such key. Did you mean `contacts`?"),
        ("contacts.1.name", "The value contains control characters; remove them."),
        ("contacts.1.emial", "There is no such key. Did you mean `email`?"),
        ("name", "The object has this key twice."),
        (
            None,
            "The line is not a JSON object. Each line must hold one whole object, with its keys.",
        ),
    ]


async def test_objects_that_are_sent_as_csv_are_told_so(api: Api) -> None:
    job = await imported(api, b'{"name": "A"}\n')
    assert faults(job) == [(1, None, "BAD_QUOTING")]
    assert await messages() == [
        (None, "The file seems to be JSON. Send objects on lines as `application/jsonl`.")
    ]


@pytest.mark.parametrize(
    ("content", "kind", "column"),
    [
        (b"name\nA\n", "text/csv", "classCode"),
        (b"name,classCode\nA,\n", "text/csv", "classCode"),
        (b"name,classId\nA,\n", "text/csv", "classId"),
        (b'{"name": "A"}\n', JSONL, "classCode"),
        (b'{"name": "A", "classId": null}\n', JSONL, "classId"),
    ],
)
async def test_a_missing_class_is_told_at_a_column_of_the_file(
    api: Api, content: bytes, kind: str, column: str
) -> None:
    job = await imported(api, content, kind=kind)
    assert faults(job) == [(int(kind != JSONL) + 1, column, "CLASS_REQUIRED")]


async def test_a_wrong_parameter_is_told_with_the_right_one(api: Api) -> None:
    before = await stored()
    response = await send(api, b"name,classCode\nA,CHARITY\n", "?dryrun=true")
    assert response.status_code == 400
    (error,) = response.json()["errors"]
    assert error["message"] == "There is no parameter `dryrun`. Did you mean `dryRun`?"
    assert await stored() == before


async def test_rows_name_parents_that_were_there_when_the_file_was_sent(api: Api) -> None:
    """The order of rows, and the batch in which one is stored, do not matter."""
    reseller = await api.save_customer(classCode="RESELLER_OTHER", externalReference="R-1")
    api.clock.advance(timedelta(minutes=1))
    header = "externalReference,name,classCode,parentExternalReference"
    rows = [
        "C-1,One,CHARITY,R-1",
        "R-2,New reseller,RESELLER_OTHER,",
        *(f"F-{number},Filler,CHARITY," for number in range(MAX_ROWS)),
        "C-2,Two,CHARITY,R-2",
        "C-1,Same,CHARITY,R-1",
    ]
    content = "\n".join([header, *rows, ""]).encode()
    response = await send(api, content)
    assert response.status_code == 202
    api.clock.advance(timedelta(minutes=1))
    checked = await ended(api, response)
    place = len(rows)
    assert faults(checked) == [
        (place, "parentExternalReference", "NOT_FOUND"),
        (place + 1, "externalReference", "DUPLICATE_IN_FILE"),
    ]
    one = await Customer.get(external_reference="C-1")
    assert one.parent_id == reseller["id"]
    again = await imported(
        api,
        f"{header}\nC-2,Two,CHARITY,R-2\nC-1,Renamed,CHARITY,R-1\n".encode(),
        "?onConflict=UPDATE",
    )
    assert faults(again) == []
    two = await Customer.get(external_reference="C-2")
    assert two.parent_id == (await Customer.get(external_reference="R-2")).id
    assert (await Customer.get(id=one.id)).name == "Renamed"


async def test_a_key_with_a_parent_by_reference_is_read_from_objects(api: Api) -> None:
    reseller = await api.save_customer(classCode="RESELLER_OTHER", externalReference="R-1")
    value = {"name": "A", "classCode": "CHARITY", "parentExternalReference": "R-1"}
    job = await imported(api, json.dumps(value).encode(), kind=JSONL)
    assert faults(job) == []
    assert (await Customer.get(name="A")).parent_id == reseller["id"]


async def earlier(api: Api, content: bytes, query: str = "", **headers: str) -> str | None:
    """Send a file, and run its import; return which earlier import the answer and the job tell."""
    response = await send(api, content, query, **headers)
    job = await ended(api, response, headers.get("token"))
    told: str | None = response.json()["earlierImportId"]
    assert (response.json()["warning"] is None) == (told is None)
    assert job["earlierImportId"] == told
    return told


async def test_a_file_that_was_imported_lately_is_told_with_its_import(api: Api) -> None:
    """Nothing is refused. Dry runs, other callers and longer times do not count."""
    reseller = await api.save_customer(classCode="RESELLER_OTHER")
    _, other = await bound_token(reseller["id"], api.clock())
    content = b"name,classCode\nA,CHARITY\n"
    assert await earlier(api, content, "?dryRun=true") is None
    assert await earlier(api, content) is None
    first = (await CustomerImport.filter(is_dry_run=False).get()).id
    assert await earlier(api, content, token=other) is None
    assert await earlier(api, content, "?onConflict=UPDATE") is None
    assert await earlier(api, content + b"B,CHARITY\n") is None
    api.clock.advance(timedelta(hours=23, minutes=59))
    assert await earlier(api, content, "?dryRun=true") == first
    key = {"Idempotency-Key": "one"}
    assert await earlier(api, content, **key) == first
    repeat = (await send(api, content, **key)).json()
    assert (repeat["isReplayed"], repeat["earlierImportId"]) == (True, first)
    assert await Customer.filter(name="A").count() == 4
    api.clock.advance(timedelta(hours=24, minutes=1))
    assert await earlier(api, content) is None


async def test_a_file_that_failed_or_was_cancelled_is_not_told(api: Api) -> None:
    content = b"nonsense\nA\n"
    assert await earlier(api, content) is None
    assert await earlier(api, content) is None
    content = b"name,classCode\nA,CHARITY\n"
    begun = (await send(api, content)).json()["importId"]
    await api.done("cancelImport", "importJob { state }", id=begun)
    assert await earlier(api, content) is None


async def test_an_export_is_imported_after_its_columns_are_renamed(api: Api) -> None:
    """As `docs/partners/imports.md` says; rows that change nothing raise no version."""
    reseller = await api.save_customer(classCode="RESELLER_OTHER", externalReference="R-1")
    await api.save_customer(
        classCode="CHARITY", externalReference="C-1", parentId=reseller["id"], name="=Sum"
    )
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = await api.http.get("/exports/customers.csv", headers=headers)
    names = {
        **{one: one for one in ("accountNumber", "externalReference", "name", "companyNumber")},
        "customerClass.code": "classCode",
        "parent.id": "parentId",
    }
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names.values())
    writer.writeheader()
    for one in csv.DictReader(io.StringIO(answer.text, newline="")):
        writer.writerow({names[name]: one[name] for name in names})
    job = await imported(api, text.getvalue().encode(), "?onConflict=UPDATE")
    assert (faults(job), job["storedRowCount"]) == ([], 2)
    assert {(one.name, one.version) for one in await Customer.all()} == {("Acme", 1), ("=Sum", 1)}
    refused = await imported(api, answer.content, "?onConflict=UPDATE")
    assert refused["failure"] == "FILE_REFUSED"
