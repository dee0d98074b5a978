"""Wrong values in every input field of every mutation are told, all at once and with paths."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from graphql import (
    GraphQLInputObjectType,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
)

from models import Suggestion
from models.rules.profile import FIGURES
from models.tables.audit import ActorContext
from tests.graphql_client import Api, Json, stored, the_schema
from tests.input_kinds import (
    BOUNDS,
    BY_NAME,
    BY_PLACE,
    DRY_RUN_ID,
    PYTHON,
    TABLE,
    Kind,
    Wrong,
    kind_of,
)
from tests.mutations import EDITS, GRANT, MUTATIONS, Prepare, of_suggestions
from tests.webhook_world import add_endpoint

Path = tuple[str, ...]
Codes = Mapping[str, str | None]

MONEY: Json = {"value": "1"}
ADDED: dict[str, Json] = {
    "saveCustomer": {
        "consent": GRANT,
        "contacts": [{"name": "Ann"}],
        "profile": {re.sub(r"_(.)", lambda at: at[1].upper(), one): MONEY for one in FIGURES},
    },
    "saveUser": {"issuer": "https://id.example", "subject": "1"},
}
"""By mutation: what is added to its input, so that each field can be wrong alone."""


ROWS = {
    "saveCustomers": "saveCustomer",
    "saveContacts": "saveContact",
    "recordConsents": "recordConsent",
}
"""Mutations of many rows, each with the mutation of one such row."""


class Situation(NamedTuple):
    """A mutation and what it is sent.

    `codes` are the codes of fields, by their paths with dots, that are refused for another reason
    here; None for a field that is not tried. `apart` are fields that are not tried together with
    the others.
    """

    mutation: str
    prepare: Prepare
    added: Json
    codes: Codes = MappingProxyType({})
    apart: frozenset[str] = frozenset()


async def of_new_customer(api: Api, act: ActorContext) -> Json:  # noqa: ARG001  # as the others
    return {"name": "Acme", "classId": (await api.class_of("CHARITY"))["id"]}


async def of_class_lookup(api: Api, act: ActorContext) -> Json:  # noqa: ARG001  # as the others
    return {"target": {"classId": (await api.class_of("COMPANY_UK_LIMITED"))["id"]}}


async def of_versions(api: Api, act: ActorContext) -> Json:
    given = await of_suggestions(api, act)
    first = await Suggestion.get(id=given["ids"][0])
    return given | {"expectedVersions": [{"customerId": first.customer_id, "expectedVersion": 1}]}


async def of_webhook_period(api: Api, act: ActorContext) -> Json:  # noqa: ARG001  # as the others
    period = {"fromAt": "2026-09-01T00:00:00Z", "untilAt": "2026-11-01T00:00:00Z"}
    return {"endpointId": (await add_endpoint(api))["id"], **period}


OF_GRANTS = (
    *("givenBy", "givenByRole", "evidenceSha256", "documentName", "documentVersion", "statement"),
)
CODES: dict[str, dict[str, str | None]] = {
    **{mutation: {"id": None, "expectedVersion": "NOT_APPLICABLE"} for mutation in EDITS},
    "saveCustomerClass": {
        "id": None,
        "expectedVersion": "NOT_APPLICABLE",
        "overrideReason": None,  # a new class has nothing to override
    },
    "requestEnrichment": {"target.classId": None},
    "correctConsent": {"values.askedBy": None, "values.reason": None},
    "redeliverWebhooks": {"endpointId": None},
}
EDIT_CODES: dict[str, dict[str, str | None]] = {
    "saveCustomer": {
        "classId": "CLASS_CHANGE_NEEDS_REASON",
        "classCode": "CLASS_CHANGE_NEEDS_REASON",
        "templateId": "NOT_APPLICABLE",
        "consent": None,
    },
    "saveContact": {"customerId": "CANNOT_CHANGE"},
    "saveUser": {"resellerId": "INVALID_RESELLER"},
}
APART = {
    "saveCustomer": frozenset({"classId"}),  # `classCode` goes before it
    "issueAccessToken": frozenset({"expectedVersion"}),  # the version of a user that is not found
    **{
        mutation: frozenset({"customerId"})  # without it, no customer has an expected version
        for mutation in (
            *("recordConsent", "withdrawConsent"),
            *("requestNonItemisedBills", "withdrawNonItemisedBillsRequest"),
        )
    },
}


def situations() -> dict[str, Situation]:
    found = {
        mutation: Situation(
            mutation,
            prepare,
            ADDED.get(mutation, {}),
            CODES.get(mutation, {}),
            APART.get(mutation, frozenset()),
        )
        for mutation, (prepare, _) in MUTATIONS.items()
    }
    found["saveCustomer"] = found["saveCustomer"]._replace(prepare=of_new_customer)
    for mutation, prepare in EDITS.items():
        added = {name: one for name, one in ADDED.get(mutation, {}).items() if name != "consent"}
        codes = EDIT_CODES.get(mutation, {})
        found[f"{mutation} of an object"] = Situation(mutation, prepare, added, codes)
    for mutation in ("acceptSuggestions", "rejectSuggestions"):
        found[mutation] = found[mutation]._replace(prepare=of_versions)
    found["requestEnrichment of a class"] = Situation(
        "requestEnrichment", of_class_lookup, {}, {"target.customerId": None}
    )
    found["redeliverWebhooks of a period"] = Situation(
        "redeliverWebhooks", of_webhook_period, {}, {"deliveryIds": None}
    )
    found["correctConsent to a withdrawal"] = Situation(
        "correctConsent", MUTATIONS["correctConsent"][0], {"kind": "WITHDRAWAL"},
        dict.fromkeys(f"values.{name}" for name in (*OF_GRANTS, "evidenceReference")),
    )  # fmt: skip
    return found


def of_rows(mutation: str, of_one: Situation) -> Situation:
    """Return the situation in which a mutation of many rows is sent one row."""

    async def prepare(api: Api, act: ActorContext) -> Json:
        return {"rows": [await base_of(api, act, of_one)]}

    codes = {f"rows.0.{path}": code for path, code in of_one.codes.items()}
    apart = frozenset(f"rows.0.{name}" for name in of_one.apart)
    return Situation(mutation, prepare, {}, codes, apart)


SITUATIONS = situations()
SITUATIONS |= {
    name.replace(one, many): of_rows(many, SITUATIONS[name])
    for many, one in ROWS.items()
    for name in (one, f"{one} of an object")
    if name in SITUATIONS
}


def input_type(mutation: str) -> GraphQLInputObjectType:
    mutations = the_schema()._schema.mutation_type
    assert mutations is not None
    kind = get_named_type(mutations.fields[mutation].args["input"].type)
    assert isinstance(kind, GraphQLInputObjectType)
    return kind


def fields_of(kind: GraphQLInputObjectType, *path: str) -> Iterator[tuple[Path, Kind, bool, str]]:
    """Yield path, kind, whether it may not be null, and place of each field of an input."""
    for name, field in kind.fields.items():
        inner = get_named_type(field.type)
        if is_input_object_type(inner):
            entry = ("0",) if is_list_type(get_nullable_type(field.type)) else ()
            yield from fields_of(inner, *path, name, *entry)
        else:
            place = f"{kind.name}.{name}"
            yield (*path, name), kind_of(kind.name, name), is_non_null_type(field.type), place


def tried(situation: Situation) -> Iterator[tuple[Path, bool, list[Wrong]]]:
    """Yield the path, whether it may not be null, and the wrong values of each field to try."""
    for path, kind, is_non_null, _ in fields_of(input_type(situation.mutation)):
        whole = ".".join(path)
        starts = (whole, whole.rpartition(".")[0], path[0])
        code = next((situation.codes[one] for one in starts if one in situation.codes), "")
        if code is not None and kind:
            wrong = [
                Wrong(one.value, code, {}) if code and one.value != DRY_RUN_ID else one
                for one in kind
            ]
            yield path, is_non_null, wrong


def with_value(values: Json, path: Path, value: Any) -> Json:
    name, *rest = path
    inner: Any = value
    if rest[:1] == ["0"]:
        first, *others = values.get(name) or [{}]
        inner = [with_value(first, tuple(rest[1:]), value), *others]
    elif rest:
        inner = with_value(values.get(name) or {}, tuple(rest), value)
    return {**values, name: inner}


async def refusals(api: Api, mutation: str, values: Json) -> list[Json]:
    """Return the user errors of a mutation; their messages and hints are plain English."""
    errors = f"userErrors {{ code message hint path {' '.join(BOUNDS)} }}"
    results = f"results {{ {errors} }}" if mutation in ROWS else ""
    document = (
        f"mutation($input: {input_type(mutation).name}!) {{ {mutation}(input: $input) {{"
        f" {errors} {results} }} }}"
    )
    payload = (await api.data(document, input=values))[mutation]
    told: list[Json] = payload["userErrors"]
    told += [error for result in payload.get("results", ()) for error in result["userErrors"]]
    for one in told:
        said = f"{one.pop('message')} {one.pop('hint') or ''}"
        assert said.strip().endswith((".", "!")), said
        assert not PYTHON.search(said), said
    return told


def expected(path: Path, wrong: Wrong) -> Json:
    """Return the user error that a wrong value gets."""
    bounds = {**dict.fromkeys(BOUNDS), **wrong.bounds}
    return {"code": wrong.code, "path": [*path, *wrong.below], **bounds}


async def base_of(api: Api, act: ActorContext, situation: Situation) -> Json:
    prepared = await situation.prepare(api, act)
    known = input_type(situation.mutation).fields
    return {name: value for name, value in prepared.items() if name in known} | situation.added


def test_every_input_field_has_its_wrong_values() -> None:
    """A field that is added to an input needs a kind, and a kind that nothing uses is removed."""
    places = {
        place
        for mutation in MUTATIONS
        for path, _, _, place in fields_of(input_type(mutation))
        if path
    }
    names = {place.partition(".")[2] for place in places - BY_PLACE.keys()}
    assert BY_NAME.keys() == names, TABLE
    assert BY_PLACE.keys() <= places, TABLE


@pytest.mark.parametrize("name", SITUATIONS)
async def test_a_wrong_value_is_told_with_code_path_and_bounds(
    api: Api, act: ActorContext, name: str
) -> None:
    situation = SITUATIONS[name]
    base = await base_of(api, act, situation)
    before = await stored()
    for path, _, kind in tried(situation):
        for wrong in kind:
            told = await refusals(api, situation.mutation, with_value(base, path, wrong.value))
            assert told == [expected(path, wrong)], (path, wrong.value)
    assert await stored() == before


@pytest.mark.parametrize("name", SITUATIONS)
async def test_all_wrong_values_are_told_at_once_in_the_order_of_the_fields(
    api: Api, act: ActorContext, name: str
) -> None:
    situation = SITUATIONS[name]
    values = await base_of(api, act, situation)
    before = await stored()
    wanted = []
    for path, is_non_null, kind in tried(situation):
        is_object = path[-1] == "id" or (is_non_null and kind[0].code == "NOT_FOUND")
        if not is_object and ".".join(path) not in situation.apart:
            values = with_value(values, path, kind[0].value)
            wanted.append(expected(path, kind[0]))
    if not wanted:
        return  # nothing but the id can be wrong
    for _ in range(2):  # once prepared, and once with what is remembered of the operation
        assert await refusals(api, situation.mutation, values) == wanted
    assert await stored() == before


def openable(kind: GraphQLInputObjectType, *path: str) -> Iterator[tuple[Path, list[str] | None]]:
    """Yield the path, and the allowed values, of each field that must be filled, or chosen."""
    for name, field in kind.fields.items():
        inner, outer = get_named_type(field.type), get_nullable_type(field.type)
        if is_input_object_type(inner):
            entry = ("0",) if is_list_type(outer) else ()
            yield from openable(inner, *path, name, *entry)
        elif is_list_type(outer) and not is_enum_type(inner):
            continue  # no list that people choose from
        elif is_non_null_type(field.type) and inner.name not in {"Boolean", "Int"}:
            is_choice = is_enum_type(outer)
            yield (*path, name), list(inner.values) if is_choice else None


def left_open(path: Path, choices: list[str] | None) -> Json:
    bounds = {**dict.fromkeys(BOUNDS), "allowedValues": choices}
    return {"code": "REQUIRED", "path": [*path], **bounds}


def is_tried_open(situation: Situation, path: Path) -> bool:
    ways = (".".join(path[: end + 1]) for end in range(len(path)))
    return not any(situation.codes.get(way, "") is None for way in ways if way != "id")


@pytest.mark.parametrize("name", SITUATIONS)
async def test_a_field_that_is_left_open_is_told_alone(
    api: Api, act: ActorContext, name: str
) -> None:
    situation = SITUATIONS[name]
    base = await base_of(api, act, situation)
    before = await stored()
    for path, choices in openable(input_type(situation.mutation)):
        if not is_tried_open(situation, path):
            continue
        for value in (None, "", " ") if choices else (None,):
            told = await refusals(api, situation.mutation, with_value(base, path, value))
            assert told == [left_open(path, choices)], (path, value)
    assert await stored() == before


@pytest.mark.parametrize("name", SITUATIONS)
async def test_what_is_left_open_hides_no_other_fault(
    api: Api, act: ActorContext, name: str
) -> None:
    situation = SITUATIONS[name]
    values = await base_of(api, act, situation)
    before = await stored()
    opened = dict(openable(input_type(situation.mutation)))
    wanted = []
    for path, is_non_null, kind in tried(situation):
        is_object = path[-1] == "id" or (is_non_null and kind[0].code == "NOT_FOUND")
        if is_object or ".".join(path) in situation.apart:
            continue
        is_open = path in opened
        values = with_value(values, path, None if is_open else kind[0].value)
        wanted.append(left_open(path, opened[path]) if is_open else expected(path, kind[0]))
    if wanted:
        assert await refusals(api, situation.mutation, values) == wanted
    assert await stored() == before
