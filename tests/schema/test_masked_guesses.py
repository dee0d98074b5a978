"""Callers who may not see a value cannot find it out by writing guesses (R93)."""

import re
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from models import Confirmation, Contact, Customer
from models.rules.email_address import email_key
from models.rules.errors import Refused
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from tests.clock import Clock
from tests.databases import Databases
from tests.factories import record_consent
from tests.graphql_client import Api, Json, running_api
from tests.marked_world import MASKING, add_marked_world, masked_token
from tests.schema.whole_rows import whole

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEW_IDS = re.compile(r"\b([a-z]{3}_)[0-9a-z]{26}\b|(?<=requestId\":\")[^\"]+")
GUESSES: dict[str, tuple[str, Json, Json]] = {
    "name of a contact": (
        "saveContact",
        {"id": "contact", "name": "zq-contact"},
        {"id": "contact", "name": "Wrong"},
    ),
    "email address": (
        "saveContact",
        {"id": "contact", "email": "zq-email@a.example"},
        {"id": "contact", "email": "wrong@a.example"},
    ),
    "name of an individual": (
        "saveCustomer",
        {"id": "customer", "name": "zq-customer"},
        {"id": "customer", "name": "Wrong"},
    ),
    "address of an individual": (
        "saveCustomer",
        {"id": "customer", "profile": {"registeredAddress": {"addressLine1": "zq-address"}}},
        {"id": "customer", "profile": {"registeredAddress": {"addressLine1": "Wrong"}}},
    ),
}
"""Possible guesses: a mutation, an input with the stored value, and one with another value."""


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


def aimed(values: Json, ids: dict[str, str]) -> Json:
    """Replace names in id fields by the ids of these objects."""
    return {
        name: ids.get(value, value)
        if isinstance(value, str) and name.lower().endswith("id")
        else value
        for name, value in values.items()
    }


async def answer(api: Api, mutation: str, values: Json, token: str) -> str:
    """Return the full response of a dry run, without ids that are new each time."""
    response = await api.post(whole(mutation), {"input": {**values, "dryRun": True}}, token=token)
    assert "errors" not in response.json(), response.json()["errors"]
    return NEW_IDS.sub(r"\1", response.text)


@pytest.mark.parametrize("guess", GUESSES)
async def test_a_dry_run_answers_right_and_wrong_guesses_alike(
    api: Api, ids: dict[str, str], masked: str, guess: str
) -> None:
    """R93: in version, history, user errors and everything below the payload."""
    mutation, right, wrong = GUESSES[guess]
    told = [await answer(api, mutation, aimed(one, ids), masked) for one in (right, wrong)]
    assert told[0] == told[1]
    seen = [await answer(api, mutation, aimed(one, ids), api.token) for one in (right, wrong)]
    assert seen[0] != seen[1]


async def test_writing_an_address_unseen_ends_what_belonged_to_it_whatever_it_was(
    api: Api, ids: dict[str, str], masked: str
) -> None:
    """R62: not only in dry runs. If the caller can see the address, it stays verified."""
    fields = "contact { isEmailVerified version auditTrail { operation after } }"
    values = {"id": ids["contact"], "email": "zq-email@a.example"}
    kept = await api.done("saveContact", fields, **values)
    assert kept["contact"]["isEmailVerified"] is True
    lost = await api.done("saveContact", fields, token=masked, **values)
    assert lost["contact"]["isEmailVerified"] is False
    assert lost["contact"]["version"] == kept["contact"]["version"] + 1
    edits = [one for one in lost["contact"]["auditTrail"] if one["operation"] == "contact.edited"]
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
    assert again.is_repeat
    told = []
    for given_by in ("zq-giver", "Wrong"):
        with pytest.raises(Refused) as caught:
            await record_consent(database, other, customer, key="shared", given_by=given_by)
        told.append(caught.value.refusals)
    assert told[0] == told[1]
    seen = replace(other, is_masked=False)
    repeat = await record_consent(database, seen, customer, key="shared", given_by="zq-giver")
    assert repeat.is_repeat


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
