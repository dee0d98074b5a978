"""Scopes, and the tokens that carry them."""

from datetime import timedelta

import pytest

from models import AccessToken
from models.access import Principal, Scope, hash_of, issue_token, principal_of
from tests.conftest import Clock

CLASS_VIEW, CLASS_EDIT = Scope.CUSTOMER_CLASSES_READ, Scope.CUSTOMER_CLASSES_WRITE
CLASS_ADMIN = Scope.CUSTOMER_CLASSES_ADMINISTER
VIEW, EDIT, LOOK_UP = Scope.CUSTOMERS_READ, Scope.CUSTOMERS_WRITE, Scope.ENRICHMENT_RUN


@pytest.mark.parametrize(
    ("given", "allowed"),
    [
        (None, set()),  # no scope, no right
        (CLASS_VIEW, {CLASS_VIEW}),
        (CLASS_EDIT, {CLASS_VIEW, CLASS_EDIT}),  # edit implies view
        (CLASS_ADMIN, {CLASS_VIEW, CLASS_EDIT, CLASS_ADMIN}),  # and administer implies both
        (VIEW, {VIEW}),
        (EDIT, {VIEW, EDIT}),
        (LOOK_UP, {LOOK_UP}),  # stands alone
    ],
)
def test_a_stronger_scope_implies_the_weaker_ones(given: Scope | None, allowed: set[Scope]) -> None:
    """R93, A20."""
    principal = Principal("tok_a", "A", frozenset([given] if given else []))
    assert {scope for scope in Scope if principal.may(scope)} == allowed


@pytest.mark.usefixtures("database")
async def test_a_token_stands_for_its_principal_and_is_stored_hashed(clock: Clock) -> None:
    secret = await issue_token("Billing", frozenset({EDIT, CLASS_VIEW}), clock())
    token = await AccessToken.get()
    assert await principal_of(secret, clock()) == Principal(
        token.id, "Billing", frozenset({EDIT, CLASS_VIEW})
    )
    assert token.hash == hash_of(secret)
    assert secret not in repr(await AccessToken.all().values())
    assert secret.startswith(token.shown_prefix)
    assert await principal_of(secret + "x", clock()) is None


@pytest.mark.usefixtures("database")
async def test_an_expired_or_revoked_token_opens_nothing(clock: Clock) -> None:
    secret = await issue_token("Short", frozenset(), clock(), timedelta(hours=1))
    assert await principal_of(secret, clock.advance(timedelta(minutes=59))) is not None
    assert await principal_of(secret, clock.advance(timedelta(minutes=1))) is None
    secret = await issue_token("Long", frozenset(), clock())
    await AccessToken.filter(name="Long").update(revoked_at=clock())
    assert await principal_of(secret, clock()) is None


@pytest.mark.usefixtures("database")
async def test_scopes_of_another_version_are_dropped(clock: Clock) -> None:
    secret = await issue_token("Old", frozenset({VIEW}), clock())
    await AccessToken.all().update(scopes=["customers:read", "invoices:read"])
    principal = await principal_of(secret, clock())
    assert principal is not None
    assert principal.scopes == {VIEW}


@pytest.mark.usefixtures("database")
async def test_the_last_use_is_noted_to_the_minute(clock: Clock) -> None:
    secret = await issue_token("Busy", frozenset(), clock())
    first = clock()
    await principal_of(secret, first)
    await principal_of(secret, clock.advance(timedelta(seconds=59)))
    assert (await AccessToken.get()).last_used_at == first
    later = clock.advance(timedelta(seconds=1))
    await principal_of(secret, later)
    assert (await AccessToken.get()).last_used_at == later
