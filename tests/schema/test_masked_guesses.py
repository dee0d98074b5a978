"""Callers who may not see a value cannot find it out by writing guesses (R93)."""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type
from strawberry.schema.schema_converter import GraphQLCoreConverter

from models import Confirmation, Contact, Customer
from models.lists.personal_data import PERSONAL_ENTRIES
from models.rules.email_address import email_key
from models.rules.errors import Refused
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from schema.base.personal import PERSONAL
from tests.clock import Clock
from tests.completeness import assert_complete
from tests.databases import Databases
from tests.factories import record_consent
from tests.graphql_client import Api, Json, running_api, the_schema
from tests.marked_world import MASKING, add_marked_world, masked_token
from tests.schema.whole_rows import whole

pytestmark = pytest.mark.asyncio(loop_scope="module")

DEFINITION = GraphQLCoreConverter.DEFINITION_BACKREF
NEW_IDS = re.compile(r"\b([a-z]{3}_)[0-9a-z]{26}\b|(?<=requestId\":\")[^\"]+|(?<=ursor\":\")[^\"]+")
"""Ids, and cursors, in which ids are encoded."""
GUESSES: dict[str, tuple[str, Any, Any]] = {
    "saveContact.name": ("contact", "zq-contact", "Wrong"),
    "saveContact.email": ("contact", "zq-email@a.example", "wrong@a.example"),
    "saveCustomer.name": ("customer", "zq-customer", "Wrong"),
    "saveCustomer.profile.registeredAddress": (
        "customer",
        {"addressLine1": "zq-address"},
        {"addressLine1": "Wrong"},
    ),
}
"""By mutation and path in its input: which stored object, its stored value, and another value."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(databases: Databases) -> AsyncIterator[Api]:
    """Yield a shared application where personal data needs its scope."""
    async with running_api(databases, Clock(), **MASKING) as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ids(api: Api) -> dict[str, str]:
    """Create the personal data, a verified address and a preference; return the ids."""
    world = await add_marked_world(api)
    await Contact.filter(id=world["contact"]).update(email_verified_at=api.clock())
    await api.done("requestAttachmentPreference", "", contactId=world["contact"])
    return world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def masked(api: Api) -> str:
    """Return a token with all permissions except reading personal data."""
    return await masked_token(api)


def written(guess: str, id_: str, value: Any) -> tuple[str, Json]:
    """Return the mutation of a guess, and an input that writes the value at its path."""
    mutation, *path = guess.split(".")
    for name in reversed(path):
        value = {name: value}
    return mutation, {"id": id_, **value}


def masked_inputs() -> Iterator[str]:
    """Yield, by mutation and path, each input field that writes a masked field of an object.

    The object is in the payload, and has a version because it can be edited; the input field has
    the name of the object's field. Of a masked object value, it is the fields that hold personal
    entries.
    """
    mutations = the_schema()._schema.mutation_type
    assert mutations is not None
    for name, mutation in mutations.fields.items():
        payload, given = get_named_type(mutation.type), get_named_type(mutation.args["input"].type)
        assert isinstance(payload, GraphQLObjectType)
        assert isinstance(given, GraphQLInputObjectType)
        for field in payload.fields.values():
            saved = get_named_type(field.type)
            if isinstance(saved, GraphQLObjectType) and "version" in saved.fields:
                for path in _masked_paths(given, saved):
                    yield f"{name}.{path}"


def _masked_paths(given: GraphQLInputObjectType, saved: GraphQLObjectType) -> Iterator[str]:
    for name in given.fields.keys() & saved.fields.keys():
        if PERSONAL not in saved.fields[name].extensions[DEFINITION].metadata:
            continue
        inner = get_named_type(given.fields[name].type)
        parts = inner.fields if isinstance(inner, GraphQLInputObjectType) else {}
        personal = {
            part
            for part, field in parts.items()
            if field.extensions[DEFINITION].python_name in PERSONAL_ENTRIES
        }
        yield from [f"{name}.{part}" for part in personal] or [name]


async def answer(api: Api, mutation: str, values: Json, token: str) -> str:
    """Return the full response of a dry run, without ids that are new each time."""
    response = await api.post(whole(mutation), {"input": {**values, "dryRun": True}}, token=token)
    assert "errors" not in response.json(), response.json()["errors"]
    return NEW_IDS.sub(r"\1", response.text)


async def test_every_masked_field_that_clients_write_is_guessed() -> None:
    assert_complete(
        "GUESSES in tests/schema/test_masked_guesses.py",
        GUESSES,
        masked_inputs(),
        "the object of add_marked_world with the field, its stored value, and another value",
    )


@pytest.mark.parametrize("guess", GUESSES)
async def test_a_dry_run_answers_right_and_wrong_guesses_alike(
    api: Api, ids: dict[str, str], masked: str, guess: str
) -> None:
    """R93: in version, history, user errors and everything below the payload.

    The right guess is right: to callers who see the value, writing it is like writing nothing.
    """
    name, right, wrong = GUESSES[guess]
    mutation, _ = written(guess, ids[name], right)
    inputs = [written(guess, ids[name], value)[1] for value in (right, wrong)]
    told = [await answer(api, mutation, one, masked) for one in inputs]
    assert told[0] == told[1], (
        "Name the field among those that are unseen: PERSONAL_FIELDS in"
        " models/changes/contact_editing.py, or _unseen in models/changes/customer_editing.py."
    )
    unchanged = await answer(api, mutation, {"id": ids[name]}, api.token)
    seen = [await answer(api, mutation, one, api.token) for one in inputs]
    assert seen[0] == unchanged
    assert seen[1] != unchanged


async def test_writing_an_address_unseen_ends_what_belonged_to_it_whatever_it_was(
    api: Api, ids: dict[str, str], masked: str
) -> None:
    """R62: not only in dry runs. If the caller can see the address, it stays verified."""
    fields = "contact { isEmailVerified version auditTrail { nodes { operation after } } }"
    values = {"id": ids["contact"], "email": "zq-email@a.example"}
    kept = await api.done("saveContact", fields, **values)
    assert kept["contact"]["isEmailVerified"] is True
    lost = await api.done("saveContact", fields, token=masked, **values)
    assert lost["contact"]["isEmailVerified"] is False
    assert lost["contact"]["version"] == kept["contact"]["version"] + 1
    trail = lost["contact"]["auditTrail"]["nodes"]
    edits = [one for one in trail if one["operation"] == "CONTACT_EDITED"]
    assert edits[0]["after"] == {"email": "***"}


async def test_a_key_of_the_same_user_tells_nothing_of_what_was_said(
    api: Api, ids: dict[str, str], act: ActorContext
) -> None:
    """R57, R93: only the credential that recorded it learns that the content was equal."""
    database = api.platform.database
    customer = await Customer.get(id=ids["customer"])
    user = Principal("tok_1", "Desk", frozenset(Scope), user_id="usr_1", user_name="Uma")
    mine = replace(act, principal=user, is_masked=True)
    other = replace(mine, principal=replace(user, id="tok_2"))
    await record_consent(database, mine, customer, key="shared", given_by="zq-giver")
    again = await record_consent(database, mine, customer, key="shared", given_by="zq-giver")
    assert again.is_replayed
    told = []
    for given_by in ("zq-giver", "Wrong"):
        with pytest.raises(Refused) as caught:
            await record_consent(database, other, customer, key="shared", given_by=given_by)
        told.append(caught.value.refusals)
    assert told[0] == told[1]
    seen = replace(other, is_masked=False)
    repeat = await record_consent(database, seen, customer, key="shared", given_by="zq-giver")
    assert repeat.is_replayed


async def test_a_limit_of_requests_tells_of_no_other_contact(
    api: Api, ids: dict[str, str], masked: str
) -> None:
    """R93: nor how often requests were sent to an email address."""
    for _ in range(5):
        await Confirmation.create(
            kind="EMAIL_VERIFICATION",
            contact_id=ids["contact"],
            customer_id=ids["customer"],
            email="busy@a.example",
            email_key=email_key("busy@a.example"),
            requested_at=api.clock(),
            requested_by_id="tok_1",
            requested_by="Tess",
        )
    own = (await api.save_customer())["id"]
    given = {"customerId": own, "name": "Own", "email": "busy@a.example"}
    made = (await api.done("saveContact", "contact { id }", **given))["contact"]["id"]
    asked = {"contactId": made, "dryRun": True}
    await api.refused("requestEmailVerification", "TOO_MANY_REQUESTS", **asked)
    await api.done("requestEmailVerification", "", token=masked, **asked)
