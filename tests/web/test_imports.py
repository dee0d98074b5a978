"""Files of customers that are sent to be imported, and what their imports store."""

import csv
import hashlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models import (
    AuditEntry,
    ClassChange,
    ConsentEntry,
    ConsentLedger,
    ConsentPeriod,
    Contact,
    ContactState,
    Customer,
    CustomerImport,
    EnrichmentRun,
    Event,
    ImportPart,
    Job,
)
from models.rules.consent_chain import breaks
from models.rules.import_columns import template
from models.rules.urgency import Urgency
from models.tables.access import Scope
from models.tables.consent_entry import ConsentTestimony
from models.tables.customer_import import ImportFailure, ImportState
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api, stored
from tests.partner_world import bound_token
from tests.sent_imports import faults, imported, run_imports, send

HEADER = (
    "externalReference,name,classCode,companyNumber,contact1.name,contact1.email,"
    "contact1.receivesBills,contact1.externalReference,consent.given,consent.basis,"
    "consent.method,consent.givenBy,consent.evidenceReference"
)
STORED = (
    *(AuditEntry, ClassChange, ConsentEntry, ConsentLedger, ConsentPeriod, ConsentTestimony),
    *(Contact, ContactState, Customer, EnrichmentRun, Event),
)
"""The tables to which a single save, and a row of a file, adds rows."""

VARYING = frozenset(
    {"id", "at", "salt", "address_salt", "hash", "last_hash", "request_digest", "number"}
)


def cells(number: int, **changes: str) -> dict[str, str]:
    return {
        "externalReference": f"ref-{number}",
        "name": f"Customer {number}",
        "classCode": "COMPANY_UK_LIMITED",
        "companyNumber": f"{number:08d}",
        "contact1.name": f"Contact {number}",
        "contact1.email": f"c{number}@example.org",
        "contact1.receivesBills": "true",
        "contact1.externalReference": f"con-{number}",
        "consent.given": "true",
        "consent.basis": "WRITTEN_OPT_IN",
        "consent.method": "PAPER",
        "consent.givenBy": "Ann Sample",
        "consent.evidenceReference": f"file {number}",
        **changes,
    }


def row(number: int, **changes: str) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells(number, **changes).values())
    return text.getvalue().rstrip("\r\n")


def file_of(*rows: str, header: str = HEADER) -> bytes:
    return "\r\n".join([header, *rows, ""]).encode()


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(databases, clock) as running:
        yield running


async def comparable() -> dict[str, list[dict[str, Any]]]:
    """Return the rows of STORED without what differs each time; ids are numbered by first use."""
    names: dict[str, str] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(one) for name, one in value.items() if name != "importId"}
        text = str(value)
        if len(text) == 30 and text[3] == "_":
            return names.setdefault(text, f"{text[:3]} {len(names)}")
        return value

    found = {}
    for model in STORED:
        # Single saves add the events of a customer in another order.
        order = ("type", "number") if model is Event else (model._meta.pk_attr,)
        rows = [vars(one) for one in await model.all().order_by(*order)]
        found[model.__name__] = [
            {
                name: plain(value)
                for name, value in one.items()
                if not (
                    name.startswith("_")
                    or name in VARYING
                    or name.endswith(("_at", "_digest", "_hash", "request_id", "_key"))
                )
            }
            for one in rows
        ]
    return found


async def test_a_row_leaves_what_single_saves_leave(databases: Databases, clock: Clock) -> None:
    """Customers, histories, audit entries, events, consent ledger and lookups, in each detail."""
    async with running_api(databases, clock) as api:
        customer = await api.save_customer(
            externalReference="ref-1",
            name="Customer 1",
            classCode="COMPANY_UK_LIMITED",
            companyNumber="1",
            accountNumber="A 1",
            consent={
                "basis": "WRITTEN_OPT_IN",
                "method": "PAPER",
                "givenBy": "Ann Sample",
                "evidenceReference": "file 1",
            },
        )
        await api.done(
            "saveContact",
            "contact { id }",
            customerId=customer["id"],
            name="Contact 1",
            email="c1@example.org",
            receivesBills=True,
            externalReference="con-1",
        )
        saved = await comparable()
    async with running_api(databases, clock) as api:
        header = f"{HEADER},accountNumber"
        content = file_of(f"{row(1, companyNumber='1')},A 1", header=header)
        response = await send(api, content)
        assert await Customer.all().count() == 0
        requested = await AuditEntry.all()
        assert [one.operation for one in requested] == ["import.requested"]
        await run_imports(api)
        assert (await CustomerImport.get()).state is ImportState.DONE
        events = await Event.all()
        assert {one.payload["importId"] for one in events} == {response.json()["importId"]}
        (lookup,) = await Job.filter(kind="enrich")
        assert lookup.urgency == Urgency.BULK
        made = await comparable()
        (entry,) = await ConsentEntry.all()
        testimony = await ConsentTestimony.get(id=entry.testimony_id)
        ledger = await ConsentLedger.get(id=entry.customer_id)
        end = (ledger.entry_count, ledger.last_hash)
        assert breaks([entry], {testimony.id: testimony}, end, is_erased=False) == []
    made["AuditEntry"] = [
        one for one in made["AuditEntry"] if not one["operation"].startswith("import.")
    ]
    made["Event"] = [one for one in made["Event"] if one["type"] != "import.finished"]
    for name in saved:
        assert len(made[name]) == len(saved[name]), name
        for here, there in zip(made[name], saved[name], strict=True):
            differing = {key for key in here if here[key] != there[key]}
            ids = {key for key in differing if key.endswith("id") or key in {"payload", "after"}}
            assert differing == ids, name


async def test_good_rows_are_stored_and_bad_ones_are_told(api: Api) -> None:
    await api.save_customer(externalReference="taken", accountNumber="A1")
    content = file_of(
        row(1),
        row(2, name="  ", classCode="NO_SUCH", **{"contact1.email": "nobody"}),
        row(3, externalReference="taken"),
        row(4, **{"consent.basis": "PERHAPS", "contact1.receivesBills": "perhaps"}),
        row(5, externalReference="ref-1"),
        "only,two",
        'a"b,c',
        row(6, **{"consent.given": "", "contact1.externalReference": "con-1"}),
        row(7, name="=Sum, Ltd", companyNumber="X"),
        row(8, name='Zoë\nand "Co"'),
    )
    job = await imported(api, content)
    assert faults(job) == [
        (3, "contact1.email", "INVALID_EMAIL"),
        (3, "classCode", "NOT_FOUND"),
        (3, "name", "REQUIRED"),
        (4, "externalReference", "ALREADY_EXISTS"),
        (5, "contact1.receivesBills", "BAD_FORMAT"),
        (5, "consent.basis", "BAD_FORMAT"),
        (6, "externalReference", "DUPLICATE_IN_FILE"),
        (7, None, "WRONG_CELL_COUNT"),
        (8, None, "BAD_QUOTING"),
        (9, "consent.given", "CONTRADICTORY_VALUES"),
        (9, "contact1.externalReference", "DUPLICATE_IN_FILE"),
        (10, "companyNumber", "INVALID_COMPANY_NUMBER"),
        (11, "name", "CONTROL_CHARACTERS"),
    ]
    assert job["state"] == "DONE"
    counts = ("rowCount", "doneRowCount", "storedRowCount", "failedRowCount")
    assert [job[name] for name in counts] == [10, 10, 1, 9]
    assert {one.name for one in await Customer.all()} == {"Acme", "Customer 1"}


async def test_the_error_file_can_be_mended_and_sent_again(api: Api) -> None:
    job = await imported(api, file_of(row(1), row(2, companyNumber="X", name="=Sum, Ltd")))
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = await api.http.get(job["errorFilePath"], headers=headers)
    assert answer.status_code == 200
    (failed,) = csv.DictReader(io.StringIO(answer.text, newline=""))
    assert failed["import.errorCodes"] == "INVALID_COMPANY_NUMBER"
    assert failed["import.errorMessages"].startswith("Line 3, companyNumber: ")
    assert failed["name"] == "'=Sum, Ltd"
    mended = io.StringIO(newline="")
    writer = csv.DictWriter(mended, failed)
    writer.writeheader()
    writer.writerow({**failed, "companyNumber": "2"})
    again = await imported(api, mended.getvalue().encode())
    assert (again["state"], again["storedRowCount"], again["errorFilePath"]) == ("DONE", 1, None)
    assert {one.name for one in await Customer.all()} == {"Customer 1", "=Sum, Ltd"}


async def test_a_dry_run_tells_all_faults_and_stores_nothing(api: Api) -> None:
    content = file_of(*(row(number) for number in range(1, 6)), row(6, name=""), row(1))
    before = await stored()
    job = await imported(api, content, "?dryRun=true")
    assert faults(job) == [
        (7, "name", "REQUIRED"),
        (8, "externalReference", "DUPLICATE_IN_FILE"),
        (
            8,
            "contact1.externalReference",
            "DUPLICATE_IN_FILE",
        ),
    ]
    assert (job["storedRowCount"], job["failedRowCount"]) == (5, 2)
    after = await stored()
    own = {"CustomerImport", "ImportFault", "ImportFailedRow", "Job", "QueueTurn", "AuditEntry"}
    assert {name for name in after if after[name] != before[name]} == own | {"Event"}
    operations = [one["operation"] for one in after["AuditEntry"]]
    assert operations == ["import.requested", "import.finished"]
    assert [one["type"] for one in after["Event"]] == ["import.finished"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", (1, None, "HEADER_MISSING")),
        (b"name,nonsense\nA,B\n", (1, "nonsense", "UNKNOWN_COLUMN")),
        (b"name,name\nA,B\n", (1, "name", "DUPLICATE_COLUMN")),
        (b"n\xffme\nA\n", (1, None, "BAD_ENCODING")),
        (b'"name\nA\n', (1, None, "BAD_QUOTING")),
        (b"x" * 200_000, (1, None, "LINE_TOO_LONG")),
    ],
)
async def test_a_file_without_a_usable_header_is_refused_as_a_whole(
    api: Api, content: bytes, found: tuple[int, str | None, str]
) -> None:
    job = await imported(api, content)
    assert (job["state"], job["failure"], faults(job)) == ("FAILED", "FILE_REFUSED", [found])
    assert await Customer.all().count() == await ImportPart.all().count() == 0


async def test_damaged_lines_are_faults_of_their_own(api: Api) -> None:
    content = (
        b"\xef\xbb\xbfname,classCode\r\nGood,CHARITY\r\nBad\xff,CHARITY\r\n"
        b"N\x00L,CHAR\x00ITY\r\n"
        + b"x" * 200_000
        + b"\n"
        + b"y" * 20_000
        + b",CHARITY\n\nAlso good,CHARITY"
    )
    job = await imported(api, content)
    assert faults(job) == [
        (3, None, "BAD_ENCODING"),
        (4, "name", "CONTROL_CHARACTERS"),
        (4, "classCode", "CONTROL_CHARACTERS"),
        (5, None, "LINE_TOO_LONG"),
        (6, "name", "TOO_LONG"),
    ]
    assert {one.name for one in await Customer.all()} == {"Good", "Also good"}


async def test_objects_on_lines_are_imported(api: Api) -> None:
    good = {
        "name": "Good",
        "classCode": "CHARITY",
        "companyNumber": None,
        "contacts": [{"name": "Al", "email": "al@a.example"}, {"name": "Bo", "isActive": False}],
        "consent": {
            "basis": "WRITTEN_OPT_IN",
            "method": "PAPER",
            "givenBy": "Ann",
            "evidenceReference": "x",
            "effectiveAt": "2020-01-01T00:00:00+01:00",
        },
    }
    lines = [
        json.dumps(good).encode(),
        b'{"name": 5, "nonsense": 1, "contacts": {}}',
        b'{"name": "A", "name": "B"}',
        b"[1]",
        b"[" * 50_000,
        b'{"name": "\\ud800", "classCode": "CHARITY"}',
        b'{"name": "C", "classCode": "CHARITY", "contacts": [5, {"email": true}]}',
        b'{"name": NaN}',
    ]
    job = await imported(api, b"\n".join(lines), kind="application/x-ndjson")
    assert faults(job) == [
        (2, "name", "BAD_FORMAT"),
        (2, "nonsense", "UNKNOWN_COLUMN"),
        (2, "contacts", "BAD_FORMAT"),
        (2, "classCode", "CLASS_REQUIRED"),
        (3, "name", "DUPLICATE_COLUMN"),
        (4, None, "BAD_JSON"),
        (5, None, "BAD_JSON"),
        (6, "name", "CONTROL_CHARACTERS"),
        (7, "contacts.0", "BAD_FORMAT"),
        (7, "contacts.1.email", "BAD_FORMAT"),
        (7, "contacts.1.name", "REQUIRED"),
        (8, None, "BAD_JSON"),
    ]
    assert [one.name for one in await Contact.all().order_by("id")] == ["Al", "Bo"]
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = await api.http.get(job["errorFilePath"], headers=headers)
    failed = [json.loads(line) for line in answer.text.splitlines()]
    assert [one["import"]["line"] for one in failed] == [2, 3, 4, 5, 6, 7, 8]
    assert failed[0]["nonsense"] == 1
    assert failed[1]["import"]["text"] == '{"name": "A", "name": "B"}'


async def test_rows_update_customers_with_their_reference(api: Api) -> None:
    customer = await api.save_customer(externalReference="ref-1", name="Old")
    header = "externalReference,name,classCode,contact1.name,contact1.externalReference"
    content = file_of(
        "ref-1,New,CHARITY,Al,con-1", "ref-2,Fresh,CHARITY,Bo,con-2", ",X,CHARITY,,", header=header
    )
    job = await imported(api, content, "?onConflict=UPDATE")
    assert faults(job) == [(4, "externalReference", "REQUIRED")]
    again = await imported(api, content.replace(b"Al", b"Alan"), "?onConflict=UPDATE")
    assert again["storedRowCount"] == 2
    assert {one.name for one in await Customer.all()} == {"New", "Fresh"}
    assert (await Customer.get(id=customer["id"])).version == 2
    assert {one.name for one in await Contact.all()} == {"Alan", "Bo"}


async def test_a_repeat_with_its_key_begins_no_second_import(api: Api) -> None:
    content = file_of(row(1))
    first = await send(api, content, **{"Idempotency-Key": "one"})
    second = await send(api, content, **{"Idempotency-Key": "one"})
    assert first.json() == {
        "importId": first.json()["importId"],
        "sha256": hashlib.sha256(content).hexdigest(),
        "byteCount": len(content),
        "isReplayed": False,
        "earlierImportId": None,
        "warning": None,
    }
    assert second.json() == {**first.json(), "isReplayed": True}
    assert second.headers["idempotent-replayed"] == "true"
    other = await send(api, file_of(row(2)), **{"Idempotency-Key": "one"})
    assert (other.status_code, code_of(other)) == (422, "IDEMPOTENCY_KEY_REUSED")
    running = await send(api, file_of(row(2)))
    assert (running.status_code, code_of(running)) == (409, "IMPORT_RUNNING")
    assert await CustomerImport.all().count() == await ImportPart.all().count() == 1


def code_of(response: Any) -> str:
    code: str = response.json()["errors"][0]["extensions"]["code"]
    return code


async def test_an_upload_is_refused_before_anything_is_stored(api: Api) -> None:
    before = await stored()
    reader = await api.token_for(Scope.CUSTOMERS_READ)
    writer = await api.token_for(Scope.CUSTOMERS_WRITE, Scope.CONTACTS_WRITE)
    content = file_of(row(1))
    for response, status, code in (
        (await send(api, content, token="ccl_x"), 401, "UNAUTHENTICATED"),
        (await send(api, content, token=reader), 403, "FORBIDDEN"),
        (await send(api, content, token=writer), 403, "FORBIDDEN"),
        (await send(api, content, kind="application/json"), 415, "BAD_REQUEST"),
        (await send(api, content, kind="text/csv; charset=latin1"), 415, "BAD_REQUEST"),
        (await send(api, content, "?onConflict=IGNORE"), 400, "BAD_USER_INPUT"),
        (await send(api, content, "?dryrun=true"), 400, "BAD_USER_INPUT"),
        (await send(api, content, **{"Idempotency-Key": "a b"}), 400, "IDEMPOTENCY_KEY_INVALID"),
    ):
        assert (response.status_code, code_of(response)) == (status, code)
    assert await stored() == before


async def test_a_file_that_is_too_large_is_refused(databases: Databases, clock: Clock) -> None:
    async with running_api(databases, clock, import_max_bytes=1_000) as api:

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(3):
                yield b"x" * 500

        response = await api.http.post(
            "/imports",
            content=pieces(),
            headers={"Authorization": f"Bearer {api.token}", "Content-Type": "text/csv"},
        )
        assert (response.status_code, code_of(response)) == (413, "REQUEST_TOO_LARGE")
        assert await ImportPart.all().count() == await CustomerImport.all().count() == 0


async def test_a_cancelled_import_stores_nothing_more(api: Api) -> None:
    response = await send(api, file_of(row(1)))
    cancelled = await api.done(
        "cancelImport", "importJob { state }", id=response.json()["importId"]
    )
    assert cancelled["importJob"] == {"state": "CANCELLED"}
    await api.work()
    assert await Customer.all().count() == await ImportPart.all().count() == 0
    assert (await imported(api, file_of(row(1))))["storedRowCount"] == 1


async def test_an_import_ends_if_its_token_is_revoked(api: Api) -> None:
    token = await api.token_for(
        Scope.CUSTOMERS_WRITE, Scope.CONTACTS_WRITE, Scope.CONSENT_WRITE, name="Gone"
    )
    assert (await send(api, file_of(row(1)), token=token)).status_code == 202
    await api.change_tokens("Gone", revoked_at=api.clock())
    await api.work()
    done = await CustomerImport.get()
    assert (done.state, done.failure) == (ImportState.FAILED, ImportFailure.PERMISSION_LOST)
    assert await Customer.all().count() == 0


async def test_a_partner_imports_customers_of_its_reseller_and_sees_its_own_imports(
    api: Api,
) -> None:
    tokens = []
    resellers = []
    for name in ("One", "Two"):
        made = await api.save_customer(name=name, classCode="RESELLER_OTHER")
        _, secret = await bound_token(made["id"], api.clock())
        tokens.append(secret)
        resellers.append(made["id"])
    header = "name,classCode,parentId,accountNumber,externalReference,contact1.name"
    content = file_of(
        "Mine,CHARITY,,,ref-1,Al",
        f"Theirs,CHARITY,{resellers[1]},,ref-2,Bo",
        "Numbered,CHARITY,,A1,ref-3,Cy",
        header=header,
    )
    job = await imported(api, content, token=tokens[0])
    assert [(line, code) for line, _, code in faults(job)] == [
        (3, "NOT_FOUND"),
        (4, "NOT_FOR_PARTNERS"),
    ]
    mine = await Customer.get(name="Mine")
    assert mine.parent_id == resellers[0]
    assert await Customer.filter(name__in=["Theirs", "Numbered"]).count() == 0
    assert (await Contact.get()).customer_id == mine.id
    sent = await CustomerImport.get()
    document = "query($id: ID!) { importJob(id: $id) { id } imports { totalCount } }"
    seen = await api.data(document, id=sent.id, token=tokens[0])
    assert seen == {"importJob": {"id": sent.id}, "imports": {"totalCount": 1}}
    unseen = await api.data(document, id=sent.id, token=tokens[1])
    assert unseen == {"importJob": None, "imports": {"totalCount": 0}}
    headers = {"Authorization": f"Bearer {tokens[1]}"}
    answer = await api.http.get(job["errorFilePath"], headers=headers)
    assert (answer.status_code, code_of(answer)) == (404, "NOT_FOUND")
    await api.refused("cancelImport", "NOT_FOUND", token=tokens[1], id=sent.id)
    # Two resellers may use the same references.
    again = await imported(api, content, token=tokens[1])
    assert again["storedRowCount"] == 2  # to this one, the second row names its own reseller


async def test_the_template_names_the_columns(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    answer = await api.http.get("/imports/template.csv", headers=headers)
    assert answer.text.rstrip("\r\n").split(",") == template()
    job = await imported(api, answer.content)
    assert (job["state"], job["rowCount"]) == ("DONE", 0)
