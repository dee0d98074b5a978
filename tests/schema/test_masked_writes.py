"""Callers who may not see personal data cannot read it with mutations or dry runs (R93)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from tortoise.expressions import F

from models import ConsentEntry, CustomerClass, CustomerTemplate, UserGroup
from models.storage.identifiers import prefix_of
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.completeness import assert_complete
from tests.databases import Databases
from tests.graphql_client import Api, Json, running_api
from tests.marked_world import MARKERS, MASKING, add_marked_world, markers_in, masked_token
from tests.mutations import MUTATIONS, input_of
from tests.schema.whole_rows import whole

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(databases: Databases) -> AsyncIterator[Api]:
    """Yield a shared application where personal data needs its scope."""
    async with running_api(databases, Clock(), **MASKING) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ids(api: Api) -> dict[str, str]:
    """Create the personal data; return its ids, and those of classes to move between."""
    world = await add_marked_world(api)
    entry = await ConsentEntry.filter(customer_id=world["customer"]).order_by("-sequence").first()
    assert entry is not None
    codes = {"individuals": "SOLE_TRADER", "organisations": "COMPANY_UK_LIMITED"}
    classes = {name: (await api.class_of(code))["id"] for name, code in codes.items()}
    return {**world, "entry": entry.id, **classes}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def masked(api: Api) -> str:
    """Return a token with all permissions except reading personal data."""
    return await masked_token(api)


@pytest.fixture
def act(clock: Clock) -> ActorContext:
    """Return the context of an actor who may see personal data, for preparations."""
    return ActorContext(Principal("tok_1", "Tess", frozenset(Scope)), clock(), "request-1")


async def prepared(api: Api, act: ActorContext, mutation: str) -> Json:
    """Store what a mutation needs, without name conflicts with earlier rows; return its input."""
    await CustomerClass.filter(code__isnull=True).update(name_key=F("id"))
    await CustomerTemplate.all().update(name_key=F("id"))
    await UserGroup.all().update(name_key=F("id"))
    return await input_of(mutation, api, act)


CROSSINGS: dict[str, dict[str, str | bool]] = {
    "changeCustomerClass": {"customerId": "customer", "classId": "organisations", "reason": "q"},
    "retireCustomerClass": {"id": "individuals", "replacementId": "organisations", "reason": "q"},
    "saveCustomerClass": {"id": "individuals", "isSoleTrader": False, "overrideReason": "q"},
}
"""Mutations that turn individuals into organisations: inputs, with names instead of ids."""

EDITS = {
    "saveCustomer": "customer",
    "saveContact": "contact",
    "saveCustomerClass": "individuals",
    "saveUser": "user",
    "saveUserGroup": "group",
}
"""The object to edit, for mutations that can also create."""


def crossing(way: str, ids: dict[str, str]) -> Json:
    """Return the input in CROSSINGS with ids instead of names."""
    return {
        name: ids.get(value, value) if isinstance(value, str) else value
        for name, value in CROSSINGS[way].items()
    }


async def inputs(api: Api, act: ActorContext, ids: dict[str, str], mutation: str) -> list[Json]:
    """Return all inputs with which a mutation concerns marked objects."""
    marked = {prefix_of(one): one for name, one in ids.items() if name != "organisations"}
    values = await prepared(api, act, mutation)
    for name, value in values.items():
        if isinstance(value, str):
            values[name] = marked.get(prefix_of(value), value)
        if isinstance(value, list):
            values[name] = [marked.get(prefix_of(one), one) for one in value]
    given = [values]
    if mutation in EDITS:
        given.append({"id": ids[EDITS[mutation]]})
    if mutation in CROSSINGS:
        given.append(crossing(mutation, ids))
    return given


@pytest.mark.parametrize("is_dry", [True, False])
@pytest.mark.parametrize("way", CROSSINGS)
async def test_who_is_masked_makes_no_organisations_of_individuals(
    api: Api, ids: dict[str, str], masked: str, way: str, is_dry: bool
) -> None:
    """R93: whether a customer is masked depends on the class; also in a dry run."""
    values = {**crossing(way, ids), "dryRun": is_dry}
    [refusal] = await api.refused(way, "PERSONAL_DATA_NEEDED", token=masked, **values)
    assert "personal_data:read" in refusal["message"]


async def test_no_dry_run_tells_personal_data_to_who_may_not_see_it(
    api: Api, act: ActorContext, ids: dict[str, str], masked: str
) -> None:
    """R93: callers who may see it get all of it."""
    seen: set[str] = set()
    closed = set()
    for mutation in MUTATIONS:
        for values in await inputs(api, act, ids, mutation):
            tried = {"input": {**values, "dryRun": True}}
            shown = await api.post(whole(mutation), tried)
            hidden = await api.post(whole(mutation), tried, token=masked)
            assert "errors" not in shown.json(), (mutation, shown.json()["errors"])
            assert "errors" not in hidden.json(), (mutation, hidden.json()["errors"])
            assert markers_in(hidden.text) == set(), (mutation, values)
            seen |= markers_in(shown.text)
            codes = [
                [one["code"] for one in answer.json()["data"][mutation]["userErrors"]]
                for answer in (shown, hidden)
            ]
            if codes[0] != codes[1]:
                assert codes == [[], ["PERSONAL_DATA_NEEDED"]]
                closed.add(mutation)
    assert closed == CROSSINGS.keys()
    table = "MARKERS in tests/marked_world.py"
    told_by_writes = [one for one in MARKERS if one != "answer"]  # deliveries are only queried
    assert_complete(table, told_by_writes, seen, "a row with the marker to add_marked_world")


@pytest.mark.parametrize("mutation", MUTATIONS)
async def test_no_payload_tells_what_was_there_before(
    api: Api, act: ActorContext, mutation: str, masked: str
) -> None:
    """R93: callers who may not see personal data get even their own input back masked."""
    values = await prepared(api, act, mutation)
    response = await api.post(whole(mutation), {"input": values}, token=masked)
    assert "errors" not in response.json(), response.json()["errors"]
    personal = ("al@a.example", '"Al"', "Ann Example", "Director", "crm/4711")
    assert [one for one in personal if one in response.text] == []
