"""Links to exports: what they may download, for whom, and for how long."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from models import AuditEntry, User
from models.rules.export import ExportKind
from models.tables.access import Scope
from schema.types.export import EXPORTS
from tests.access_world import add_user, sign_in
from tests.clock import START, Clock
from tests.databases import Databases
from tests.graphql_client import Api, Json, running_api, stored
from tests.marked_world import MASKING, add_marked_world, markers_in, masked_token
from web import export_pages

CSV: Json = {"kind": "CUSTOMERS", "format": "CSV"}
MINUTES = timedelta(minutes=5)


async def link(api: Api, token: str | None = None, **values: object) -> str:
    """Create a link; return its path and query."""
    payload = await api.done("createExport", "url expiresAt", token=token, **{**CSV, **values})
    parts = urlsplit(payload["url"])
    return f"{parts.path}?{parts.query}"


async def open_link(api: Api, path: str) -> httpx.Response:
    """Open a link as a browser does, without a header."""
    return await api.http.get(path)


@pytest.fixture
async def masking(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(databases, clock, **MASKING) as started:
        yield started


async def test_a_browser_downloads_what_its_user_asked_for(api: Api) -> None:
    await api.save_customer(name="Acme")
    await api.save_customer(name="Bee")
    payload = await api.done(
        "createExport", "url expiresAt isDryRun", **CSV, filter={"text": "acme"}
    )
    assert payload["expiresAt"] == (START + MINUTES).isoformat()
    parts = urlsplit(payload["url"])
    assert parts.path == "/exports/customers.csv"
    assert list(parse_qs(parts.query)) == ["link"]
    answer = await open_link(api, f"{parts.path}?{parts.query}")
    assert answer.status_code == 200
    (row,) = answer.text.splitlines()[1:]
    assert ",Acme," in row
    again = await open_link(api, f"{parts.path}?{parts.query}&bom=true")
    assert again.text == f"\ufeff{answer.text}"


async def test_a_link_is_recorded_without_its_filter(api: Api) -> None:
    await link(api, filter={"text": "zq"})
    (entry,) = await AuditEntry.filter(operation="export.link_created")
    assert entry.after == {"kind": "CUSTOMERS", "format": "CSV"}
    assert entry.subject_id == entry.actor_id
    assert "zq" not in json.dumps(entry.before)


async def test_a_link_shows_nothing_of_what_it_holds(api: Api) -> None:
    """Proxies log addresses, and a filter may name a person."""
    text = (await link(api, filter={"text": "zqperson"})).partition("link=")[2]
    readable = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    for word in (b"zqperson", b"text", b"customers", b"tok_"):
        assert word not in text.encode()
        assert word not in readable
    assert await link(api, filter={"text": "zqperson"}) != text


async def test_a_link_ends_after_its_time(api: Api) -> None:
    path = await link(api)
    api.clock.advance(MINUTES - timedelta(seconds=1))
    assert (await open_link(api, path)).status_code == 200
    api.clock.advance(timedelta(seconds=1))
    answer = await open_link(api, path)
    assert answer.status_code == 404
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_a_link_is_for_one_export_with_one_filter(api: Api) -> None:
    made = await api.save_customer(name="Acme")
    await api.done("saveContact", "contact { id }", customerId=made["id"], name="P")
    path = await link(api, filter={"text": "acme"})
    for other in ("customers.jsonl", "contacts.csv", "consent-entries.csv"):
        answer = await open_link(api, path.replace("customers.csv", other))
        assert answer.status_code == 404, other
    for more in ("&filter={}", "&link=x", "&kind=CONTACTS"):
        answer = await open_link(api, path + more)
        assert answer.status_code == 400, more


async def test_a_changed_or_foreign_link_is_refused(api: Api) -> None:
    path = await link(api)
    start, _, text = path.partition("link=")
    changed = "B" if text[40] == "A" else "A"
    content = base64.urlsafe_b64encode(b'{"version":2,"kind":"customers"}').decode().rstrip("=")
    texts = (
        "",
        ".",
        "x",
        text[:-4],
        f"{text[:40]}{changed}{text[41:]}",
        f"{text}AAAA",
        content,
        "é",
    )
    for wrong in texts:
        answer = await open_link(api, f"{start}link={wrong}")
        assert answer.status_code == 404, wrong


async def test_wrong_links_count_as_failed_sign_ins(databases: Databases, clock: Clock) -> None:
    async with running_api(databases, clock, auth_failure_limit=3) as api:
        good = await link(api)
        codes = [
            (await open_link(api, "/exports/customers.csv?link=x")).status_code for _ in range(5)
        ]
        assert codes == [404, 404, 404, 429, 429]
        assert (await open_link(api, good)).status_code == 200


async def test_a_link_has_no_more_rights_than_its_creator_has_now(api: Api) -> None:
    await api.save_customer(name="Acme")
    token = await api.token_for(Scope.CUSTOMERS_READ, name="Own")
    path = await link(api, token)
    assert (await open_link(api, path)).status_code == 200
    await api.change_tokens("Own", scopes=[Scope.CONTACTS_READ.value])
    answer = await open_link(api, path)
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["extensions"]["requiredScopes"] == ["CUSTOMERS_READ"]
    await api.change_tokens("Own", scopes=[scope.value for scope in Scope])
    assert (await open_link(api, path)).status_code == 200
    assert (await open_link(api, path.replace("customers.csv", "contacts.csv"))).status_code == 404
    await api.change_tokens("Own", revoked_at=api.clock())
    assert (await open_link(api, path)).status_code == 404


async def test_a_link_ends_with_its_users_account_and_its_token(api: Api) -> None:
    user = await add_user(api, "Uma", Scope.CUSTOMERS_READ)
    token = await sign_in(api, user, Scope.CUSTOMERS_READ)
    path = await link(api, token)
    assert (await open_link(api, path)).status_code == 200
    await User.filter(id=user).update(disabled_at=api.clock())
    assert (await open_link(api, path)).status_code == 404
    own = await api.token_for(Scope.CUSTOMERS_READ, name="Short")
    await api.change_tokens("Short", expires_at=api.clock() + timedelta(minutes=1))
    payload = await api.done("createExport", "expiresAt", token=own, **CSV)
    assert payload["expiresAt"] == (START + timedelta(minutes=1)).isoformat()


async def test_a_partners_link_shows_only_its_own(api: Api) -> None:
    mine, _ = [(await api.save_customer(name=name))["id"] for name in ("Mine", "Other")]
    reseller = (await api.save_customer(name="R", classCode="RESELLER_OTHER"))["id"]
    await api.save_customer(id=mine, parentId=reseller)
    user = await add_user(api, "Rita", Scope.CUSTOMERS_READ, resellerId=reseller)
    token = await sign_in(api, user, Scope.CUSTOMERS_READ)
    answer = await open_link(api, await link(api, token, format="JSONL"))
    assert [json.loads(line)["name"] for line in answer.text.splitlines()] == ["Mine", "R"]


async def test_a_masked_callers_link_is_masked(masking: Api) -> None:
    await add_marked_world(masking)
    token = await masked_token(masking)
    for kind in ExportKind:
        path = await link(masking, token, kind=kind.name)
        answer = await open_link(masking, path)
        assert answer.status_code == 200
        assert markers_in(answer.text) == set()


MANY = [f"cus_{number:026}" for number in range(101)]


@pytest.mark.parametrize(
    ("kind", "filter_", "path", "message"),
    [
        ("CUSTOMERS", [], "", "The filter must be an object, such as `{ isReseller: true }`."),
        ("CUSTOMERS", "x", "", "The filter must be an object, such as `{ isReseller: true }`."),
        ("CUSTOMERS", {"nothing": 1}, "nothing", "`nothing` is not a field of this input."),
        ("CUSTOMERS", {"text": 1}, "text", "The text must be text."),
        ("CUSTOMERS", {"isReseller": "x"}, "isReseller", "`isReseller` must be true or false."),
        ("CUSTOMERS", {"labels": ["N"]}, "labels.0", "`N` is not an allowed value of `labels`."),
        ("CONTACTS", {"text": "x"}, "text", "`text` is not a field of this input."),
        ("EVENTS", {"filter": {}}, "filter", "`filter` is not a member of the filter."),
        ("EVENTS", {"types": ["N"]}, "types.0", "`N` is not an allowed value"),
        ("EVENTS", {"customerIds": MANY}, "", "`customerIds` may have at most 100 values."),
    ],
)
async def test_a_filter_that_does_not_fit_is_refused(
    api: Api, kind: str, filter_: object, path: str, message: str
) -> None:
    before = await stored()
    (error,) = await api.refused(
        "createExport", "BAD_FORMAT", kind=kind, format="CSV", filter=filter_
    )
    assert ".".join(error["path"]) == f"filter.{path}".removesuffix(".")
    assert error["message"].startswith(message)
    assert await stored() == before


async def test_no_link_is_made_for_what_the_download_would_refuse(masking: Api) -> None:
    """R93: a masked caller may not search by personal data."""
    await add_marked_world(masking)
    before = await stored()
    token = await masked_token(masking)
    document = """mutation($input: CreateExportInput!) { createExport(input: $input) { url } }"""
    for is_dry_run in (False, True):
        values = {"kind": "CONTACTS", "format": "CSV", "filter": {"email": "zq@zq.example"}}
        body = await masking.answer(document, token=token, input={**values, "dryRun": is_dry_run})
        extensions = body["errors"][0]["extensions"]
        assert (extensions["code"], extensions["requiredScopes"]) == (
            "FORBIDDEN",
            ["PERSONAL_DATA_READ"],
        )
        assert body["data"]["createExport"] is None
        assert (await stored())["AuditEntry"] == before["AuditEntry"]
    assert await link(masking, kind="CONTACTS", filter={"email": "zq@zq.example"})


async def test_making_a_link_counts_as_that_operation_only(api: Api) -> None:
    document = (
        """mutation Make($input: CreateExportInput!) { createExport(input: $input) { url } }"""
    )
    body = await api.answer(document, input=CSV)
    alone = body["extensions"]["cost"]
    await api.save_customer(name="Acme")
    assert (await api.answer(document, input=CSV))["extensions"]["cost"]["actual"] == alone[
        "actual"
    ]


async def test_a_long_filter_is_refused(api: Api) -> None:
    ids = [f"cus_{number:026}" for number in range(200)]
    (error,) = await api.refused("createExport", "TOO_LONG", **CSV, filter={"ids": ids})
    assert error["path"] == ["filter"]


@pytest.mark.parametrize("kind", ExportKind)
async def test_a_link_needs_the_permissions_of_the_list(api: Api, kind: ExportKind) -> None:
    token = await api.token_for(Scope.ACCESS_READ)
    before = await stored()
    document = """mutation($input: CreateExportInput!) { createExport(input: $input) { url } }"""
    values = {"kind": kind.name, "format": "CSV"}
    body = await api.answer(document, token=token, input=values)
    if kind is ExportKind.EVENTS:
        assert body["data"]["createExport"]["url"]
        return
    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await stored() == before


LACKING = [(kind, lacking) for kind in ExportKind for lacking in EXPORTS[kind].scopes]


@pytest.mark.parametrize(("kind", "lacking"), LACKING)
async def test_a_link_needs_each_permission_of_its_list(
    api: Api, kind: ExportKind, lacking: Scope
) -> None:
    """Also those for fields of rows, of which none is read."""
    others = [scope for scope in EXPORTS[kind].scopes if scope is not lacking]
    token = await api.token_for(Scope.ACCESS_READ, *others)
    document = """mutation($input: CreateExportInput!) { createExport(input: $input) { url } }"""
    body = await api.answer(document, token=token, input={"kind": kind.name, "format": "CSV"})
    assert body["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_dry_run_makes_no_link(api: Api) -> None:
    before = await stored()
    payload = await api.done("createExport", "url isDryRun", **CSV, dryRun=True)
    assert payload["url"] is None
    assert payload["isDryRun"] is True
    assert await stored() == before


async def test_a_link_can_resume(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_pages, "ROWS_AT_ONCE", 2)
    for name in "ABC":
        await api.save_customer(name=name)
        api.clock.advance(timedelta(seconds=1))
    path = await link(api, format="JSONL")
    rows = [json.loads(line) for line in (await open_link(api, path)).text.splitlines()]
    rest = await open_link(api, f"{path}&after={rows[0]['cursor']}")
    assert [json.loads(line)["id"] for line in rest.text.splitlines()] == [
        row["id"] for row in rows[1:]
    ]


async def test_a_set_secret_signs_links(databases: Databases, clock: Clock) -> None:
    from pydantic import SecretStr  # noqa: PLC0415  # only this test needs it

    async with running_api(databases, clock, export_secret=SecretStr("one")) as api:
        path = await link(api)
        assert (await open_link(api, path)).status_code == 200
