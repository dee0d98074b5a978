"""Signs links to document storage, which expire, and checks the links of requests."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote, urlencode

_STAMP = "%Y%m%dT%H%M%SZ"
_SIGNATURE = "X-Amz-Signature"

Verdict = Literal["GOOD", "EXPIRED", "BAD_SIGNATURE"]


class LinkSigner:
    """Signs paths with a secret; the links are valid for `lifetime_s` seconds.

    The links have the query parameters of S3.
    """

    def __init__(self, secret: bytes, *, lifetime_s: int) -> None:
        self._secret = secret
        self._lifetime_s = lifetime_s

    def sign(self, path: str, *, now: float, age_s: float = 0.0) -> str:
        """Return path and query of a link that is signed as if `age_s` seconds before `now`.

        `now` is in epoch seconds.
        """
        query = {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": "SANDBOX/eu-west-2/s3/aws4_request",
            "X-Amz-Date": datetime.fromtimestamp(now - age_s, UTC).strftime(_STAMP),
            "X-Amz-Expires": str(self._lifetime_s),
            "X-Amz-Security-Token": "sandbox+token/with=signs",
            "X-Amz-SignedHeaders": "host",
        }
        query[_SIGNATURE] = self._signature(path, query)
        return f"{quote(path)}?{urlencode(query)}"

    def check(self, path: str, query: Mapping[str, str], *, now: float) -> Verdict:
        """Return whether a link is valid, expired, or has a wrong signature.

        `path` and `query` are decoded; `now` is in epoch seconds.
        """
        signed = {name: value for name, value in query.items() if name != _SIGNATURE}
        signature = query.get(_SIGNATURE, "").encode()
        if not hmac.compare_digest(self._signature(path, signed).encode(), signature):
            return "BAD_SIGNATURE"
        made = datetime.strptime(query["X-Amz-Date"], _STAMP).replace(tzinfo=UTC).timestamp()
        return "GOOD" if now < made + int(query["X-Amz-Expires"]) else "EXPIRED"

    def _signature(self, path: str, query: Mapping[str, str]) -> str:
        text = f"{path}\n{urlencode(sorted(query.items()))}"
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()
