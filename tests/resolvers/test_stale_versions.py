"""A stale version is refused with the current state, whatever the mutation (R101)."""

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from models.tables.audit import ActorContext
from tests.completeness import assert_complete
from tests.graphql_client import Api, Json, stored, the_schema
from tests.mutations import EDITS, MUTATIONS, input_of

OBJECTS = {
    "CustomerClass",
    "CustomerTemplate",
    "Customer",
    "Contact",
    "PlatformDefaults",
    "User",
    "UserGroup",
    "AccessToken",
    "WebhookEndpoint",
}


CHANGES: dict[str, Json] = {"saveWebhookEndpoint": {"description": "Edited"}}
"""What is changed of objects that have no name."""


def versioned() -> list[str]:
    """Return the mutations whose input has an expected version."""
    mutations = the_schema()._schema.mutation_type
    assert mutations is not None
    return [
        name
        for name, field in mutations.fields.items()
        if "expectedVersion" in _input_of(field.args["input"].type).fields
    ]


def _input_of(kind: object) -> GraphQLInputObjectType:
    named = get_named_type(kind)  # type: ignore[call-overload]  # of an input
    assert isinstance(named, GraphQLInputObjectType)
    return named


def objects_of(mutation: str) -> list[str]:
    """Return the fields of a payload that may contain the changed object."""
    mutations = the_schema()._schema.mutation_type
    assert mutations is not None
    payload = get_named_type(mutations.fields[mutation].type)
    assert isinstance(payload, GraphQLObjectType)
    return [
        name for name, field in payload.fields.items() if get_named_type(field.type).name in OBJECTS
    ]


async def change_stale(api: Api, act: ActorContext, mutation: str) -> Json:
    """Send a mutation with a stale version; return its payload."""
    prepare = EDITS.get(mutation)
    before_it = await (prepare(api, act) if prepare else input_of(mutation, api, act))
    if mutation in EDITS:
        before_it |= CHANGES.get(mutation, {"name": "Edited"})
        before_it.pop("reason", None)
    before = await stored()
    select = " ".join(f"{name} {{ version }}" for name in objects_of(mutation))
    payload = await api.do(mutation, select, **before_it, expectedVersion=99)
    assert await stored() == before
    return payload


def test_all_mutations_of_one_object_take_a_version() -> None:
    of_others = {
        *("requestEnrichment", "restartEnrichments", "eraseActorNames", "createExport"),
        *("pingWebhookEndpoint", "redeliverWebhooks", "cancelImport"),
        *("retryJobs", "discardJobs", "pauseJobs", "resumeJobs"),
        *("acceptSuggestions", "rejectSuggestions"),  # these take a version for each customer
        *("saveCustomers", "saveContacts", "recordConsents"),  # these take a version in each row
    }
    assert_complete(
        "of_others in tests/resolvers/test_stale_versions.py",
        of_others,
        MUTATIONS.keys() - set(versioned()),
        "`expectedVersion` to the input, or the mutation here if it changes no object of a version",
    )


@pytest.mark.parametrize("mutation", versioned())
async def test_a_stale_version_is_refused_with_the_current_state(
    api: Api, act: ActorContext, mutation: str
) -> None:
    """R101."""
    payload = await change_stale(api, act, mutation)
    (error,) = payload["userErrors"]
    shown = [payload[name] for name in objects_of(mutation) if payload[name] is not None]
    now = shown[0]["version"]
    assert error == {
        "code": "VERSION_CONFLICT",
        "message": f"You edited version 99, but the current version is {now}.",
        "path": ["expectedVersion"],
        "hint": "Read the object again, repeat your change, and send the new version.",
        "retryable": True,
    }


@pytest.mark.parametrize("mutation", EDITS)
async def test_nothing_is_created_when_a_version_is_expected(
    api: Api, act: ActorContext, mutation: str
) -> None:
    values = await input_of(mutation, api, act)
    (refusal,) = await api.refused(mutation, "NOT_APPLICABLE", **values, expectedVersion=1)
    assert refusal["path"] == ["expectedVersion"]
