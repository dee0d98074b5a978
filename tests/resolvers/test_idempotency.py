"""Idempotency keys: repeated and concurrent requests with one key have one result."""

import asyncio
from typing import Any

import pytest

from models import ConsentEntry, Customer
from models.tables.access import Scope
from tests.access_world import add_user, issue
from tests.graphql_client import Api, Json, document_of, stored
from tests.mutations import GRANT

ALL = [str(scope) for scope in (Scope.CUSTOMERS_WRITE, Scope.CONSENT_WRITE)]
SAVED = "customer { id name version consent { isGiven } } isReplayed"
INPUT: Json = {
    "name": "Acme",
    "classCode": "CHARITY",
    "externalReference": "r-1",
    "profile": {
        "employees": 7,
        "incorporatedOn": "2001-02-03",
        "netAssets": {"value": "12.50", "periodEndOn": "2020-03-31"},
        "registeredAddress": {"addressLine1": "1 Road"},
    },
    "consent": {**GRANT, "idempotencyKey": "k", "effectiveAt": "2026-09-01T12:00:00+02:00"},
}


def changed(**changes: Any) -> Json:
    """Return the input with changed fields; fields of its consent are given by their own names."""
    of_consent = {name: value for name, value in changes.items() if name in GRANT}
    others = {name: value for name, value in changes.items() if name not in GRANT}
    return {**INPUT, **others, "consent": {**INPUT["consent"], **of_consent}}


async def partner(api: Api, name: str) -> str:
    """Add a reseller with a user; return the secret of a token of that user."""
    reseller = await api.save_customer(name=name, classCode="RESELLER_OTHER")
    user = await add_user(api, f"User of {name}", *map(Scope, ALL), resellerId=reseller["id"])
    return str((await issue(api, user, *map(Scope, ALL)))["secret"])


async def test_the_same_request_creates_one_customer(api: Api) -> None:
    first = await api.done("saveCustomer", SAVED, **INPUT)
    before = await stored()
    variations: list[Json] = [{}, {"dryRun": True}]
    for variation in variations:
        again = await api.done("saveCustomer", SAVED, **INPUT, **variation)
        prefix = "dryrun:" if variation else ""
        shown = {**first["customer"], "id": f"{prefix}{first['customer']['id']}"}
        assert again == {**first, "customer": shown, "isReplayed": True}
        assert await stored() == before
    assert first["isReplayed"] is False
    another = {**INPUT["consent"], "idempotencyKey": "another"}
    other = await api.done(
        "saveCustomer", SAVED, **{**INPUT, "consent": another, "externalReference": "r-2"}
    )
    assert other["customer"]["id"] != first["customer"]["id"]


async def test_a_repeated_request_shows_the_customer_as_it_is_now(api: Api) -> None:
    first = await api.done("saveCustomer", SAVED, **INPUT)
    await api.save_customer(id=first["customer"]["id"], name="Renamed")
    again = await api.done("saveCustomer", "customer { id name } isReplayed", **INPUT)
    assert again["customer"] == {"id": first["customer"]["id"], "name": "Renamed"}


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "Other"},
        {"classCode": "SOLE_TRADER"},
        {"externalReference": None},
        {"companyNumber": "101"},
        {"profile": {**INPUT["profile"], "employees": 8}},
        {"profile": {**INPUT["profile"], "incorporatedOn": "2001-02-04"}},
        {"profile": {**INPUT["profile"], "netAssets": {"value": "12.51"}}},
        {"profile": None},
        {"givenBy": "Bob"},
        {"method": "EMAIL"},
    ],
)
async def test_the_same_key_with_other_content_is_refused(api: Api, changes: Json) -> None:
    await api.done("saveCustomer", SAVED, **INPUT)
    (refusal,) = await api.refused("saveCustomer", "IDEMPOTENCY_KEY_REUSED", **changed(**changes))
    assert refusal["path"] == ["consent", "idempotencyKey"]


async def test_a_refused_request_does_not_use_its_key_up(api: Api) -> None:
    await api.refused("saveCustomer", "BLANK", **changed(name=" "))
    assert not (await api.done("saveCustomer", SAVED, **INPUT))["isReplayed"]


async def test_the_key_of_a_deleted_customer_is_refused(api: Api) -> None:
    first = await api.done("saveCustomer", SAVED, **INPUT)
    await api.done("deleteCustomer", "deletedId", id=first["customer"]["id"])
    await api.refused("saveCustomer", "IDEMPOTENCY_KEY_REUSED", **INPUT)


async def test_requests_that_come_at_once_create_one_customer(api: Api) -> None:
    before = await Customer.all().count()
    payloads = await asyncio.gather(
        *(api.done("saveCustomer", SAVED, **INPUT) for _ in range(8)),
    )
    assert len({one["customer"]["id"] for one in payloads}) == 1
    assert sorted(one["isReplayed"] for one in payloads) == [False] + [True] * 7
    assert await Customer.all().count() == before + 1


async def test_requests_with_other_content_that_come_at_once_create_one_customer(
    api: Api,
) -> None:
    before = await Customer.all().count()
    payloads = await asyncio.gather(
        *(api.do("saveCustomer", SAVED, **changed(name=f"Acme {n}")) for n in range(6)),
    )
    codes = [error["code"] for one in payloads for error in one["userErrors"]]
    assert codes == ["IDEMPOTENCY_KEY_REUSED"] * 5
    assert await Customer.all().count() == before + 1


async def test_a_key_belongs_to_its_caller_alone(api: Api) -> None:
    """R95, R99: equal keys of two callers neither collide nor reveal anything."""
    secrets = [await partner(api, "A"), await partner(api, "B"), api.token]
    made = [await api.done("saveCustomer", SAVED, token=one, **INPUT) for one in secrets]
    assert [one["isReplayed"] for one in made] == [False] * 3
    assert len({one["customer"]["id"] for one in made}) == 3
    for secret, first in zip(secrets, made, strict=True):
        again = await api.done("saveCustomer", SAVED, token=secret, **INPUT)
        assert again == {**first, "isReplayed": True}


async def test_another_token_of_the_same_user_is_the_same_caller(api: Api) -> None:
    uma = await add_user(api, "Uma", *map(Scope, ALL))
    secrets = [(await issue(api, uma, *map(Scope, ALL)))["secret"] for _ in range(2)]
    made = [await api.done("saveCustomer", SAVED, token=one, **INPUT) for one in secrets]
    assert [one["isReplayed"] for one in made] == [False, True]


async def test_the_key_of_a_customer_out_of_reach_is_refused(api: Api) -> None:
    """R99: for example after the platform moved the customer to another reseller."""
    secret = await partner(api, "A")
    first = await api.done("saveCustomer", SAVED, token=secret, **INPUT)
    other = await api.save_customer(name="B", classCode="RESELLER_OTHER")
    await api.save_customer(id=first["customer"]["id"], parentId=other["id"])
    await api.refused("saveCustomer", "IDEMPOTENCY_KEY_REUSED", token=secret, **INPUT)


LEDGER: dict[str, tuple[Json, Json]] = {
    "recordConsent": (GRANT, {"givenBy": "Bob"}),
    "withdrawConsent": ({"method": "EMAIL"}, {"method": "PAPER"}),
    "requestNonItemisedBills": ({"method": "EMAIL"}, {"reason": "x"}),
    "withdrawNonItemisedBillsRequest": ({"method": "EMAIL"}, {"askedBy": "Bob"}),
    "correctConsent": (
        {"reason": "typo", "values": {"givenBy": "Bob"}},
        {"values": {"givenBy": "Eve"}},
    ),
}
"""Mutations that take a key: an input, and a change that makes it a different request."""


async def subject_of(api: Api, mutation: str) -> Json:
    """Return the part of the input with the id of a new customer or entry."""
    customer = await api.save_customer()
    if mutation != "correctConsent":
        return {"customerId": customer["id"]}
    recorded = await api.done("recordConsent", "entry { id }", customerId=customer["id"], **GRANT)
    return {"entryId": recorded["entry"]["id"]}


@pytest.mark.parametrize("mutation", LEDGER)
async def test_each_ledger_mutation_honours_its_key(api: Api, mutation: str) -> None:
    values, others = LEDGER[mutation]
    subject = await subject_of(api, mutation)
    sent = {**subject, **values, "idempotencyKey": "k"}
    before = await ConsentEntry.all().count()
    payloads = await asyncio.gather(
        *(api.done(mutation, "entry { id } isReplayed", **sent) for _ in range(4))
    )
    assert len({one["entry"]["id"] for one in payloads}) == 1
    assert sorted(one["isReplayed"] for one in payloads) == [False, True, True, True]
    assert await ConsentEntry.all().count() == before + 1
    await api.refused(mutation, "IDEMPOTENCY_KEY_REUSED", **{**sent, **others})


async def test_two_callers_use_the_same_key_for_one_customer(api: Api) -> None:
    """R95: the response does not reveal that another caller used the key."""
    customer = await api.save_customer()
    uma = await add_user(api, "Uma", *map(Scope, ALL))
    secret = (await issue(api, uma, *map(Scope, ALL)))["secret"]
    document = document_of("recordConsent", "entry { sequence } isReplayed")
    sent = {**GRANT, "customerId": customer["id"], "idempotencyKey": "k"}
    for sequence, (token, given_by) in enumerate(((api.token, "Ann"), (secret, "Bob")), 1):
        for is_replayed in (False, True):
            data = await api.data(document, token=token, input={**sent, "givenBy": given_by})
            assert data["recordConsent"] == {
                "entry": {"sequence": sequence},
                "isReplayed": is_replayed,
                "userErrors": [],
            }
