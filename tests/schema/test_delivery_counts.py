"""A page of previews needs a fixed number of statements, for any length and instant."""

from datetime import timedelta

import pytest

from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from tests.clock import START
from tests.delivery_world import World
from tests.graphql_client import Api, counted_statements

CUSTOMERS = 100
PREVIEWS = """query($first: Int, $at: DateTime, $assuming: DeliveryAssumption) {
  customers(first: $first) { nodes { name deliveryPreview(at: $at, assuming: $assuming) {
    at classCode isConsentGiven difference { document }
    myAccount { outcome sections { section } }
    contacts { contactId name email advisories { code } documents {
      document outcome reason sentence entryId isPasswordNeeded
      sections { section contains } remedies { step mutation outcome } } } } } } }"""


@pytest.fixture
async def filled(api: Api) -> Api:
    """Fill the database with customers of three contacts each, some with consent."""
    act = ActorContext(Principal("tok_1", "Tess", frozenset(Scope)), api.clock(), "request-1")
    world = World(api.platform.database, api.clock, act)
    for number in range(CUSTOMERS):
        customer = await world.customer(name=f"C{number:03}")
        for place in range(3):
            await world.contact(customer, f"c{number}-{place}@example.com")
        if number % 3 == 0:
            await world.consent(customer)
    for _ in range(2):  # the first request stores the token's last use
        await api.data("{ viewer { id } }")
    return api


async def test_a_page_of_previews_is_served_by_a_fixed_number_of_statements(filled: Api) -> None:
    """R80: the page and four histories, and one more statement for an assumed class."""
    seen = {}
    for first in (1, 20, CUSTOMERS):
        for name, at in (("now", None), ("past", START), ("future", START + timedelta(days=99))):
            variables = {"first": first, "at": at and at.isoformat()}
            with counted_statements() as statements:
                data = await filled.data(PREVIEWS, **variables)  # type: ignore[arg-type]  # JSON
            nodes = data["customers"]["nodes"]
            assert len(nodes) == first
            if name != "past":
                contacts = [one for node in nodes for one in node["deliveryPreview"]["contacts"]]
                assert len(contacts) == 3 * first
            seen[first, name] = len(statements)
    assert set(seen.values()) == {5}, seen


async def test_all_previews_of_a_request_are_of_one_instant(filled: Api) -> None:
    data = await filled.data(PREVIEWS, first=20)
    instants = {node["deliveryPreview"]["at"] for node in data["customers"]["nodes"]}
    assert instants == {filled.clock().isoformat()}


async def test_assumptions_cost_nothing_more(filled: Api) -> None:
    for first in (1, CUSTOMERS):
        with counted_statements() as statements:
            data = await filled.data(PREVIEWS, first=first, assuming={"isConsentGiven": True})
        assert len(statements) == 5
    changed = [len(node["deliveryPreview"]["difference"]) for node in data["customers"]["nodes"]]
    assert changed == [0 if number % 3 == 0 else 9 for number in range(CUSTOMERS)]
