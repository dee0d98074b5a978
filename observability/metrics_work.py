"""Counts what workers do: attempts of jobs, register calls, accounts, and posts of webhooks.

The workers, the client for Companies House and the sender of webhooks call these methods as
listeners; `opening.py` and `workers.py` pass them on. Labels come from our own enumerations.
"""

from datetime import datetime
from itertools import product

from models.jobs.job_attempt import AttemptReport
from models.jobs.kinds import CONFIRMATION_MAIL, ENRICH, IMPORT, WEBHOOK_NOTICE
from models.jobs.webhook_outcomes import AttemptResult
from observability.metrics import (
    OTHER,
    CappedLabel,
    Counter,
    Family,
    Histogram,
    counter,
    families_of,
    histogram,
)

DURATIONS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
WAITS_S = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400)
LAGS_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3_600, 86_400)
MAX_REASONS = 60
"""The number of different reasons of jobs that are labels; they are codes of the program."""

JOB_ATTEMPTS = counter(
    "job_attempts",
    "Attempts of jobs that ended: `done`, `put_back` (retried later), `released` (continued later),"
    " `given_up`, `lost`, `interrupted` or `not_recorded`.",
    *("kind", "outcome"),
)
JOB_SECONDS = histogram("job_duration_seconds", "Duration of attempts of jobs.", "kind")
JOB_WAIT_SECONDS = histogram(
    "job_wait_seconds", "Time from when a job was ready until a worker started it.", "kind"
)
LOOKUPS = counter(
    "lookups",
    "Attempts of lookups at Companies House, by the status that they ended with and its reason;"
    " `RETRYING` if the lookup goes on later, and `FAILED` if it was given up.",
    *("status", "reason"),
)
MAILS = counter(
    "mails",
    "Attempts to send mails: `SENT`, `NOT_NEEDED`, `UNDELIVERABLE`, `REMOVED` (copies of an erased"
    " contact's mails), `DELAYED`, `HELD` (too many for one recipient) or `GIVEN_UP`.",
    *("kind", "outcome"),
)
IMPORTS = counter("imports", "Imports of files that ended, by their state.", "state")
REGISTER_REQUESTS = counter(
    "register_requests",
    "Requests to Companies House that were sent, by the HTTP status of the answer; `unanswered` if"
    " there was none.",
    *("endpoint", "status"),
)
REGISTER_SECONDS = histogram(
    "register_request_duration_seconds",
    "Time until the head of an answer of Companies House came.",
    "endpoint",
)
ACCOUNTS = counter(
    "accounts_read",
    "Accounts documents, by the software that produced them, and outcome: `READ`, `PARTIAL` (some"
    " figures are unclear), the code of a refusal, or `READER_DIED`.",
    *("software", "outcome"),
)
WEBHOOK_ATTEMPTS = counter(
    "webhook_attempts",
    "Attempts to deliver webhooks: `DELIVERED`, or the code of the error.",
    "outcome",
)
WEBHOOK_SECONDS = histogram(
    "webhook_attempt_duration_seconds", "Duration of attempts to deliver webhooks."
)
WEBHOOK_LAG_SECONDS = histogram(
    "webhook_delivery_lag_seconds",
    "Time from when a delivery was appended until it was delivered, with all its attempts.",
)
DEFINITIONS = (
    JOB_ATTEMPTS,
    JOB_SECONDS,
    JOB_WAIT_SECONDS,
    LOOKUPS,
    MAILS,
    IMPORTS,
    REGISTER_REQUESTS,
    REGISTER_SECONDS,
    ACCOUNTS,
    WEBHOOK_ATTEMPTS,
    WEBHOOK_SECONDS,
    WEBHOOK_LAG_SECONDS,
)

KINDS = (ENRICH, CONFIRMATION_MAIL, WEBHOOK_NOTICE, IMPORT)
MAILING = frozenset({CONFIRMATION_MAIL, WEBHOOK_NOTICE})
MAIL_HELD = "HELD"


class WorkMetrics:
    """What the background work of this process did, counted."""

    def __init__(self) -> None:
        self._attempts = Counter(JOB_ATTEMPTS, product(KINDS, ("done", "given_up")))
        self._seconds = Histogram(JOB_SECONDS, DURATIONS_S)
        self._waits = Histogram(JOB_WAIT_SECONDS, WAITS_S)
        self._lookups = Counter(LOOKUPS)
        self._mails = Counter(MAILS, product(MAILING, ("SENT", "DELAYED", "GIVEN_UP")))
        self._imports = Counter(IMPORTS)
        self._register = Counter(REGISTER_REQUESTS)
        self._register_seconds = Histogram(REGISTER_SECONDS, DURATIONS_S)
        self._accounts = Counter(ACCOUNTS)
        self._webhooks = Counter(WEBHOOK_ATTEMPTS)
        self._webhook_seconds = Histogram(WEBHOOK_SECONDS, DURATIONS_S)
        self._webhook_lags = Histogram(WEBHOOK_LAG_SECONDS, LAGS_S)
        self._reasons = CappedLabel(MAX_REASONS)
        self._instruments = (
            *(self._attempts, self._seconds, self._waits, self._lookups, self._mails),
            *(self._imports, self._register, self._register_seconds, self._accounts),
            *(self._webhooks, self._webhook_seconds, self._webhook_lags),
        )

    def attempt(self, report: AttemptReport) -> None:
        """Count an attempt of a job that ended."""
        kind, ended = report.kind, report.event.removeprefix("job_")
        self._attempts.add((kind, ended))
        self._seconds.observe((kind,), report.duration_s)
        self._waits.observe((kind,), report.wait_s)
        if kind == ENRICH:
            status = report.outcome or {"given_up": "FAILED"}.get(ended, "RETRYING")
            self._lookups.add((status, self._reasons.of(report.reason or "none")))
        elif kind in MAILING:
            self._mails.add((kind, _mail_outcome(report, ended)))
        elif kind == IMPORT and (report.outcome is not None or ended == "given_up"):
            self._imports.add((report.outcome or "FAILED",))

    def register_request(self, endpoint: str, status: int | None, seconds: float) -> None:
        """Count a request to Companies House; `status` is None if it was not answered."""
        self._register.add((endpoint, "unanswered" if status is None else status))
        self._register_seconds.observe((endpoint,), seconds)

    def accounts(self, software: str, outcome: str) -> None:
        """Count an accounts document; `software` is of a fixed list."""
        self._accounts.add((software, outcome))

    def delivery(self, result: AttemptResult, appended_at: datetime) -> None:
        """Count an attempt to deliver a webhook, which was appended to its lane at an instant."""
        self._webhooks.add(("DELIVERED" if result.error is None else result.error.value,))
        self._webhook_seconds.observe((), result.duration.total_seconds())
        if result.error is None:
            lag = result.started_at + result.duration - appended_at
            self._webhook_lags.observe((), max(lag.total_seconds(), 0))

    def families(self) -> list[Family]:
        """Return what was counted."""
        return families_of(self._instruments)


def _mail_outcome(report: AttemptReport, ended: str) -> str:
    if report.outcome is not None:
        return report.outcome
    if ended == "given_up":
        return "GIVEN_UP"
    if report.reason == MAIL_HELD:
        return MAIL_HELD
    return "DELAYED" if ended == "put_back" else OTHER
