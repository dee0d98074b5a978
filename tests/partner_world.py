"""Fills a database with data inside and outside a partner's tenant scope (R99).

The owner of a row is computed here from its columns, independently of the code under test.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from models import (
    ApiUsage,
    AuditEntry,
    ClassChange,
    Contact,
    Customer,
    DeprecatedUse,
    EnrichmentRun,
    Event,
    GroupMembership,
    PreferenceEntry,
    ProfileChange,
    Suggestion,
    UpstreamResponse,
    User,
    UserGroup,
)
from models.rules.consent import ConsentBasis, ConsentMethod, EntryKind
from models.rules.document import Document
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus, EnrichmentTrigger
from models.rules.mail_failure import MailFailureCode
from models.storage.database import Database
from models.storage.identifiers import new_customer_id
from models.tables import audit
from models.tables.access import AccessToken, Principal, Scope, new_token
from models.tables.api_usage import ADDED
from models.tables.audit import ActorContext
from models.tables.enrichment import SuggestionStatus
from models.tables.webhook import DeliveryState
from tests.clock import Clock
from tests.delivery_world import World
from tests.event_rows import publish_enriched
from tests.factories import Contents, add_template, correct_consent, everything, record_consent
from tests.import_world import OWNING, add_ended_import
from tests.webhook_world import deliver, stored_endpoint

PLATFORM = (
    *("DeliveryCheck", "EventConsumer", "EventGeneration"),
    *("CustomerClass", "Heartbeat", "Job", "NumberedSpan", "Numbering", "PlatformDefaults"),
    *("ImportPart", "QuotaUse", "RateLimit"),
)
"""Models whose rows belong to no customer."""

OF_ENDPOINTS = ("WebhookDelivery", "WebhookAttempt")
OF_RESELLERS = (
    *("AccessToken", "ApiUsage", "CustomerImport", "DeprecatedUse", "User", "WebhookEndpoint"),
)

MIN_TEXT_LENGTH = 5
"""Shorter texts may occur in an answer by chance, so tests do not search for them."""


def partner(reseller_id: str | None, *scopes: Scope) -> Principal:
    """Return a principal that is bound to a reseller, by default with all scopes."""
    return Principal("tok_partner", "Pat Partner", frozenset(scopes or Scope), reseller_id)


async def bound_token(
    reseller_id: str, now: datetime, *scopes: Scope, user_id: str | None = None
) -> tuple[AccessToken, str]:
    """Store a token bound to a reseller, by default with all scopes; return it and its secret."""
    token, secret = new_token("Pat Partner", frozenset(scopes or Scope), now)
    token.reseller_id, token.user_id = reseller_id, user_id
    await token.save(force_create=True)
    return token, secret


@dataclass
class Realm:
    """The data of the partner or of all others; its word occurs in all its texts."""

    word: str
    number: int
    customers: list[Customer] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    """An id of each kind of object, by the id's prefix."""
    token: str = ""
    """The secret of a staff member's token with all scopes."""

    def text(self, what: str) -> str:
        """Return a text that occurs in this realm only."""
        return f"{self.word} {what}"


@dataclass
class TwoPartners:
    """The partner's own realm, and the realm of all others."""

    database: Database
    clock: Clock
    act: ActorContext
    ours: Realm
    theirs: Realm

    @property
    def reseller(self) -> Customer:
        """The reseller to which the partner is bound."""
        return self.ours.customers[0]


async def two_partners(database: Database, clock: Clock) -> TwoPartners:
    """Fill a database with two realms, each with data of every kind."""
    world = TwoPartners(
        database,
        clock,
        ActorContext(Principal("tok_nobody", "Nobody", frozenset(Scope)), clock(), "request-1"),
        Realm("Ourword", 7000001),
        Realm("Zzforeign", 7900001),
    )
    above = await _reseller(world, world.theirs, "above", None)
    await _reseller(world, world.ours, "reseller", above.id)
    other = await _reseller(world, world.theirs, "reseller", None)
    ours = await _customer(world, world.ours, world.reseller.id)
    theirs = await _customer(world, world.theirs, other.id)
    for owner, realm in ((ours, world.ours), (theirs, world.theirs)):
        await _fill(world, realm, owner)
        await _staff(world, realm, str(owner.parent_id))
        await _webhooks(world, realm, owner, str(owner.parent_id))
    await _webhooks(world, world.theirs, theirs, None)
    below = await _reseller(world, world.ours, "below", world.reseller.id)
    for parent_id in (None, below.id):  # a customer of the platform, and one two levels down
        await _fill(world, world.theirs, await _customer(world, world.theirs, parent_id))
    for realm, parent_id in ((world.ours, world.reseller.id), (world.theirs, other.id)):
        gone = await _customer(world, realm, parent_id)
        await _fill(world, realm, gone)
        await _by(world, realm).erase(gone)
        realm.ids["erased"] = gone.id
    return world


def _by(world: TwoPartners, realm: Realm) -> World:
    """Return a world whose actor is a clerk of a realm."""
    who = Principal(f"tok_{realm.word.lower()}", realm.text("clerk"), frozenset(Scope))
    request = f"request-{realm.word}"
    return World(world.database, world.clock, replace(world.act, principal=who, request_id=request))


async def _reseller(world: TwoPartners, realm: Realm, what: str, parent_id: str | None) -> Customer:
    return await _add(world, realm, "RESELLER_OTHER", parent_id, name=realm.text(what))


async def _customer(world: TwoPartners, realm: Realm, parent_id: str | None) -> Customer:
    typed = {"source": "USER", "retrieved_at": world.clock().isoformat()}
    address = {"address_line_1": realm.text("street"), "postal_code": realm.text("code")}
    profile = {
        "registered_address": {"value": address, **typed},
        "employees": {"value": realm.number, **typed},
        "incorporated_on": {"value": f"19{realm.number % 100:02}-02-03", **typed},
        "net_assets": {"value": f"{realm.number}.00", "currency": "GBP", **typed},
    }
    return await _add(
        world,
        realm,
        "COMPANY_UK_LIMITED",
        parent_id,
        name=realm.text("limited"),
        company_number=f"0{realm.number}",
        external_reference=realm.text(f"reference {realm.number}"),
        profile=profile,
    )


async def _add(
    world: TwoPartners, realm: Realm, class_code: str, parent_id: str | None, **values: Any
) -> Customer:
    realm.number += 1
    number = f"{realm.word}-{realm.number}"
    customer = await _by(world, realm).customer(
        class_code, account_number=number, parent_id=parent_id, **values
    )
    realm.customers.append(customer)
    return customer


HISTORIES = {
    AuditEntry: "aud",
    Event: "evt",
    ClassChange: "chg",
    EnrichmentRun: "run",
    PreferenceEntry: "prf",
    Suggestion: "sug",
}
"""The models of a customer's histories, with the prefixes of their ids."""


async def _fill(world: TwoPartners, realm: Realm, customer: Customer) -> None:
    """Add data of every kind to a customer."""
    by = _by(world, realm)
    await by.move(customer, "CHARITY")
    await by.move(customer, "COMPANY_UK_LIMITED")
    await _consent(world, realm, customer)
    await _contacts(world, realm, customer)
    await _non_itemised(world, realm, customer)
    await _enrichment(world, realm, customer)
    if customer.parent_id is not None:
        name, parent_id = realm.text(f"template {realm.number}"), customer.parent_id
        template = await add_template(world.database, by.act, name, parent_id=parent_id)
        realm.ids.setdefault("tpl", template.id)
    realm.ids.setdefault("cus", customer.id)
    for model, prefix in HISTORIES.items():
        newest = await model.filter(customer_id=customer.id).order_by("-id").first()
        assert newest is not None
        realm.ids.setdefault(prefix, str(newest.pk))


async def _staff(world: TwoPartners, realm: Realm, reseller_id: str) -> None:
    """Add a user of a reseller, with a token, what it used, and a group."""
    by = _by(world, realm).act
    named: dict[str, Any] = {"created_at": by.now, "last_modified_at": by.now}
    user = await User.create(
        name=realm.text("user"),
        name_key=realm.text("user").casefold(),
        email=f"user@{realm.word.lower()}.example",
        issuer=f"https://{realm.word.lower()}.example",
        subject=realm.text("subject"),
        reseller_id=reseller_id,
        permissions=sorted(Scope),
        **named,
    )
    group = await UserGroup.create(
        name=realm.text("group"),
        name_key=realm.text("group").casefold(),
        description=realm.text("description"),
        external_name=realm.text("external"),
        permissions=sorted(Scope),
        **named,
    )
    await GroupMembership.create(group_id=group.id, user_id=user.id, joined_at=by.now)
    token, realm.token = await bound_token(reseller_id, by.now, user_id=user.id)
    await world.database.transaction(lambda: audit.record(by, "token.issued", token.id))
    await world.database.transaction(lambda: audit.record(by, "user.created", user.id))
    used = await DeprecatedUse.create(
        credential_id=token.id,
        user_id=user.id,
        reseller_id=reseller_id,
        coordinate=realm.text("coordinate"),
        reason=realm.text("replacement"),
        used_on=by.now.date().isoformat(),
        use_count=realm.number,
        last_used_at=by.now,
    )
    day = by.now.date()
    by_user: dict[str, Any] = {"credential_id": token.id, "user_id": user.id, "day": day}
    called: dict[str, Any] = {"operation": realm.text("operation"), "operation_type": "query"}
    counts: dict[str, Any] = {**dict.fromkeys(ADDED, realm.number), "last_limited_at": by.now}
    row_id = f"{day}.{realm.word}"
    await ApiUsage.create(id=row_id, reseller_id=reseller_id, **by_user, **called, **counts)
    realm.ids |= {"usr": user.id, "grp": group.id, "tok": token.id, "dpu": used.id}
    realm.ids["imp"] = await add_ended_import(by, reseller_id, realm.text)


async def _webhooks(
    world: TwoPartners, realm: Realm, customer: Customer, reseller_id: str | None
) -> None:
    """Add a webhook endpoint of a reseller or the platform, with a delivery in each state."""
    by = _by(world, realm).act
    number = len(realm.ids)
    endpoint = await stored_endpoint(
        by.now,
        reseller_id,
        url=f"https://{realm.word.lower()}-{number}.example/in",
        description=realm.text(f"endpoint {number}"),
        customer_ids=[customer.id],
    )
    await world.database.transaction(
        lambda: audit.record(by, "webhook_endpoint.created", endpoint.id)
    )
    realm.ids.setdefault("whe", endpoint.id)
    for state in DeliveryState:
        answer = realm.text(f"answer {number} {state}")
        delivered = await deliver(endpoint.id, customer, by.now, state=state, answer=answer)
        if state is DeliveryState.DELIVERED:
            realm.ids.setdefault("whd", delivered)


async def _consent(world: TwoPartners, realm: Realm, customer: Customer) -> None:
    text, by = realm.text, _by(world, realm)
    said = {
        "evidence_reference": text("evidence"),
        "evidence_sha256": f"{realm.number:064x}",
        "method": ConsentMethod.PAPER,
    }
    given: dict[str, Any] = {
        **said,
        "basis": ConsentBasis.TERMS_ACCEPTED,
        "given_by": text("giver"),
        "given_by_role": text("role"),
        "document_name": text("document"),
        "document_version": text("version"),
        "statement": text("statement"),
        "covers_emailing": True,
    }
    key = text(f"key {customer.id}")
    recorded = await record_consent(world.database, by.act, customer, key=key, **given)
    corrected = await correct_consent(
        world.database, by.act, recorded.entry, given_by=text("other giver"), key=text("again")
    )
    realm.ids.setdefault("cns", corrected.entry.id)


async def _non_itemised(world: TwoPartners, realm: Realm, customer: Customer) -> None:
    """Request non-itemised bills, withdraw that, and request them again."""
    asked: dict[str, Any] = {
        "method": ConsentMethod.EMAIL,
        "asked_by": realm.text("asker"),
        "reason": realm.text("reason"),
    }
    ask, withdraw = EntryKind.NON_ITEMISED_REQUEST, EntryKind.NON_ITEMISED_WITHDRAWAL
    for kind in (ask, withdraw, ask):
        await record_consent(world.database, _by(world, realm).act, customer, kind, **asked)


async def _contacts(world: TwoPartners, realm: Realm, customer: Customer) -> None:
    by = _by(world, realm)
    address = f"{customer.id}@{realm.word.lower()}.example"
    contact = await by.contact(customer, address, name=realm.text("person"))
    await by.verify(contact)
    realm.ids.setdefault("prf", await by.prefer(contact, Document.BILL))
    failing = {"mail_failure": MailFailureCode.UNREACHABLE, "mail_failed_at": world.clock()}
    await Contact.filter(id=contact.id).update(**failing)
    other = await by.contact(customer, f"other-{address}", name=realm.text("other person"))
    realm.ids.setdefault("unverified", other.id)
    realm.contacts.append(contact)
    realm.ids.setdefault("con", contact.id)


async def _enrichment(world: TwoPartners, realm: Realm, customer: Customer) -> None:
    now = _by(world, realm).act.now
    run = await EnrichmentRun.create(
        customer_id=customer.id,
        company_number=customer.company_number,
        trigger=EnrichmentTrigger.REQUEST,
        status=EnrichmentStatus.PARTIAL,
        reason=EnrichmentReason.ACCOUNTS_PDF_ONLY,
        requested_at=now,
        finished_at=now,
        source="SANDBOX",
        fields_read=[{"name": "employees", "outcome": "FOUND", "source": "SANDBOX"}],
    )
    await UpstreamResponse.create(
        run_id=run.id, step="profile", body=realm.text("body").encode(), retrieved_at=now
    )
    entry = {"value": realm.number, "source": "SANDBOX", "retrieved_at": now.isoformat()}
    await Suggestion.create(
        customer_id=customer.id,
        field="employees",
        entry=entry,
        status=SuggestionStatus.OPEN,
        created_at=now,
    )
    await ProfileChange.create(
        customer_id=customer.id,
        field="company_name",
        before=realm.text("formername"),
        after=realm.text("newname"),
        source="SANDBOX",
        run_id=run.id,
        changed_at=now,
    )
    await world.database.transaction(
        lambda: publish_enriched(customer.id, now, enrichmentRunId=run.id)
    )


def foreign_rows(world: TwoPartners, contents: Contents) -> Contents:
    """Return the rows outside the partner's scope, without models in PLATFORM."""
    own = {world.reseller.id}
    own |= {one["id"] for one in contents["Customer"] if one["parent_id"] == world.reseller.id}
    owners: dict[str, str] = {
        one["id"]: one["customer_id"]
        for name in ("Contact", "EnrichmentRun", "Confirmation")
        for one in contents[name]
    }
    owners |= {
        one["id"]: str(one["reseller_id"])
        for name in ("AccessToken", "CustomerImport", "User", "WebhookEndpoint")
        for one in contents[name]
    }
    owners |= {one["group_id"]: owners[one["user_id"]] for one in contents["GroupMembership"]}

    def owner(name: str, row: dict[str, Any]) -> str:
        if name in {*OF_RESELLERS, *OF_ENDPOINTS}:
            return str(row["reseller_id"])
        if name == "WebhookLane":
            return owners[row["endpoint_id"]]
        if name in {"AuditEntry", "Event"}:
            about = str(row["customer_id"] or row["subject_id"])
            return owners.get(about, about)
        for column in OWNING:
            if column in row:
                of = str(row[column])
                return owners.get(of, of)
        if name == "CustomerTemplate":
            return str(row["parent_id"] or world.reseller.id)
        return owners.get(row["id"], str(row["id"]))  # of a customer, its ledger, or a group

    return {
        name: [row for row in rows if owner(name, row) not in own]
        for name, rows in contents.items()
        if name not in PLATFORM
    }


def secrets_of(world: TwoPartners, contents: Contents) -> dict[str, set[str]]:
    """Return, by model, the texts that occur only in rows outside the partner's scope."""
    foreign = foreign_rows(world, contents)
    known = {
        text
        for name, rows in contents.items()
        for row in rows
        if row not in foreign.get(name, ())
        for text in texts(_without_parent(row))
    }
    return {
        name: {text for row in rows for text in texts(row)} - known
        for name, rows in foreign.items()
    }


def _without_parent(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without its current and former parents, which the partner may not see."""
    parts = {name: value for name, value in row.items() if name != "parent_id"}
    return {
        name: _without_parent(value) if isinstance(value, dict) else value
        for name, value in parts.items()
    }


def texts(value: Any) -> Iterator[str]:
    """Yield the texts of at least MIN_TEXT_LENGTH characters within a value."""
    if isinstance(value, dict):
        for part in value.values():
            yield from texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, datetime | date):
        yield value.isoformat()
    elif isinstance(value, bytes):
        yield value.decode()
    elif isinstance(value, str | int) and len(str(value)) >= MIN_TEXT_LENGTH:
        yield str(value)


async def contents_of(world: TwoPartners) -> tuple[Contents, Contents]:
    """Return all rows, and the rows outside the partner's scope."""
    contents = await everything()
    return contents, foreign_rows(world, contents)


def unknown_id(prefix: str) -> str:
    """Return an id with this prefix that no row has."""
    return f"{prefix}_{new_customer_id().partition('_')[2]}"
