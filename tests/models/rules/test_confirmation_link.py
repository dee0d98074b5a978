"""The state of a confirmation link, as a truth table."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.rules.confirmation_link import (
    LinkFacts,
    LinkState,
    VoidReason,
    confirming_link,
    withdrawing_link,
)

NOW = datetime(2026, 10, 1, tzinfo=UTC)
TICK = timedelta(microseconds=1)

CONFIRMING: list[tuple[dict[str, Any], LinkState]] = [
    ({}, LinkState.OPEN),
    ({"expires_at": NOW}, LinkState.EXPIRED),
    # used, also if it has since expired, been superseded or become void
    ({"used_at": NOW, "is_in_force": True}, LinkState.DONE),
    ({"used_at": NOW, "is_in_force": True, "expires_at": NOW}, LinkState.DONE),
    ({"used_at": NOW}, LinkState.DONE_BUT_OVER),
    ({"used_at": NOW, "is_same_address": False}, LinkState.DONE_BUT_OVER),
    # void takes precedence over expired
    ({"void_reason": VoidReason.SUPERSEDED, "expires_at": NOW}, LinkState.SUPERSEDED),
    ({"void_reason": VoidReason.ADDRESS_CHANGED}, LinkState.ADDRESS_CHANGED),
    ({"void_reason": VoidReason.WITHDRAWN}, LinkState.WITHDRAWN),
    ({"void_reason": VoidReason.CONTACT_DELETED}, LinkState.NO_LONGER_WANTED),
    ({"void_reason": VoidReason.CUSTOMER_ERASED}, LinkState.NO_LONGER_WANTED),
    # a changed address alone makes it void, and so does a deleted contact
    ({"is_same_address": False}, LinkState.ADDRESS_CHANGED),
    ({"is_gone": True, "used_at": NOW, "is_in_force": True}, LinkState.NO_LONGER_WANTED),
]
WITHDRAWING: list[tuple[dict[str, Any], LinkState]] = [
    ({}, LinkState.OPEN),
    ({"expires_at": NOW}, LinkState.EXPIRED),
    ({"used_at": NOW, "expires_at": NOW}, LinkState.DONE),
    # the state of the request does not matter
    ({"void_reason": VoidReason.SUPERSEDED}, LinkState.OPEN),
    ({"is_same_address": False}, LinkState.ADDRESS_CHANGED),
    ({"is_gone": True}, LinkState.NO_LONGER_WANTED),
]


@pytest.mark.parametrize(("facts", "state"), CONFIRMING)
def test_a_link_confirms_once_and_says_why_not(facts: dict[str, Any], state: LinkState) -> None:
    """R67, R62."""
    assert confirming_link(LinkFacts(**{"expires_at": NOW + TICK, **facts}), NOW) is state


@pytest.mark.parametrize(("facts", "state"), WITHDRAWING)
def test_a_link_withdraws_once_and_says_why_not(facts: dict[str, Any], state: LinkState) -> None:
    """R63."""
    assert withdrawing_link(LinkFacts(**{"expires_at": NOW + TICK, **facts}), NOW) is state
