"""Previews and exposures equal a naive replay of random histories."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from models import Contact, Customer
from models.changes.consent_recording import correct
from models.rules.consent import EntryKind
from models.rules.document import Document
from models.tables.audit import ActorContext
from tests.delivery_world import World
from tests.graphql_client import Api

EVENTS = 45
INSTANTS = 25
CLASSES = ("RESIDENTIAL", "SOLE_TRADER", "CHARITY", "RESELLER_OTHER")
ACCOUNT = {
    EntryKind.GRANT: ("consent", True),
    EntryKind.WITHDRAWAL: ("consent", False),
    EntryKind.NON_ITEMISED_REQUEST: ("request", True),
    EntryKind.NON_ITEMISED_WITHDRAWAL: ("request", False),
}
FORMS = {
    "BILL": ("ITEMISED", "SHORT"),
    "CDR_ZIP": ("PLAIN", "PASSWORD_PROTECTED"),
    "USAGE_FILES": ("SENT", "WITHHELD"),
}

PREVIEW = """query($id: ID, $at: DateTime) { customer(id: $id) { deliveryPreview(at: $at) {
  classCode contacts { contactId documents { document outcome } } } } }"""
EXPOSURE = """query($fromAt: DateTime!, $untilAt: DateTime!) {
  deliveryExposure(fromAt: $fromAt, untilAt: $untilAt, first: 500) { pageInfo { hasNextPage }
    nodes { contactId documents fromAt untilAt } } }"""


@dataclass
class Log:
    """A simple log of events, and the expected results."""

    account: list[dict[str, Any]] = field(default_factory=list)
    contacts: list[tuple[datetime, str, dict[str, Any]]] = field(default_factory=list)
    classes: list[tuple[datetime, str]] = field(default_factory=list)

    def is_on(self, matter: str, instant: datetime) -> bool:
        """Return whether the last event effective by the instant turned a matter on.

        Of events with one effective date, the last recorded counts.
        """
        on = False
        standing = [one for one in self.account if one["matter"] == matter and one["counts"]]
        for one in sorted(standing, key=lambda one: (one["from"], one["place"])):
            if one["from"] <= instant:
                on = one["on"]
        return on

    def expected(self, instant: datetime) -> tuple[str | None, dict[str, dict[str, str]]]:
        """Return the class, and the expected form of each document by contact."""
        contacts: dict[str, dict[str, Any]] = {}
        for at, contact_id, change in self.contacts:
            if at <= instant:
                contacts.setdefault(contact_id, {}).update(change)
        code = None
        for at, moved_to in self.classes:
            code = moved_to if at <= instant else code
        return code, {
            contact_id: self._outcomes(contact, instant)
            for contact_id, contact in contacts.items()
            if not contact.get("deleted")
        }

    def _outcomes(self, contact: dict[str, Any], instant: datetime) -> dict[str, str]:
        consent, request = self.is_on("consent", instant), self.is_on("request", instant)
        found = {}
        for document, (full, reduced) in FORMS.items():
            is_released = not request and (consent or document in contact["wants"])
            outcome = full if is_released else reduced
            if not (contact["listed"] and contact["active"] and contact["email"]):
                outcome = "NOT_ADDRESSED"
            found[document] = outcome
        return found


class Player:
    """Makes random changes to one customer, and records them in a Log."""

    def __init__(self, world: World, random: Random, customer: Customer) -> None:
        self.world, self.random, self.customer = world, random, customer
        self.log = Log(classes=[(world.clock(), "CHARITY")])
        self.alive: list[Contact] = []
        self.entries: list[str] = []

    async def play(self) -> None:
        """Make one random change."""
        self.world.clock.advance(timedelta(minutes=self.random.randrange(1, 300)))
        acts = [self.record, self.record, self.move, self.add]
        if self.alive:
            acts += [self.edit, self.edit, self.confirm, self.confirm, self.withdraw, self.delete]
        if self.entries:
            acts.append(self.correct)
        await self.random.choice(acts)()

    def some_instant(self) -> datetime:
        """Return a past, current or future instant, in whole hours so that instants coincide."""
        hours = timedelta(hours=self.random.randrange(-120, 120))
        return self.world.clock().replace(minute=0, second=0) + hours

    async def record(self) -> None:
        kind = self.random.choice(list(ACCOUNT))
        matter, on = ACCOUNT[kind]
        instant = self.some_instant()
        self.entries.append(await self.world.consent(self.customer, instant, kind))
        place = len(self.log.account)
        self.log.account.append(
            {"matter": matter, "on": on, "from": instant, "place": place, "counts": True}
        )

    async def correct(self) -> None:
        """Annul an entry or change its date; among entries of one date it keeps its place."""
        place = self.random.randrange(len(self.entries))
        entry, noted = self.entries[place], self.log.account[place]
        act, instant = self.world.act, self.some_instant()
        is_annulled = self.random.random() < 0.3
        kind = EntryKind.ANNULMENT if is_annulled else None
        values = {} if is_annulled else {"effective_at": instant}
        if not noted["counts"]:
            return
        recorded = await self.world.database.transaction(
            lambda: correct(act, entry, kind, values, "Wrong", None, None)
        )
        self.entries[place] = recorded.entry.id
        noted.update({"counts": False} if is_annulled else {"from": instant})

    async def move(self) -> None:
        code = self.random.choice(CLASSES)
        if code != self.log.classes[-1][1]:
            await self.world.move(self.customer, code)
            self.log.classes.append((self.world.clock(), code))

    async def add(self) -> None:
        email = self.random.choice([None, f"a{len(self.log.contacts)}@example.com"])
        contact = await self.world.contact(self.customer, email)
        self.alive.append(contact)
        self.note(contact, email=email, listed=True, active=True, verified=False, wants=frozenset())

    async def edit(self) -> None:
        contact = self.random.choice(self.alive)
        flag, value = self.random.choice(["listed", "active", "email"]), self.random.random() < 0.6
        if flag == "email":
            email = f"e{self.random.randrange(10**9)}@example.com" if value else None
            await self.world.edit(contact, email=email)
            if email != self.state(contact)["email"]:
                self.note(contact, email=email, verified=False, wants=frozenset())
        else:
            column = {"listed": "receives_bills", "active": "is_active"}[flag]
            await self.world.edit(contact, **{column: value})
            self.note(contact, **{flag: value})

    async def confirm(self) -> None:
        """Verify the address; if it is verified, confirm or only request a preference."""
        contact = self.random.choice(self.alive)
        state = self.state(contact)
        if not (state["email"] and state["active"]):
            return
        if not state["verified"]:
            await self.world.verify(contact)
            self.note(contact, verified=True)
        wanted = self.random.sample(list(Document), self.random.randrange(1, 4))
        if self.random.random() < 0.3:
            await self.world.ask(contact, *wanted)
        else:
            await self.world.prefer(contact, *wanted)
            self.note(contact, wants=frozenset(document.value for document in wanted))

    async def withdraw(self) -> None:
        contact = self.random.choice(self.alive)
        await self.world.unprefer(contact)
        self.note(contact, wants=frozenset())

    async def delete(self) -> None:
        if self.random.random() < 0.3:
            contact = self.alive.pop(self.random.randrange(len(self.alive)))
            await self.world.delete(contact)
            self.note(contact, deleted=True)

    def note(self, contact: Contact, **change: Any) -> None:
        self.log.contacts.append((self.world.clock(), contact.id, change))

    def state(self, contact: Contact) -> dict[str, Any]:
        state: dict[str, Any] = {}
        for _, contact_id, change in self.log.contacts:
            if contact_id == contact.id:
                state.update(change)
        return state

    def instants(self, start: datetime) -> list[datetime]:
        """Return instants of events, instants just before them, and random instants."""
        events: list[datetime] = [at for at, _, _ in self.log.contacts]
        events += [at for at, _ in self.log.classes]
        events += [one["from"] for one in self.log.account]
        chosen = self.random.choices(events, k=INSTANTS)
        chosen += [one - timedelta(microseconds=1) for one in chosen[: INSTANTS // 2]]
        span = self.world.clock() - start
        return chosen + [start + span * self.random.uniform(-1, 2) for _ in range(INSTANTS)]


@pytest.mark.parametrize("seed", range(6))
async def test_any_history_is_answered_as_a_naive_replay_would(
    api: Api, act: ActorContext, seed: int
) -> None:
    """R54 to R66, R77, A16: consent, request, preference, contacts and class at any instant."""
    world, random = World(api.platform.database, api.clock, act), Random(seed)  # noqa: S311  # no secret
    start = api.clock()
    player = Player(world, random, await world.customer("CHARITY"))
    for _ in range(EVENTS):
        await player.play()
    far = timedelta(days=365)
    period = {"fromAt": (start - far).isoformat(), "untilAt": (api.clock() + far).isoformat()}
    exposed = (await api.data(EXPOSURE, **period))["deliveryExposure"]
    assert not exposed["pageInfo"]["hasNextPage"]
    seen = set()
    for instant in player.instants(start):
        found = await api.data(PREVIEW, id=player.customer.id, at=instant.isoformat())
        previewed = found["customer"]["deliveryPreview"]
        given = {
            contact["contactId"]: {one["document"]: one["outcome"] for one in contact["documents"]}
            for contact in previewed["contacts"]
        }
        assert (previewed["classCode"], given) == player.log.expected(instant), instant
        assert covering(exposed["nodes"], instant) == in_full(given)
        seen |= {outcome for one in given.values() for outcome in one.values()}
    assert len(seen) >= 3


def covering(nodes: list[dict[str, Any]], instant: datetime) -> set[tuple[str, str]]:
    """Return the pairs of contact and document that the exposures cover at an instant."""
    return {
        (node["contactId"], document)
        for node in nodes
        for document in node["documents"]
        if datetime.fromisoformat(node["fromAt"])
        <= instant
        < datetime.fromisoformat(node["untilAt"])
    }


def in_full(given: dict[str, dict[str, str]]) -> set[tuple[str, str]]:
    """Return the pairs of contact and document that a preview sends in full."""
    return {
        (contact_id, document)
        for contact_id, outcomes in given.items()
        for document, outcome in outcomes.items()
        if outcome == FORMS[document][0]
    }
