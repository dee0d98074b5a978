"""Fills a database with objects of all kinds, and supplies arguments that find them."""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from random import Random
from typing import Any

from graphql import GraphQLArgument, get_named_type, is_required_argument

import models
from models import EnrichmentRun, Suggestion
from models.changes.granting import grant_permissions
from models.changes.token_issuing import TokenRequest, issue, rotate
from models.changes.user_editing import create_user, disable_user
from models.changes.user_group_editing import change_members, create_group
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus, EnrichmentTrigger
from models.rules.profile import FIGURES
from models.storage.database import Database
from models.tables.access import OPERATOR, Scope
from models.tables.audit import ActorContext
from models.tables.enrichment import SuggestionStatus
from models.tables.webhook import DeliveryState
from schema.base.company_searches import Candidate
from schema.base.context import RegisterUnavailable
from tests.clock import START, Clock
from tests.delivery_world import World
from tests.factories import add_class, add_customer, add_template, edit, entry, move, retire
from tests.schema.generated import ABSENT, Name
from tests.webhook_world import deliver, stored_endpoint

DOCUMENTS = int(os.environ.get("ALIKE_DOCUMENTS", "20"))


ALL = frozenset(Scope)


TABLES = {"ID": ("Customer", "CustomerClass")}


SIZES = (0, 1, 2, 3, 12, 501, None)


CURSORS = ("WyJjdXN0b21lcnMtTkFNRV9BU0MiLCJhIDAzIiwiY3VzXyJd", "x", None)
"""A cursor of a customer in a list by name, an invalid cursor, and null."""


TOLD = "CONTACT_CREATED"

LOOKED_UP = (
    "Customer",
    "CustomerClass",
    "CustomerTemplate",
    "Suggestion",
    "Contact",
    "User",
    "UserGroup",
    "AccessToken",
    "AuditEntry",
    "Event",
    "ClassChange",
    "ConsentEntry",
    "EnrichmentRun",
    "PreferenceEntry",
    "WebhookDelivery",
    "WebhookEndpoint",
)


GROUPED = ("CLASS", "RESELLER", "LEGAL_STATUS", "CONSENT", "ENRICHMENT_STATUS", "CREATED_MONTH")
METRICS = ("CUSTOMERS", "CUSTOMERS_CREATED", "CUSTOMERS_DELETED", "CONSENT_GIVEN", "LOOKUPS")
INSTANTS = ("2026-09-30T12:00:00Z", "2026-10-01T09:30:00+00:00", "2027-01-01T00:00:00+01:00")


ACCESS_FILTERS = (
    *("UserFilter", "UserGroupFilter", "AccessTokenFilter", "CustomerTemplateFilter"),
    "DeprecatedUseFilter",
    "UsageFilter",
)


ORDERS = {
    "JobSort": ("CREATED_AT_ASC", "CREATED_AT_DESC"),
    "ImportJobSort": ("CREATED_AT_ASC", "CREATED_AT_DESC"),
    "AccessTokenSort": ("CREATED_AT_ASC", "CREATED_AT_DESC"),
    "AuditSort": ("AT_ASC", "AT_DESC"),
    "ContactSort": ("CREATED_AT_ASC", "CREATED_AT_DESC"),
    "CustomerClassSort": ("NAME_DESC", "DISPLAY_POSITION_DESC"),
    "CustomerSort": ("NAME_DESC", "CREATED_AT_ASC", "ACCOUNT_NUMBER_DESC"),
    "CustomerTemplateSort": ("NAME_ASC", "CREATED_AT_DESC"),
    "UserGroupSort": ("NAME_DESC", "CREATED_AT_ASC"),
    "UsageSort": ("DAY_ASC", "CALLS_DESC"),
    "UserSort": ("NAME_DESC", "CREATED_AT_DESC"),
    "WebhookDeliverySort": ("CREATED_AT_ASC", "CREATED_AT_DESC"),
    "WebhookEndpointSort": ("CREATED_AT_ASC", "CREATED_AT_DESC"),
}
"""Some orders of each list."""


class Stored:
    """The ids and account numbers in the database, for use as arguments."""

    def __init__(self) -> None:
        self.ids: dict[str, list[str]] = {}
        self.account_numbers: list[str] = []

    async def look(self) -> None:
        """Read all ids, in the order in which the rows were created."""
        for name in LOOKED_UP:
            rows = await getattr(models, name).all().order_by("id").values_list("id", flat=True)
            self.ids[name] = list(rows)
        self.account_numbers = [row.account_number for row in await models.Customer.all()]

    def any_id(self, random: Random, *names: str) -> str:
        """Return an id of a row of the models `names`; sometimes one that does not exist."""
        if random.random() < 0.1:
            return random.choice(("nothing", "cus_01k00000000000000000000000", ""))
        return random.choice(self.ids[random.choice(names or list(self.ids))])

    def choose(self, random: Random, argument: str, declared: GraphQLArgument) -> Any:
        """Return a value for an argument of the project's schema; most values find something."""
        if not is_required_argument(declared) and random.random() < 0.4:
            return ABSENT
        one_of = random.choice
        values: dict[str, Callable[[], Any]] = {
            "accountNumber": lambda: one_of(self.account_numbers),
            "assuming": lambda: one_of(self._assumptions(random)),
            "at": lambda: one_of(INSTANTS),
            "customerId": lambda: self.any_id(random, "Customer"),
            "customerIds": lambda: [self.any_id(random, "Customer") for _ in range(2)],
            "fromAt": lambda: one_of(INSTANTS),
            "interval": lambda: Name(one_of(("DAY", "WEEK", "MONTH"))),
            "metrics": lambda: [
                Name(one) for one in random.sample(METRICS, random.randrange(1, 4))
            ],
            "knownHash": lambda: "0" * 64,
            "untilOn": lambda: one_of(("2026-10-02", "2026-11-01")),
            "untilAt": lambda: one_of(INSTANTS),
            "after": lambda: one_of(CURSORS),
            "assignable": lambda: one_of((True, False, None)),
            "before": lambda: one_of(CURSORS),
            "code": lambda: one_of(("CHARITY", "RESELLER_OTHER", "NONE")),
            "externalReference": lambda: one_of(("r-1", "r-2")),
            "filter": lambda: one_of(self._filters(random, str(declared.type))),
            "first": lambda: one_of(SIZES),
            "fromOn": lambda: one_of(("2025-12-31", "2026-09-30", "2026-10-02")),
            "groupBy": lambda: self._groups(random, str(declared.type)),
            "id": lambda: self.any_id(random, *TABLES.get(str(declared.type), ())),
            "ids": lambda: [self.any_id(random) for _ in range(random.randrange(6))],
            "last": lambda: one_of(SIZES),
            "query": lambda: one_of(("acme", "down", "")),
            "replacementId": lambda: one_of((None, self.any_id(random, "CustomerClass"))),
            "resellerId": lambda: self.any_id(random, "Customer"),
            "sort": lambda: Name(one_of(ORDERS[get_named_type(declared.type).name])),
            "types": lambda: one_of((None, [], [Name("CUSTOMER_CREATED"), Name(TOLD)])),
            "status": lambda: Name(one_of(("ACTIVE", "RETIRED"))),
        }
        where = "the values of Stored.choose in tests/schema/test_alike.py"
        assert argument in values, f"{where} have no {argument}: add values to choose from."
        return values[argument]()

    def _groups(self, random: Random, kind: str) -> Any:
        """Return dimensions of reports: those of customers, or that of reports over time."""
        if kind == "OverTimeDimension":
            return Name("CLASS")
        return [Name(one) for one in random.sample(GROUPED, random.randrange(1, 4))]

    def _assumptions(self, random: Random) -> Sequence[dict[str, Any]]:
        contact = {"contactId": self.any_id(random, "Contact"), "receivesBills": False}
        return (
            {},
            {"isConsentGiven": True},
            {"classId": self.any_id(random, "CustomerClass")},
            {"contacts": [contact]},
        )

    def _access_filters(self, random: Random, kind: str) -> Sequence[dict[str, Any]]:
        if kind == "DeprecatedUseFilter":
            return (
                {"coordinate": "Customer.name", "fromOn": "2026-09-30"},
                {"credentialId": self.any_id(random, "AccessToken")},
            )
        if kind == "AccessTokenFilter":
            return (
                {"userId": self.any_id(random, "User")},
                {"isValid": random.choice((True, False))},
                {"resellerId": self.any_id(random, "Customer")},
            )
        if kind == "UsageFilter":
            return ({"operationType": Name("QUERY")}, {"hasHitLimit": False})
        if kind == "CustomerTemplateFilter":
            return (
                {"text": random.choice(("stan", "x"))},
                {"classId": self.any_id(random, "CustomerClass")},
                {"parentId": self.any_id(random, "Customer")},
            )
        text = {"text": random.choice(("u", "U 1", ""))}
        if kind == "UserGroupFilter":
            return (text, {"memberId": self.any_id(random, "User")})
        return (
            text,
            {"groupId": self.any_id(random, "UserGroup")},
            {"isActive": False, "resellerId": self.any_id(random, "Customer")},
        )

    def _work_filters(self, random: Random, kind: str) -> Sequence[dict[str, Any]]:
        if kind == "JobFilter":
            return (
                {"kind": Name("ENRICH"), "states": [Name("READY"), Name("DONE")]},
                {"urgency": Name("SAVED"), "reason": "GAVE_UP"},
            )
        if kind == "WebhookEndpointFilter":
            return ({"isActive": True, "resellerId": self.any_id(random, "Customer")},)
        return (
            {"endpointId": self.any_id(random, "WebhookEndpoint"), "fromAt": INSTANTS[0]},
            {"customerId": self.any_id(random, "Customer")},
            {"outcomes": [Name("DELIVERED")], "eventTypes": [Name("CUSTOMER_CREATED")]},
        )

    def _filters(self, random: Random, kind: str) -> Sequence[dict[str, Any] | None]:
        if kind == "AuditFilter":
            return (
                None,
                {},
                {"customerId": self.any_id(random, "Customer")},
                {"subjectType": Name("CUSTOMER"), "isOverride": False},
                {
                    "operations": [Name("CUSTOMER_CREATED"), Name("CLASS_EDITED")],
                    "fromAt": INSTANTS[0],
                },
            )
        if kind == "CustomerClassFilter":
            return (None, {}, {"statuses": None}, {"statuses": [Name("RETIRED")]})
        if kind in ACCESS_FILTERS or kind.startswith(("Webhook", "Job")):
            filters = self._access_filters if kind in ACCESS_FILTERS else self._work_filters
            return (None, {}, *filters(random, kind))
        if kind == "DeliveryExposureFilter":
            return (
                None,
                {"customerId": self.any_id(random, "Customer")},
                {"contactId": self.any_id(random, "Contact")},
                {"reasons": [Name("ACCOUNT_CONSENT")], "bases": [Name("WRITTEN_OPT_IN")]},
            )
        if kind in {"ClassCustomerFilter", "ContactFilter"}:
            known = "parentId" if kind == "ClassCustomerFilter" else "customerId"
            of = {known: self.any_id(random, "Customer")}
            return (None, {"externalReferences": ["r-1", "r-2"]}, of)
        return (
            None,
            {},
            {"text": "a"},
            {"classCodes": ["CHARITY"], "text": ""},
            {"classIds": [self.any_id(random, "CustomerClass") for _ in range(3)]},
            {"parentId": self.any_id(random, "Customer")},
            {"companyNumber": random.choice(("00000101", "not one"))},
            {"labels": [Name("RESELLER")], "subscriberKind": Name("CORPORATE")},
        )


async def fill(database: Database, act: ActorContext) -> None:
    """Fill the database with objects of every kind."""
    world = World(database, Clock(act.now - timedelta(days=1)), act)
    shown = partial(add_customer, database, act)
    top = await shown("RESELLER_OTHER", name="Top", external_reference="r-1")
    own = await add_class(database, act, "Own", is_reseller=True, display_class="a b")
    for number in range(12):
        profile = {"employees": entry(7)} if number % 3 else {}
        if number % 4 == 1:
            profile |= {
                name: {**entry("-12.50"), "currency": "GBP", "scope": "GROUP", "warnings": ["W"]}
                for name in FIGURES
            }
            profile["incorporated_on"] = entry("2001-02-03")
            profile["registered_address"] = entry({"address_line_1": "1 Road", "locality": "Hull"})
        parent = {"parent_id": top.id} if number % 2 else {}
        row = await shown(name=f"A {number:02}", class_id=own.id, profile=profile, **parent)
        if number % 3 == 0:
            row = await move(database, act, row, "CHARITY" if number % 2 else "SOLE_TRADER")
        if number % 4 == 2:
            row.profile = {**row.profile, "details": {"company_name": "Other", "sic_codes": ["1"]}}
            row.enrichment_status = EnrichmentStatus.PARTIAL
            await row.save()
        if number % 2:
            await add_history(row, act)
            asked = await world.contact(row, f"a{number}@example.com", name="A")
            await world.verify(asked)
            await world.ask(asked)
        if number % 4 == 1:
            await world.contact(row, None, name="B")
            await world.consent(row)
    await edit(database, act, top, {"name": "Top of all"})
    await add_template(database, act, "Standard", class_id=own.id, parent_id=top.id)
    await add_template(database, act, "Bare")
    gone = await add_class(database, act, "Gone")
    await retire(database, act, gone)
    await add_access(database, act, top)
    for reseller_id in (None, top.id):
        endpoint = await stored_endpoint(act.now, reseller_id)
        for state in DeliveryState:
            await deliver(endpoint.id, top, act.now, state=state)


async def add_access(database: Database, act: ActorContext, partner: models.Customer) -> None:
    """Add users in groups, with tokens; some are a partner's, and one is disabled."""
    act = replace(act, principal=OPERATOR)

    async def add() -> None:
        group = await create_group(act, {"name": "All of them", "external_name": "all"})
        await grant_permissions(act, group.id, [Scope.CUSTOMERS_READ], "Needed", None)
        for number in range(5):
            reseller_id = partner.id if number % 2 else None
            user = await create_user(act, {"name": f"U {number}"}, reseller_id)
            await change_members(act, group.id, [user.id], [], None)
            request = TokenRequest("laptop", [Scope.CUSTOMERS_READ], 30, user.id)
            issued = await issue(act, request, None)
            if number == 2:
                await rotate(act, issued.token.id, timedelta(hours=1), None, None)
            if number == 3:
                await disable_user(act, user.id, None, None)

    await database.transaction(add)


async def add_history(row: models.Customer, act: ActorContext) -> None:
    """Add lookups to a customer, and suggestions."""
    for attempts in range(2):
        await EnrichmentRun.create(
            customer_id=row.id,
            trigger=EnrichmentTrigger.SAVE,
            status=EnrichmentStatus.PARTIAL,
            reason=EnrichmentReason.ACCOUNTS_PDF_ONLY,
            attempts=attempts,
            requested_at=act.now,
            finished_at=act.now + timedelta(seconds=attempts),
            source="REGISTER",
            fields_read=[{"name": "employees", "outcome": "FOUND", "source": "REGISTER"}],
        )
    for field, value in (
        ("employees", 9),
        ("net_assets", "1.5"),
        ("incorporated_on", "2001-01-01"),
        ("registered_address", {"locality": "York"}),
    ):
        await Suggestion.create(
            customer_id=row.id,
            field=field,
            entry=dict(entry(value)),
            status=SuggestionStatus.OPEN,
            created_at=act.now,
        )


async def search(query: str, size: int) -> list[Candidate]:
    """Return two companies named like the query; raises RegisterUnavailable for `down`."""
    if query == "down":
        raise RegisterUnavailable(3.0)
    return [Candidate("00000101", query, None, "ltd", START.date(), None)] * min(size, 2)
