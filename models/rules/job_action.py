"""Decides what an operator may do with a job. PURE."""

import re
from enum import StrEnum, unique

_ID = re.compile(r"[a-z]{2,8}_[0-9a-z]{26}")
TRIES_LEFT = frozenset({"READY", "WAITING", "RUNNING"})
"""The states of jobs that have not ended."""

GIVEN_UP = "FAILED"


@unique
class JobFault(StrEnum):
    """Why a job was neither retried nor discarded."""

    NO_SUCH_JOB = "NO_SUCH_JOB"
    NOT_GIVEN_UP = "NOT_GIVEN_UP"
    HAS_ENDED = "HAS_ENDED"
    ANOTHER_WAITS = "ANOTHER_WAITS"
    LOOKUP_REPLACED = "LOOKUP_REPLACED"
    LOOKUP_NOT_APPLICABLE = "LOOKUP_NOT_APPLICABLE"
    MAIL_NOT_NEEDED = "MAIL_NOT_NEEDED"
    ERASURE_UNFINISHED = "ERASURE_UNFINISHED"
    IMPORT_HAS_ENDED = "IMPORT_HAS_ENDED"


class JobRefused(Exception):
    """An operator may not do this with the job, and nothing was changed."""

    def __init__(self, code: JobFault, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def refuse_retry(state: str) -> None:
    """Refuse to retry a job in a state; only jobs that were given up can be retried."""
    if state in TRIES_LEFT:
        raise JobRefused(
            JobFault.NOT_GIVEN_UP, f"The job is {state}, so a worker runs it without a retry."
        )
    if state != GIVEN_UP:
        raise JobRefused(
            JobFault.NOT_GIVEN_UP, f"The job is {state}; only FAILED jobs can be retried."
        )


def refuse_discard(state: str) -> None:
    """Refuse to discard a job in a state; jobs that are done or cancelled cannot be."""
    if state not in TRIES_LEFT and state != GIVEN_UP:
        raise JobRefused(
            JobFault.HAS_ENDED, f"The job is {state}, so there is nothing left to discard."
        )


def refuse_lookup(
    *, is_newest: bool, is_checked: bool, is_erased: bool, company_number: str | None
) -> None:
    """Refuse to repeat a customer's lookup that was given up.

    `is_newest` says whether no later lookup of the customer exists, `is_checked` whether their
    class is checked at Companies House.
    """
    if is_erased:
        raise JobRefused(JobFault.LOOKUP_NOT_APPLICABLE, "The customer was deleted.")
    if not is_newest:
        raise JobRefused(
            JobFault.LOOKUP_REPLACED, "A later lookup of the same customer has replaced this one."
        )
    if not is_checked:
        raise JobRefused(
            JobFault.LOOKUP_NOT_APPLICABLE,
            "The customer's class is no longer checked at Companies House.",
        )
    if company_number is None:
        raise JobRefused(
            JobFault.LOOKUP_NOT_APPLICABLE, "The customer no longer has a company number."
        )


def ids_of(payload: object) -> dict[str, str | list[str]]:
    """Return the ids in a job's payload, by name; nothing else of it is shown to anybody."""
    if not isinstance(payload, dict):
        return {}
    found: dict[str, str | list[str]] = {}
    for name, value in payload.items():
        if isinstance(value, str) and _ID.fullmatch(value):
            found[str(name)] = value
        elif isinstance(value, list):
            found[str(name)] = [one for one in value if isinstance(one, str) and _ID.fullmatch(one)]
    return found
