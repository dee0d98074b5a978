"""What a save does to the customer's lookup, as a truth table."""

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
    # is checked, number, number of the current lookup, status | decision
    (False, None, None, NONE, Decision(NONE)),  # a class without the check never asks (R81)
    (False, ONE, None, NONE, Decision(NONE)),  # even with a number (R81)
    (False, ONE, None, SUCCEEDED, Decision(NONE)),  # moved away after the end of the lookup (R91)
    (False, ONE, None, NEEDS, Decision(NONE)),
    (False, ONE, None, CANCELLED, Decision(CANCELLED)),  # stays so (R91)
    (False, ONE, ONE, PENDING, Decision(CANCELLED, cancels=MOVED)),  # moved during it (R91)
    (False, ONE, ONE, RUNNING, Decision(CANCELLED, cancels=MOVED)),
    (False, ONE, ONE, RETRYING, Decision(CANCELLED, cancels=MOVED)),
    (False, None, ONE, RUNNING, Decision(CANCELLED, cancels=MOVED)),
    (True, ONE, None, NONE, Decision(PENDING, starts=True)),  # the first save (R81)
    (True, ONE, None, SUCCEEDED, Decision(PENDING, starts=True)),  # each save starts one (R81)
    (True, ONE, None, NEEDS, Decision(PENDING, starts=True)),  # a number was added
    (True, ONE, None, CANCELLED, Decision(PENDING, starts=True)),  # moved back to a checked class
    (True, ONE, ONE, PENDING, Decision(PENDING)),  # several saves make one lookup (R89)
    (True, ONE, ONE, RUNNING, Decision(RUNNING)),
    (True, ONE, ONE, RETRYING, Decision(RETRYING)),
    (True, TWO, ONE, PENDING, Decision(PENDING, starts=True, cancels=RENUMBERED)),  # R89
    (True, TWO, ONE, RUNNING, Decision(PENDING, starts=True, cancels=RENUMBERED)),
    (True, None, None, NONE, Decision(NEEDS)),  # no number (R87)
    (True, None, None, SUCCEEDED, Decision(NEEDS)),  # the number was cleared
    (True, None, ONE, RUNNING, Decision(NEEDS, cancels=RENUMBERED)),  # cleared during it (R89)
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
