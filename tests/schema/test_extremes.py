"""Numbers and dates at GraphQL's limits: errors have codes, and responses are complete.

Extreme values are tried in every argument of the schema. Stored values are bounded where they
are entered, or shown as null.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    get_named_type,
)
from pydantic import ValidationError
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField
from tortoise.fields import BigIntField, IntField, SmallIntField

from models import Customer
from models import Suggestion as StoredSuggestion
from models.rules.errors import Refusal, RefusalCode
from models.rules.profile import ProfileEntry, ValueSource
from models.tables.access import Principal, Scope
from models.tables.enrichment import SuggestionStatus
from schema.base.field_mapping import READ, models_of
from schema.base.user_error import UserError
from schema.types.profile_value import count_value
from settings import Settings
from tests.clock import Clock
from tests.completeness import assert_complete
from tests.databases import Databases
from tests.graphql_client import Api, context_of, running_api, the_schema
from tests.partner_supplies import supplies_for
from tests.partner_world import two_partners
from tests.schema_walk import Walk

EXTREMES: dict[str, Sequence[Any]] = {
    "Int": (2**31 - 1, -(2**31), 2**31, -(2**31) - 1, 10**30, 0, -1, 1.5, 1e300),
    "Float": (1e308, -1e308, 10**400, 5e-324),
    "Date": ("0001-01-01", "9999-12-31", "10000-01-01", "2026-02-30", "-0001-01-01"),
    "DateTime": (
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59.999999-14:00",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00+23:59",
    ),
    "Decimal": (
        *("NaN", "sNaN", "Infinity", "-Infinity", "-0", "999999999999999.99", "1E15"),
        *("1E+999999", "1E-999999", "0E+1000000", "0E-1000000", "1E99999999999999999999"),
    ),
}
"""The values to try for each scalar that is a number or a date."""

MAX_ANSWER = 1_000_000
PATIENCE_S = 60.0


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    """Yield the application without the limits that such large requests would exceed."""
    limits = (name for name in Settings.model_fields if name.startswith("max_"))
    wide: dict[str, Any] = {**dict.fromkeys(limits, 10_000), "max_depth": 200}
    wide |= {"max_field_directives": 100, "max_value_depth": 100, "max_request_bytes": 10**6}
    wide |= {"max_cost": 10**9, "cost_budget": 0}
    async with running_api(databases, clock, **wide) as started:
        yield started


def numeric_arguments(schema: GraphQLSchema) -> dict[str, str]:
    """Return, by argument and input field that is a number or a date, its scalar."""
    found = {}
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            for name, field in kind.fields.items():
                found[f"{kind.name}.{name}"] = get_named_type(field.type).name
        elif isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__"):
            for name, output in kind.fields.items():
                for argument, taken in output.args.items():
                    place = f"{kind.name}.{name}.{argument}"
                    found[place] = get_named_type(taken.type).name
    return {place: scalar for place, scalar in found.items() if scalar in EXTREMES}


def codes(body: dict[str, Any]) -> set[str]:
    return {error["extensions"]["code"] for error in body.get("errors", ())}


async def test_extreme_input_is_refused_by_a_code_or_can_be_read_again(api: Api) -> None:
    """R98: no input causes an internal error, or makes a list unreadable."""
    schema = build_schema(the_schema().sdl())
    places = numeric_arguments(schema)
    world = await two_partners(api.platform.database, api.clock)
    supplies = await supplies_for(world)
    walk = Walk(
        schema,
        replace(
            supplies,
            own={**supplies.own, "dryRun": False, "lifetimeDays": 30},
            tried={
                place: [(value, None) for value in EXTREMES[scalar]]
                for place, scalar in places.items()
            },
        ),
    )
    failed, tried = [], set()
    for operation in ("query", "mutation"):
        for probe in walk.probes(operation):
            if "(" in probe.name:
                body = (await api.post(probe.document, probe.variables)).json()
                tried.add(probe.name)
                failed += [f"{probe.name}: {body}"] if "INTERNAL_ERROR" in codes(body) else []
    assert failed == []
    assert len(tried) > 5 * len(places)
    for probe in walk.probes("query"):
        if "(" not in probe.name:
            response = await api.post(probe.document, probe.variables)
            assert "INTERNAL_ERROR" not in codes(response.json()), probe.name
            assert len(response.content) < MAX_ANSWER, probe.name


async def test_a_subscription_refuses_an_instant_beyond_the_calendar(api: Api) -> None:
    customer = await api.save_customer()
    document = """subscription($id: ID!, $since: DateTime) {
      customerEnriched(customerId: $id, since: $since) { id } }"""
    for since in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-01-01T00:00:00"):
        variables = {"id": customer["id"], "since": since}
        assert await first_code(api, document, variables) == "BAD_USER_INPUT"


async def first_code(api: Api, document: str, variables: dict[str, Any]) -> str:
    """Return the code of the first error of a subscription."""
    context = context_of(api.platform.database, Principal("tok_1", "Tess", frozenset(Scope)))
    async with asyncio.timeout(PATIENCE_S):
        async for result in await the_schema().stream(document, variables, context):
            (error,) = result.errors
            return str(error.extensions["code"])
    raise AssertionError("it ended without an answer")


COLUMN, ROWS, CAPPED, SETTING, CONSTANT, STORED = (
    "a column of four bytes",
    "a count of rows or of calls that nobody can have so many of",
    "capped where it is made",
    "a setting with a largest value",
    "a number in the code",
    "a number in JSON, which is null if it is too large",
)
OF_ROWS = "at most the rows of one call"
BOUNDS = {
    **{
        f"{bulk}{field}": OF_ROWS
        for bulk in ("RecordConsents", "SaveContacts", "SaveCustomers")
        for field in ("Payload.refusedCount", "Payload.savedCount", "Result.index")
    },
    "AccessToken.version": COLUMN,
    "AccessTokenConnection.totalCount": ROWS,
    "Allowance.limit": CAPPED,
    "Allowance.remaining": CAPPED,
    "Allowance.windowSeconds": SETTING,
    "AuditEntryConnection.totalCount": CAPPED,
    "ProfileChangeConnection.totalCount": CAPPED,
    "Blocker.count": ROWS,
    **dict.fromkeys(
        (
            *("ImportFault.line", "ImportJob.byteCount", "ImportJob.rowCount"),
            *("ImportJob.doneRowCount", "ImportJob.storedRowCount", "ImportJob.failedRowCount"),
        ),
        COLUMN,
    ),
    "ImportFaultConnection.totalCount": ROWS,
    "ImportJobConnection.totalCount": ROWS,
    "Job.attemptCount": COLUMN,
    "JobConnection.totalCount": ROWS,
    "ConsentAdvisoryCount.customerCount": ROWS,
    "ConsentEntry.sequence": COLUMN,
    "Contact.version": COLUMN,
    "CountValue.value": STORED,
    "DeprecatedUse.useCount": COLUMN,
    "DeprecatedUseConnection.totalCount": ROWS,
    "Customer.version": COLUMN,
    "CustomerClass.displayPosition": COLUMN,
    "CustomerClass.version": COLUMN,
    "CustomerClassConnection.totalCount": ROWS,
    "ContactConnection.totalCount": CAPPED,
    "CustomerConnection.totalCount": CAPPED,
    "CustomerReport.customerCount": ROWS,
    "CustomerReportRow.contactCount": ROWS,
    "CustomerReportRow.customerCount": ROWS,
    "CustomerTemplate.version": COLUMN,
    "CustomerTemplateConnection.totalCount": ROWS,
    "DeliveryExposureCounts.contactCount": ROWS,
    "DeliveryExposureCounts.customerCount": ROWS,
    "DeliveryExposureCounts.exposureCount": ROWS,
    "DeliveryPreview.rulesVersion": CONSTANT,
    "DeliveryRules.version": CONSTANT,
    "Enrichment.attempts": ROWS,
    "EnrichmentBacklog.recentlyEndedCount": ROWS,
    "EnrichmentBacklog.retryingCount": ROWS,
    "EnrichmentBacklog.runningCount": ROWS,
    "EnrichmentBacklog.waitingCount": ROWS,
    "EnrichmentRun.attempts": COLUMN,
    "EraseActorNamesPayload.erasedEntryCount": ROWS,
    "Event.customerVersion": COLUMN,
    "Event.schemaVersion": COLUMN,
    "ExposureAuthority.contactCount": ROWS,
    "ExposureAuthority.customerCount": ROWS,
    "ExposureAuthority.exposureCount": ROWS,
    "LedgerBreak.sequence": ROWS,
    "LedgerVerification.entryCount": ROWS,
    "LookupQueueDepth.waitingCount": ROWS,
    "LookupQueuePosition.aheadCount": CAPPED,
    "Permissibility.customersEverCount": ROWS,
    "Permissibility.customersNowCount": ROWS,
    "PlatformDefaults.version": COLUMN,
    "RegisterAllowance.availableCount": SETTING,
    "RegisterAllowance.limit": SETTING,
    "RegisterAllowance.windowSeconds": SETTING,
    "ReportedCount.customerCount": ROWS,
    "ReportedInterval.count": ROWS,
    "ReportedMoney.customerCount": ROWS,
    "RequestEnrichmentPayload.liveLookupCount": ROWS,
    "RequestEnrichmentPayload.queuedLookupCount": ROWS,
    "RequestLimits.maxAliases": SETTING,
    "RequestLimits.maxCost": SETTING,
    "RequestLimits.maxDepth": SETTING,
    "RequestLimits.maxDocumentTokens": SETTING,
    "RequestLimits.maxFields": CAPPED,
    "RequestLimits.maxListEntries": SETTING,
    "RequestLimits.maxPageSize": CONSTANT,
    "RequestLimits.maxRequestBytes": SETTING,
    "RequestLimits.maxRootFields": SETTING,
    "RestartEnrichmentsPayload.restartedLookupCount": ROWS,
    "RetireCustomerClassPayload.movedCustomerCount": ROWS,
    "RetireCustomerClassPayload.queuedLookupCount": ROWS,
    "SaveCustomerClassPayload.affectedCustomerCount": ROWS,
    **dict.fromkeys(
        (
            f"{kind}.{name}Count"
            for kind in ("Usage", "UsageTotals")
            for name in ("call", "refusal", "userError", "limitHit")
        ),
        CAPPED,
    ),
    "UsageConnection.totalCount": ROWS,
    "User.version": COLUMN,
    "UserConnection.totalCount": ROWS,
    "UserError.limit": CONSTANT,
    "UserError.minimum": CONSTANT,
    "UserError.retryAfterSeconds": CAPPED,
    "UserGroup.memberCount": ROWS,
    "UserGroup.version": COLUMN,
    "UserGroupConnection.totalCount": ROWS,
    "RedeliverWebhooksPayload.redeliveredCount": CAPPED,
    "WebhookAttempt.durationSeconds": CAPPED,
    "WebhookAttempt.sequence": COLUMN,
    "WebhookAttempt.statusCode": COLUMN,
    "WebhookDeliveryConnection.totalCount": CAPPED,
    "WebhookEndpoint.pendingCount": CAPPED,
    "WebhookEndpoint.version": COLUMN,
    "WebhookEndpointConnection.totalCount": ROWS,
}
"""By numeric field, why it fits GraphQL's range; a larger value would fail its parent objects."""


def numbers() -> dict[str, StrawberryField]:
    """Return all fields of object types that are Int or Float."""
    return {
        f"{kind.name}.{name}": field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
        for kind in the_schema()._schema.type_map.values()
        if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
        for name, field in kind.fields.items()
        if get_named_type(field.type).name in {"Int", "Float"}
    }


def test_every_number_of_the_schema_is_bounded() -> None:
    """For a new numeric field, BOUNDS must say why it fits GraphQL's range."""
    table = "BOUNDS in tests/schema/test_extremes.py"
    assert_complete(table, BOUNDS, numbers(), "the reason why the number cannot be too large")


def test_numbers_that_are_columns_have_four_bytes() -> None:
    """So PostgreSQL refuses larger values when they are written."""
    columns = {
        get_object_definition(kind, strict=True).name: model for kind, model in models_of.items()
    }
    found = {}
    for place, field in numbers().items():
        model = columns.get(place.partition(".")[0])
        if model is not None and READ not in field.metadata and field.base_resolver is None:
            found[place] = model._meta.fields_map[field.python_name]
    assert_complete(
        "COLUMN in BOUNDS of tests/schema/test_extremes.py",
        (place for place, why in BOUNDS.items() if why == COLUMN),
        found,
        "COLUMN for a number that is a column, and another reason for others",
    )
    for place, column in found.items():
        assert isinstance(column, IntField | SmallIntField), place
        assert not isinstance(column, BigIntField), place


@pytest.mark.parametrize("name", ["companies_house_limit", "companies_house_window_s"])
@pytest.mark.parametrize("value", [2**31, float("inf"), float("nan"), 0])
def test_a_setting_that_graphql_cannot_carry_is_refused(name: str, value: float) -> None:
    given: dict[str, Any] = {name: value}
    with pytest.raises(ValidationError, match=name):
        Settings(**given)


@pytest.mark.parametrize(
    ("wait", "told"),
    [(None, None), (1, 1), (GRAPHQL_MAX_INT, GRAPHQL_MAX_INT), (10**12, 2**31 - 1)],
)
def test_a_wait_is_told_as_far_as_graphql_can(wait: int | None, told: int | None) -> None:
    refusal = Refusal(RefusalCode.RATE_LIMITED, "Wait.", (), retry_after_seconds=wait)
    assert UserError.of(refusal).retry_after_seconds == told


NO_COUNTS = (GRAPHQL_MAX_INT + 1, GRAPHQL_MIN_INT - 1, 10**15, 1.5, 1e300, "12", True, None, [1])


@pytest.mark.parametrize("value", [0, 12, GRAPHQL_MAX_INT, GRAPHQL_MIN_INT])
def test_a_count_that_graphql_can_carry_is_shown(value: int) -> None:
    shown = count_value(ProfileEntry(value=value, source=ValueSource.USER))
    assert shown is not None
    assert shown.value == value


@pytest.mark.parametrize("value", NO_COUNTS, ids=repr)
def test_a_count_that_graphql_cannot_carry_is_null(value: Any) -> None:
    assert count_value(ProfileEntry(value=value, source=ValueSource.USER)) is None


DAMAGED: list[tuple[str, Any]] = [
    *(("employees", value) for value in NO_COUNTS),
    *(("incorporated_on", text) for text in ("2026-02-30", "10000-01-01", "")),
    *(("net_assets", text) for text in ("twelve", "")),
]
LIST = """{ customers(first: 50) { nodes { name
  profile { employees { value } incorporatedOn { value } netAssets { value } }
  suggestions { field value { source ... on CountValue { count: value } } } } } }"""


@pytest.mark.parametrize(("field", "value"), DAMAGED, ids=repr)
async def test_a_value_of_one_row_that_cannot_be_shown_leaves_the_list(
    api: Api, field: str, value: Any
) -> None:
    """Regardless of how it was stored, and both with plans and with graphql-core."""
    names = [f"Customer {number:02}" for number in range(12)]
    for name in names:
        await api.save_customer(name=name)
    damaged = await Customer.get(name=names[5])
    damaged.profile = {field: {"value": value, "source": "REGISTER"}}
    await damaged.save()
    await StoredSuggestion.create(
        customer_id=damaged.id,
        field=field,
        entry={"value": value, "source": "REGISTER"},
        status=SuggestionStatus.OPEN,
        created_at=api.clock(),
    )
    for _ in range(3):
        body = await api.answer(LIST)
        nodes = body["data"]["customers"]["nodes"]
        assert [node["name"] for node in nodes] == names
        assert set(nodes[5]["profile"].values()) == {None}
        assert [one["value"] for one in nodes[5]["suggestions"]] == [None]
        assert codes(body) <= {"INTERNAL_ERROR"}  # masked, and only at this field
