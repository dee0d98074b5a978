"""What a save means for the lookup, as a truth table."""

import pytest

from models.changes.lookup import Decision, decide
from models.rules.enrichment_status import EnrichmentReason, EnrichmentStatus

PENDING, RUNNING, RETRYING = (
    EnrichmentStatus.PENDING,
    EnrichmentStatus.RUNNING,
    EnrichmentStatus.RETRYING,
)
NONE = EnrichmentStatus.NOT_APPLICABLE
CANCELLED, SUCCEEDED = EnrichmentStatus.CANCELLED, EnrichmentStatus.SUCCEEDED
NEEDS = EnrichmentStatus.NEEDS_COMPANY_NUMBER
MOVED, RENUMBERED = EnrichmentReason.CLASS_CHANGED, EnrichmentReason.COMPANY_NUMBER_CHANGED
ONE, TWO = "00000101", "00000102"

# fmt: off
CASES = (
    # checked, number, number of the lookup at work, status | decision
    (False, None, None, NONE, Decision(NONE)),  # a class without the check never asks (R81)
    (False, ONE, None, NONE, Decision(NONE)),  # nor with a number (R81)
    (False, ONE, None, SUCCEEDED, Decision(NONE)),  # moved away after the end of the lookup (R91)
    (False, ONE, None, NEEDS, Decision(NONE)),
    (False, ONE, None, CANCELLED, Decision(CANCELLED)),  # stays so on the next save (R91)
    (False, ONE, ONE, PENDING, Decision(CANCELLED, cancels=MOVED)),  # moved away meanwhile (R91)
    (False, ONE, ONE, RUNNING, Decision(CANCELLED, cancels=MOVED)),
    (False, ONE, ONE, RETRYING, Decision(CANCELLED, cancels=MOVED)),
    (False, None, ONE, RUNNING, Decision(CANCELLED, cancels=MOVED)),
    (True, ONE, None, NONE, Decision(PENDING, starts=True)),  # the first save (R81)
    (True, ONE, None, SUCCEEDED, Decision(PENDING, starts=True)),  # every save asks again (R81)
    (True, ONE, None, NEEDS, Decision(PENDING, starts=True)),  # the number has come
    (True, ONE, None, CANCELLED, Decision(PENDING, starts=True)),  # back in a checked class
    (True, ONE, ONE, PENDING, Decision(PENDING)),  # several saves make one lookup (R89)
    (True, ONE, ONE, RUNNING, Decision(RUNNING)),
    (True, ONE, ONE, RETRYING, Decision(RETRYING)),
    (True, TWO, ONE, PENDING, Decision(PENDING, starts=True, cancels=RENUMBERED)),  # R89
    (True, TWO, ONE, RUNNING, Decision(PENDING, starts=True, cancels=RENUMBERED)),
    (True, None, None, NONE, Decision(NEEDS)),  # nothing to ask by (R87)
    (True, None, None, SUCCEEDED, Decision(NEEDS)),  # the number was cleared
    (True, None, ONE, RUNNING, Decision(NEEDS, cancels=RENUMBERED)),  # cleared meanwhile (R89)
)
# fmt: on


@pytest.mark.parametrize(("is_checked", "number", "live_number", "status", "decision"), CASES)
def test_a_save_means_one_thing_for_the_lookup(
    is_checked: bool,
    number: str | None,
    live_number: str | None,
    status: EnrichmentStatus,
    decision: Decision,
) -> None:
    """R81, R87, R89, R91."""
    assert decision == decide(
        is_checked=is_checked, company_number=number, live_number=live_number, status=status
    )


def test_the_live_states_are_those_with_a_job() -> None:
    assert {status for status in EnrichmentStatus if status.is_live} == {PENDING, RUNNING, RETRYING}
