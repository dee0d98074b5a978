"""Counting requests in a time window, and signing links that expire."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from enrichment.sandbox.signing import LinkSigner
from enrichment.sandbox.throttle import Allowance, Throttle


def test_a_fixed_window_begins_with_a_keys_first_request_and_then_starts_afresh() -> None:
    throttle = Throttle(limit=2, window_s=10.0)
    assert throttle.admit("a", 100.0) == Allowance(True, 2, 1, 110)
    assert throttle.admit("a", 109.0) == Allowance(True, 2, 0, 110)
    assert throttle.admit("a", 109.9) == Allowance(False, 2, 0, 110)
    assert throttle.admit("a", 110.0) == Allowance(True, 2, 1, 120)
    assert throttle.admit("a", 110.0) == Allowance(True, 2, 0, 120)


def test_a_rolling_window_lets_in_one_for_each_that_leaves() -> None:
    throttle = Throttle(limit=2, window_s=10.0, is_rolling=True)
    assert throttle.admit("a", 100.0).is_allowed
    assert throttle.admit("a", 109.0).is_allowed
    assert throttle.admit("a", 110.0) == Allowance(True, 2, 0, 119)
    assert throttle.admit("a", 110.1) == Allowance(False, 2, 0, 119)


def test_keys_are_counted_apart() -> None:
    throttle = Throttle(limit=1, window_s=10.0)
    assert throttle.admit("a", 0.0).is_allowed
    assert throttle.admit("b", 0.0).is_allowed
    assert not throttle.admit("a", 1.0).is_allowed


def test_a_signed_link_is_good_for_its_lifetime_only() -> None:
    signer = LinkSigner(b"secret", lifetime_s=60)
    path, query = _split(signer.sign("/docs/a/application-xhtml-xml", now=1_000.0))
    assert signer.check(path, query, now=1_059.9) == "GOOD"
    assert signer.check(path, query, now=1_060.0) == "EXPIRED"
    assert query["X-Amz-Expires"] == "60"


@pytest.mark.parametrize("name", ["X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature"])
def test_a_link_that_was_tampered_with_is_bad(name: str) -> None:
    signer = LinkSigner(b"secret", lifetime_s=60)
    path, query = _split(signer.sign("/docs/a/application-pdf", now=1_000.0))
    assert signer.check(path, query | {name: "99"}, now=1_000.0) == "BAD_SIGNATURE"
    assert signer.check("/docs/b/application-pdf", query, now=1_000.0) == "BAD_SIGNATURE"
    assert signer.check(path, {}, now=1_000.0) == "BAD_SIGNATURE"


def _split(link: str) -> tuple[str, dict[str, str]]:
    parts = urlsplit(link)
    query = parse_qs(parts.query)
    return unquote(parts.path), {name: values[0] for name, values in query.items()}
