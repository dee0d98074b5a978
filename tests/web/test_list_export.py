"""Whole lists as files: content, filters, masks, tenancy, resuming, and memory (R98)."""

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from graphql import build_schema, parse, validate

from models import AccessToken, Customer
from models.rules.export import ExportFormat, ExportKind
from models.tables.access import Scope
from schema.root import build_schema as served_schema
from schema.types.export import EXPORTS
from tests.access_world import add_user, sign_in
from tests.captured_logs import captured_logs
from tests.clock import START, Clock
from tests.databases import Databases
from tests.graphql_client import Api, Json, running_api
from tests.listening import listening, wire
from tests.marked_world import MASKING, add_marked_world, markers_in, masked_token
from web import export_pages

CORRUPT = ["=1+1", "+44", "-x", "@a", "\tt", "-5"]


async def download(
    api: Api, name: str, token: str | None = None, **parameters: str
) -> httpx.Response:
    return await api.http.get(
        f"/exports/{name}",
        params=parameters,
        headers={"Authorization": f"Bearer {token or api.token}"},
    )


async def table(api: Api, name: str, token: str | None = None, **parameters: str) -> list[Json]:
    """Return the rows of a CSV export by column."""
    answer = await download(api, f"{name}.csv", token, **parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def lines(api: Api, name: str, token: str | None = None, **parameters: str) -> list[Json]:
    """Return the objects of a JSONL export."""
    answer = await download(api, f"{name}.jsonl", token, **parameters)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson; charset=utf-8"
    return [json.loads(line) for line in answer.text.splitlines()]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_pages, "ROWS_AT_ONCE", 2)


@pytest.fixture
async def masking(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield an application in which personal data needs a permission."""
    async with running_api(databases, clock, **MASKING) as started:
        yield started


async def customers(api: Api, *names: str) -> list[str]:
    """Add customers a minute apart; return their ids."""
    ids = []
    for name in names:
        ids.append((await api.save_customer(name=name))["id"])
        api.clock.advance(timedelta(minutes=1))
    return ids


@pytest.mark.parametrize("kind", ExportKind)
def test_each_document_and_filter_are_of_the_schema(kind: ExportKind) -> None:
    export = EXPORTS[kind]
    schema = build_schema(served_schema().as_str())
    assert validate(schema, parse(export.document)) == []
    assert len(set(export.columns)) == len(export.columns)
    assert "cursor" not in export.columns


@pytest.mark.usefixtures("small_pages")
async def test_all_customers_are_exported_in_both_formats(api: Api) -> None:
    ids = await customers(api, "C", "A", "Ümit; Co", "B", 'Q "R"')
    rows = await table(api, "customers")
    assert [row["id"] for row in rows] == ids
    assert [row["name"] for row in rows] == ["C", "A", "Ümit; Co", "B", 'Q "R"']
    assert list(rows[0]) == [*EXPORTS[ExportKind.CUSTOMERS].columns, "cursor"]
    assert rows[0]["customerClass.code"] == "CHARITY"
    assert rows[0]["consent.isGiven"] == "false"
    assert rows[0]["parent.id"] == rows[0]["profile.netAssets.value"] == ""
    assert rows[0]["createdAt"] == START.isoformat()
    objects = await lines(api, "customers")
    assert [one["id"] for one in objects] == ids
    assert objects[1]["customerClass"]["name"] == rows[1]["customerClass.name"]
    assert objects[1]["parent"] is None
    assert [one["cursor"] for one in objects] == [row["cursor"] for row in rows]


@pytest.mark.usefixtures("small_pages")
async def test_an_interrupted_export_goes_on_after_any_row(api: Api) -> None:
    ids = await customers(api, *"ABCDE")
    rows = await table(api, "customers")
    for place, row in enumerate(rows, start=1):
        rest = await table(api, "customers", after=row["cursor"])
        assert [one["id"] for one in rest] == ids[place:]
    assert await lines(api, "customers", after=rows[-1]["cursor"]) == []


async def test_an_export_is_filtered_as_the_list(api: Api) -> None:
    ids = await customers(api, "Acme", "Bee")
    await api.save_customer(id=ids[0], externalReference="r-1")
    cases: list[tuple[Json, list[str]]] = [
        ({}, ["Acme", "Bee"]),
        ({"text": "bee"}, ["Bee"]),
        ({"externalReferences": ["r-1"]}, ["Acme"]),
        ({"classCodes": ["RESELLER_OTHER"]}, []),
        ({"createdFromAt": (START + timedelta(minutes=1)).isoformat()}, ["Bee"]),
    ]
    for wanted, expected in cases:
        rows = await table(api, "customers", filter=json.dumps(wanted))
        assert [row["name"] for row in rows] == expected


def _nested(depth: int) -> list[Any]:
    return [_nested(depth - 1)] if depth else []


@pytest.mark.parametrize(
    ("filter_", "code"),
    [
        ("", "BLANK"),
        ("{", "BAD_FORMAT"),
        ("[]", "BAD_FORMAT"),
        ("1", "BAD_FORMAT"),
        ('{"text": 1}', None),
        ('{"nothing": 1}', None),
        ('{"labels": ["NONE"]}', None),
        ('{"createdFromAt": "yesterday"}', None),
    ],
)
async def test_a_wrong_filter_is_refused(api: Api, filter_: str, code: str | None) -> None:
    for format_ in ExportFormat:
        answer = await download(api, f"customers.{format_}", filter=filter_)
        assert answer.status_code == 400, answer.text
        (error,) = answer.json()["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        (fault,) = error["extensions"]["faults"]
        assert fault["variable"] == "filter"
        assert code is None or fault["code"] == code


@pytest.mark.parametrize(
    ("filter_", "code"),
    [({"ids": ["cus_1"] * 1_001}, "LIST_TOO_LONG"), ({"ids": _nested(13)}, "VALUE_TOO_DEEP")],
)
async def test_a_filter_beyond_a_limit_is_the_callers_fault(
    api: Api, filter_: Json, code: str
) -> None:
    """Clients and proxies would repeat a request that is answered by 503."""
    answer = await download(api, "customers.csv", filter=json.dumps(filter_))
    assert (answer.status_code, "retry-after" in answer.headers) == (400, False)
    assert answer.json()["errors"][0]["extensions"]["code"] == code


async def test_unknown_parameters_and_cursors_are_refused(api: Api) -> None:
    for parameters in ({"filters": "{}"}, {"after": "x"}, {"after": ""}, {"bom": "yes"}):
        for format_ in ExportFormat:
            answer = await download(api, f"customers.{format_}", **parameters)
            assert answer.status_code == 400, (parameters, answer.text)
    answer = await download(api, "events.csv", filter='{"customerId": "cus_1"}')
    assert answer.json()["errors"][0]["extensions"]["faults"][0]["code"] == "UNKNOWN_FIELD"
    assert (await download(api, "nothing.csv")).status_code == 404


async def test_no_cell_is_run_as_a_formula(api: Api) -> None:
    ids = await customers(api, "A")
    for name in CORRUPT:
        reference = f"{name} "
        made = await api.done(
            "saveContact",
            "contact { id name externalReference }",
            customerId=ids[0],
            name=name.strip(),
            externalReference=reference,
        )
        assert made["contact"]["name"] == name.strip()
    rows = await table(api, "contacts")
    assert [row["name"] for row in rows] == ["'=1+1", "'+44", "'-x", "'@a", "t", "-5"]
    assert [row["externalReference"] for row in rows][:3] == ["'=1+1", "'+44", "'-x"]
    objects = await lines(api, "contacts")
    assert [one["name"] for one in objects] == ["=1+1", "+44", "-x", "@a", "t", "-5"]


@pytest.mark.usefixtures("small_pages")
async def test_consent_entries_are_exported_and_resumed_by_customer(api: Api) -> None:
    ids = await customers(api, "A", "B", "C")
    for customer in (ids[0], ids[2]):
        for number in range(3):
            await api.done(
                "recordConsent",
                "entry { id }",
                customerId=customer,
                basis="WRITTEN_OPT_IN",
                method="PAPER",
                givenBy="Al",
                documentName="T",
                documentVersion=f"{number}",
                evidenceReference="f",
                isEmailingCovered=True,
                effectiveAt=START.isoformat(),
                idempotencyKey=f"{customer}-{number}",
            )
    rows = await table(api, "consent-entries")
    assert [(row["customerId"], row["sequence"]) for row in rows] == [
        (customer, f"{number}") for customer in (ids[0], ids[2]) for number in (1, 2, 3)
    ]
    assert rows[0]["cursor"] == rows[1]["cursor"] == ""
    assert rows[0]["documentVersion"] == "0"
    for place, row in enumerate(rows):
        if row["cursor"]:
            rest = await table(api, "consent-entries", after=row["cursor"])
            begin = place // 3 * 3 + (3 if place % 3 == 2 else 0)
            assert [one["id"] for one in rest] == [one["id"] for one in rows[begin:]]


@pytest.mark.usefixtures("small_pages")
async def test_classes_audit_entries_and_events_are_exported(api: Api) -> None:
    (own, other) = await customers(api, "A", "B")
    await api.save_customer(id=own, name="A2")
    classes = await table(api, "customer-classes")
    assert len(classes) == 10
    assert {row["status"] for row in classes} == {"ACTIVE"}
    entries = await table(api, "audit-entries", filter=json.dumps({"customerId": own}))
    assert [row["operation"] for row in entries] == ["CUSTOMER_CREATED", "CUSTOMER_EDITED"]
    assert json.loads(entries[1]["after"]) == {"name": "A2"}
    events = await lines(api, "events")
    assert [(one["type"], one["customerId"]) for one in events] == [
        ("CUSTOMER_CREATED", own),
        ("CUSTOMER_CREATED", other),
        ("CUSTOMER_UPDATED", own),
    ]
    rest = await lines(api, "events", after=events[0]["cursor"])
    assert [one["id"] for one in rest] == [one["id"] for one in events[1:]]
    wanted = {"types": ["CUSTOMER_UPDATED"], "customerIds": [own, other]}
    found = await lines(api, "events", filter=json.dumps(wanted))
    assert [one["type"] for one in found] == ["CUSTOMER_UPDATED"]


NEEDED = {
    ExportKind.CUSTOMERS: {Scope.CUSTOMERS_READ},
    ExportKind.CONTACTS: {Scope.CONTACTS_READ, Scope.CUSTOMERS_READ},
    ExportKind.CONSENT_ENTRIES: {Scope.CONSENT_READ, Scope.CUSTOMERS_READ},
    ExportKind.CUSTOMER_CLASSES: {Scope.CUSTOMER_CLASSES_READ},
    ExportKind.AUDIT_ENTRIES: {Scope.AUDIT_READ},
    ExportKind.EVENTS: {Scope.CUSTOMERS_READ},
}


@pytest.mark.parametrize("kind", ExportKind)
async def test_an_export_needs_the_permissions_of_its_list(api: Api, kind: ExportKind) -> None:
    made = (await customers(api, "A"))[0]
    await api.done("saveContact", "contact { id }", customerId=made, name="P")
    few = await api.token_for(*NEEDED[kind], name="few")
    assert (await download(api, f"{kind}.csv", few)).status_code == 200
    for missing in NEEDED[kind]:
        scopes = NEEDED[kind] - {missing} or {Scope.PERSONAL_DATA_READ}
        others = await api.token_for(*scopes, name=f"without {missing}")
        answer = await download(api, f"{kind}.csv", others)
        assert answer.status_code == 403, answer.text
        assert missing.name in answer.json()["errors"][0]["extensions"]["requiredScopes"]
    answer = await api.http.get(f"/exports/{kind}.csv")
    assert answer.status_code == 401


async def test_a_partner_exports_only_its_own(api: Api) -> None:
    ids = await customers(api, "Mine", "Other")
    reseller = (await api.save_customer(name="R", classCode="RESELLER_OTHER"))["id"]
    await api.save_customer(id=ids[0], parentId=reseller)
    for one in ids:
        await api.done("saveContact", "contact { id }", customerId=one, name="P")
    scopes = (Scope.CUSTOMERS_READ, Scope.CONTACTS_READ, Scope.CONSENT_READ)
    user = await add_user(api, "Rita", *scopes, resellerId=reseller)
    token = await sign_in(api, user, *scopes)
    rows = await table(api, "customers", token)
    assert [row["name"] for row in rows] == ["Mine", "R"]
    contacts = await table(api, "contacts", token)
    assert [row["customer.id"] for row in contacts] == [ids[0]]
    for event in await lines(api, "events", token):
        assert event["customerId"] in {ids[0], reseller}


@pytest.mark.parametrize("kind", ExportKind)
@pytest.mark.parametrize("format_", ExportFormat)
async def test_personal_data_is_masked_as_in_the_api(
    masking: Api, kind: ExportKind, format_: ExportFormat
) -> None:
    """R93."""
    await add_marked_world(masking)
    token = await masked_token(masking)
    hidden = await download(masking, f"{kind}.{format_}", token)
    assert hidden.status_code == 200
    assert markers_in(hidden.text) == set()
    shown = await download(masking, f"{kind}.{format_}")
    is_personal = kind not in {ExportKind.CUSTOMER_CLASSES, ExportKind.EVENTS}
    assert bool(markers_in(shown.text)) is is_personal
    if kind is ExportKind.CONTACTS:
        wanted = json.dumps({"email": "zq@zq.example"})
        answer = await download(masking, f"{kind}.{format_}", token, filter=wanted)
        assert answer.status_code == 403


@pytest.mark.usefixtures("small_pages")
async def test_a_token_that_is_revoked_meanwhile_gets_no_further_page(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    await customers(api, *"ABCDE")
    token = await api.token_for(Scope.CUSTOMERS_READ, name="Ended")
    read = export_pages.read_page
    pages: list[Any] = []

    async def read_and_revoke(*arguments: Any) -> Any:
        pages.append(await read(*arguments))
        await api.change_tokens("Ended", revoked_at=api.clock())
        return pages[-1]

    monkeypatch.setattr("web.list_export.read_page", read_and_revoke)
    with captured_logs("json") as out:
        async with listening(api.app) as address, wire(address) as connection:
            request = f"GET /exports/customers.jsonl HTTP/1.1\r\nHost: {address}\r\n"
            await connection.send(f"{request}Authorization: Bearer {token}\r\n\r\n".encode())
            answer = (await connection.rest()).decode()
    assert answer.startswith("HTTP/1.1 200")
    assert answer.count('"cursor"') == 2
    assert not answer.endswith("\r\n0\r\n\r\n")  # so the client sees that the file is incomplete
    written = [json.loads(one) for one in out.getvalue().splitlines()]
    (line,) = [one for one in written if "request_id" in one]
    assert (line["event"], line["status"], line["is_complete"], line["error_codes"]) == (
        "request",
        200,
        False,
        ["UNAUTHENTICATED"],
    )
    assert [len(page.rows) for page in pages] == [2]
    assert await AccessToken.filter(name="Ended", revoked_at__isnull=False).count() == 1


@pytest.mark.usefixtures("small_pages")
async def test_rows_that_change_meanwhile_are_neither_missed_nor_doubled(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await customers(api, *"ABCDE")
    read = export_pages.read_page

    async def read_and_change(*arguments: Any) -> Any:
        page = await read(*arguments)
        await Customer.filter(id=ids[4]).update(name="Z", name_key="z")
        await Customer.filter(id=ids[0]).update(name="Y", name_key="y")
        return page

    monkeypatch.setattr("web.list_export.read_page", read_and_change)
    assert [one["id"] for one in await lines(api, "customers")] == ids


async def test_an_export_is_compressed_if_asked(api: Api) -> None:
    await customers(api, *"ABC")
    plain = await download(api, "customers.csv")
    for encoding in ("gzip", "br", "zstd"):
        answer = await api.http.get(
            "/exports/customers.csv",
            headers={"Authorization": f"Bearer {api.token}", "Accept-Encoding": encoding},
        )
        assert answer.headers["content-encoding"] == encoding
        assert answer.text == plain.text
    marked = await download(api, "customers.csv", bom="true")
    assert marked.text == f"\ufeff{plain.text}"
