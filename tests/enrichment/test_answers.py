"""Interpreting the register's statuses and rate-limit headers."""

import pytest
from multidict import CIMultiDict

from enrichment import errors
from enrichment.answers import (
    fault_of,
    is_budget_empty,
    is_redirect,
    wait_after_refusal,
    wait_until_reset,
)
from enrichment.exchange import Answer

NOW = 1_760_000_000.0
IN_TWO_MINUTES = "Thu, 09 Oct 2025 08:55:20 GMT"


def headers(**named: str) -> CIMultiDict[str]:
    return CIMultiDict({name.replace("_", "-"): value for name, value in named.items()})


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, errors.BadRequest, "BAD_REQUEST"),
        (401, errors.Unauthorised, "UNAUTHORISED"),
        (403, errors.Forbidden, "FORBIDDEN"),
        (404, errors.NotFound, "NOT_FOUND"),
        (406, errors.NotAcceptable, "NOT_ACCEPTABLE"),
        (409, errors.UnexpectedStatus, "UNEXPECTED_STATUS"),
        (416, errors.UnexpectedStatus, "UNEXPECTED_STATUS"),
        (204, errors.UnexpectedStatus, "UNEXPECTED_STATUS"),
        (304, errors.UnexpectedStatus, "UNEXPECTED_STATUS"),
        (408, errors.ServerError, "SERVER_ERROR"),
        (429, errors.TooManyRequests, "TOO_MANY_REQUESTS"),
        (500, errors.ServerError, "SERVER_ERROR"),
        (501, errors.ServerError, "SERVER_ERROR"),
        (502, errors.GatewayError, "GATEWAY_ERROR"),
        (503, errors.GatewayError, "GATEWAY_ERROR"),
        (504, errors.GatewayError, "GATEWAY_ERROR"),
        (599, errors.ServerError, "SERVER_ERROR"),
    ],
)
def test_a_status_stands_for_one_fault(
    status: int, kind: type[errors.CompaniesHouseFault], code: str
) -> None:
    fault = fault_of(Answer(status, headers()), "host/path", now=NOW)
    assert type(fault) is kind
    assert fault.code == code
    assert fault.status == status
    assert str(fault) == f"{status} from host/path"


def test_success_and_redirects_are_no_faults() -> None:
    assert fault_of(Answer(200, headers()), "", now=NOW) is None
    for status in (301, 302, 303, 307, 308):
        assert is_redirect(status)
        assert fault_of(Answer(status, headers()), "", now=NOW) is None


def test_blocked_is_what_refused_keys_and_addresses_have_in_common() -> None:
    assert issubclass(errors.Unauthorised, errors.Blocked)
    assert issubclass(errors.Forbidden, errors.Blocked)
    assert not issubclass(errors.NotFound, errors.Blocked)


def test_a_spent_budget_is_no_fault_of_the_register() -> None:
    assert not issubclass(errors.BudgetSpent, errors.CompaniesHouseFault)
    assert errors.BudgetSpent(12.5).wait == 12.5


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (headers(Retry_After="7"), 7.0),
        (headers(retry_after="7", x_ratelimit_reset=str(NOW + 99)), 7.0),  # any case, and first
        (headers(Retry_After=IN_TWO_MINUTES), 120.0),
        (headers(Retry_After="0"), 1.0),
        (headers(Retry_After="-5"), 1.0),
        (headers(Retry_After="86400"), 310.0),
        (headers(Retry_After="soon"), 300.0),
        (headers(Retry_After="9" * 400), 300.0),
        (headers(Retry_After="\u0667"), 300.0),
        (headers(X_Ratelimit_Reset=str(int(NOW) + 42)), 42.0),
        (headers(X_RateLimit_Reset=str(int(NOW) - 42)), 1.0),  # in the past
        (headers(X_Ratelimit_Reset=str(int(NOW) + 9_999)), 310.0),
        (headers(X_Ratelimit_Reset="never"), 300.0),
        (headers(X_Ratelimit_Reset="nan"), 300.0),
        (headers(), 300.0),
    ],
)
def test_a_refusal_says_how_long_to_wait_within_bounds(
    given: CIMultiDict[str], seconds: float
) -> None:
    assert wait_after_refusal(given, now=NOW) == seconds


def test_a_gateway_may_say_how_long_to_wait_too() -> None:
    fault = fault_of(Answer(503, headers(Retry_After="30")), "", now=NOW)
    assert isinstance(fault, errors.GatewayError)
    assert fault.retry_after == 30.0


@pytest.mark.parametrize(
    ("given", "is_empty"),
    [
        (headers(X_Ratelimit_Remain="0"), True),
        (headers(X_RateLimit_Remaining="0"), True),
        (headers(x_ratelimit_remaining=" 0 "), True),
        (headers(X_Ratelimit_Remain="-1"), True),
        (headers(X_Ratelimit_Remain="1"), False),
        (headers(X_Ratelimit_Remain="none"), False),
        (headers(), False),
    ],
)
def test_the_last_request_allowed_is_seen_in_either_spelling(
    given: CIMultiDict[str], *, is_empty: bool
) -> None:
    assert is_budget_empty(given) is is_empty


def test_waiting_for_the_reset_is_bounded() -> None:
    assert wait_until_reset(headers(X_Ratelimit_Reset=str(int(NOW) + 10)), now=NOW) == 10.0
    assert wait_until_reset(headers(), now=NOW) == 300.0
