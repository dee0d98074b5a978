"""What an operator may do with a job, as truth tables."""

from typing import Any

import pytest

from models.jobs.job import JobState
from models.rules.job_action import (
    GIVEN_UP,
    TRIES_LEFT,
    JobFault,
    JobRefused,
    ids_of,
    refuse_discard,
    refuse_lookup,
    refuse_retry,
)

RUN, OTHER = "run_01h455vb4pex5vsknk084sn02q", "cus_01h455vb4pex5vsknk084sn02r"

STATES = [
    # state, why it is not retried, why it is not discarded
    (JobState.READY, JobFault.NOT_GIVEN_UP, None),
    (JobState.WAITING, JobFault.NOT_GIVEN_UP, None),
    (JobState.RUNNING, JobFault.NOT_GIVEN_UP, None),
    (JobState.DONE, JobFault.NOT_GIVEN_UP, JobFault.HAS_ENDED),
    (JobState.FAILED, None, None),
    (JobState.CANCELLED, JobFault.NOT_GIVEN_UP, JobFault.HAS_ENDED),
]

LOOKUPS: list[tuple[dict[str, Any], JobFault | None]] = [
    ({}, None),
    # an erased customer is told as such, whatever else is missing
    ({"is_erased": True, "company_number": None}, JobFault.LOOKUP_NOT_APPLICABLE),
    # a later lookup, whatever its result, has replaced this one
    ({"is_newest": False}, JobFault.LOOKUP_REPLACED),
    ({"is_newest": False, "is_checked": False}, JobFault.LOOKUP_REPLACED),
    ({"is_checked": False}, JobFault.LOOKUP_NOT_APPLICABLE),
    ({"company_number": None}, JobFault.LOOKUP_NOT_APPLICABLE),
]

PAYLOADS: list[tuple[object, dict[str, Any]]] = [
    ({"run_id": RUN, "customer_id": OTHER}, {"run_id": RUN, "customer_id": OTHER}),
    # nothing but ids, whatever its name
    ({"run_id": RUN, "name": "Ann Example", "email": "ann@example.com"}, {"run_id": RUN}),
    ({"customer_id": f"Ann {OTHER}"}, {}),
    ({"removed": [RUN, "ann@example.com", 7], "n": 3}, {"removed": [RUN]}),
    # rows that somebody wrote by hand
    (["run_id", RUN], {}),
    (None, {}),
    ("ann@example.com", {}),
]


def _fault(refused: pytest.ExceptionInfo[JobRefused]) -> JobFault:
    return refused.value.code


@pytest.mark.parametrize(("state", "retry", "discard"), STATES)
def test_what_may_be_done_depends_on_the_state(
    state: JobState, retry: JobFault | None, discard: JobFault | None
) -> None:
    for refuse, fault in ((refuse_retry, retry), (refuse_discard, discard)):
        if fault is None:
            refuse(state)
        else:
            with pytest.raises(JobRefused, match=state.value) as refused:
                refuse(state)
            assert _fault(refused) is fault


def test_the_rules_know_every_state() -> None:
    assert {state for state, *_ in STATES} == set(JobState)
    ended = {JobState.DONE, JobState.CANCELLED}
    assert TRIES_LEFT | {GIVEN_UP} | ended == {*JobState}


@pytest.mark.parametrize(("changes", "fault"), LOOKUPS)
def test_a_lookup_is_repeated_if_its_customer_still_needs_it(
    changes: dict[str, Any], fault: JobFault | None
) -> None:
    facts = {"is_newest": True, "is_checked": True, "is_erased": False, "company_number": "1"}
    if fault is None:
        refuse_lookup(**{**facts, **changes})
        return
    with pytest.raises(JobRefused) as refused:
        refuse_lookup(**{**facts, **changes})
    assert _fault(refused) is fault


@pytest.mark.parametrize(("payload", "ids"), PAYLOADS)
def test_of_a_payload_only_ids_are_shown(payload: object, ids: dict[str, Any]) -> None:
    assert ids_of(payload) == ids
