"""The event that tells the end of an import: to whom, and with which counts."""

from models import AuditEntry, Event, WebhookDelivery
from models.jobs.webhook_fan_out import fan_out
from models.tables.access import Scope
from models.tables.event_feed import read_feed
from tests.graphql_client import Api, Json
from tests.partner_world import bound_token
from tests.sent_imports import HEADER, lines, run_imports, sent
from tests.webhook_world import add_endpoint

FINISHED = "query { events(types: [IMPORT_FINISHED]) { nodes { subjectId customerId payload } } }"


async def finished(api: Api, token: str | None = None) -> list[Json]:
    """Return the events of ended imports that the caller sees."""
    found: list[Json] = (await api.data(FINISHED, token=token))["events"]["nodes"]
    return found


async def test_each_end_of_an_import_is_one_event_with_ids_and_counts(api: Api) -> None:
    bad = "Bad,NO_SUCH_CLASS"
    files = {"": lines(2, bad), "?dryRun=true": lines(1)}
    expected: list[tuple[str, str, bool, int, int]] = []
    for query, content in files.items():
        import_id = await sent(api, content, query)
        assert len(await finished(api)) == len(expected)
        await run_imports(api)
        is_dry_run = bool(query)
        stored, failed = (1, 0) if is_dry_run else (2, 1)
        expected.append((import_id, "DONE", is_dry_run, stored, failed))
    refused = await sent(api, b"name,nothing\nA,B\n")
    await run_imports(api)
    cancelled = await sent(api, lines(1))
    for _ in range(2):  # the second call changes nothing
        await api.done("cancelImport", "importJob { state }", id=cancelled)
    expected += [(refused, "FAILED", False, 0, 0), (cancelled, "CANCELLED", False, 0, 0)]
    assert await finished(api) == [
        {
            "subjectId": import_id,
            "customerId": None,
            "payload": {
                "importId": import_id,
                "state": state,
                "isDryRun": is_dry_run,
                "storedRowCount": stored,
                "failedRowCount": failed,
            },
        }
        for import_id, state, is_dry_run, stored, failed in expected
    ]
    ends = AuditEntry.filter(operation__in=["import.finished", "import.cancelled"])
    entries = await ends.order_by("at", "id")
    assert [one.subject_id for one in entries] == [one[0] for one in expected]
    assert {one.actor_name for one in entries} == {"Tess Tester"}


async def test_an_end_is_told_to_who_may_import_and_to_its_own_reseller_only(api: Api) -> None:
    tokens = []
    for name in ("One", "Two"):
        made = await api.save_customer(name=name, classCode="RESELLER_OTHER")
        tokens.append((await bound_token(made["id"], api.clock()))[1])
    import_id = await sent(api, f"{HEADER}\nMine,CHARITY\n".encode(), token=tokens[0])
    await run_imports(api)
    for token in (None, tokens[0]):
        assert [one["subjectId"] for one in await finished(api, token)] == [import_id]
    assert await finished(api, tokens[1]) == []
    reader = await api.token_for(Scope.CUSTOMERS_READ)
    assert await finished(api, reader) == []


async def test_webhooks_get_the_end_of_an_import(api: Api) -> None:
    endpoint = await add_endpoint(api, eventTypes=["IMPORT_FINISHED"])
    import_id = await sent(api, lines(1))
    await run_imports(api)
    await read_feed(api.platform.database)  # numbers the events
    await fan_out(api.platform.database, api.clock())
    event = await Event.get(type="import.finished")
    assert event.subject_id == import_id
    (delivery,) = await WebhookDelivery.all()
    assert (delivery.endpoint_id, delivery.event_id) == (endpoint["id"], event.id)
