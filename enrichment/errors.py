"""Errors of requests to Companies House.

    CompaniesHouseFault
    ├── PermanentFault            retrying does not help
    │   ├── BadRequest            400
    │   ├── Blocked               the key or our address is refused: all requests stop
    │   │   ├── Unauthorised      401
    │   │   └── Forbidden         403
    │   ├── NotFound              404, also "none of these for this company"
    │   ├── NotAcceptable         406, the document has no such content type
    │   ├── UnexpectedStatus      any other status that is neither success nor 5xx
    │   ├── RedirectRefused       a redirect to a host that is not allowed
    │   ├── InvalidDocumentLink   a document link without a document id
    │   └── DocumentTooLarge      more bytes than the limit
    └── TransientFault            retrying later may help
        ├── TooManyRequests       429, with the seconds to wait
        ├── ServerError           5xx
        │   └── GatewayError      502, 503, 504
        ├── TimedOut
        ├── ConnectionFailed
        ├── StorageFault          the store behind the Document API refused or failed
        └── BadPayload            not JSON, or not of the shape we need

    BudgetSpent                   our own request budget is used up; no request was sent

No message of these errors contains a key, a signed URL or text sent by the server.
"""

from typing import ClassVar


class CompaniesHouseFault(Exception):
    """A request to Companies House failed; `code` never changes, and may be stored and shown."""

    code: ClassVar[str] = "COMPANIES_HOUSE_FAULT"

    def __init__(self, message: str = "", *, status: int | None = None) -> None:
        super().__init__(message or self.code)
        self.status = status


class PermanentFault(CompaniesHouseFault):
    """A failure for which a retry does not help, so the request is not retried (R90)."""

    code: ClassVar[str] = "PERMANENT_FAULT"


class BadRequest(PermanentFault):
    """400: the request itself was refused."""

    code: ClassVar[str] = "BAD_REQUEST"


class Blocked(PermanentFault):
    """The API key or our IP address is refused, so all other requests would be refused too."""

    code: ClassVar[str] = "BLOCKED"


class Unauthorised(Blocked):
    """401: the API key is missing, wrong or of another kind."""

    code: ClassVar[str] = "UNAUTHORISED"


class Forbidden(Blocked):
    """403: the API key lacks the permission, or our IP address is banned."""

    code: ClassVar[str] = "FORBIDDEN"


class NotFound(PermanentFault):
    """404: no such company, document or filings."""

    code: ClassVar[str] = "NOT_FOUND"


class NotAcceptable(PermanentFault):
    """406: the document does not exist in the requested content type."""

    code: ClassVar[str] = "NOT_ACCEPTABLE"


class UnexpectedStatus(PermanentFault):
    """A status that Companies House does not document, such as 409 or 416."""

    code: ClassVar[str] = "UNEXPECTED_STATUS"


class RedirectRefused(PermanentFault):
    """A redirect to a host that is not allowed."""

    code: ClassVar[str] = "REDIRECT_REFUSED"


class InvalidDocumentLink(PermanentFault):
    """A document link without a document id."""

    code: ClassVar[str] = "INVALID_DOCUMENT_LINK"


class DocumentTooLarge(PermanentFault):
    """The document is larger than the limit, in bytes after decompression."""

    code: ClassVar[str] = "DOCUMENT_TOO_LARGE"


class TransientFault(CompaniesHouseFault):
    """A failure for which a later retry may help (R90).

    `retry_after` is the wait in seconds that the server asked for; None if it did not.
    """

    code: ClassVar[str] = "TRANSIENT_FAULT"

    def __init__(
        self, message: str = "", *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class TooManyRequests(TransientFault):
    """429: over the rate limit; `retry_after` is always set, in seconds."""

    code: ClassVar[str] = "TOO_MANY_REQUESTS"

    retry_after: float

    def __init__(self, message: str = "", *, retry_after: float) -> None:
        super().__init__(message, status=429, retry_after=retry_after)


class ServerError(TransientFault):
    """A 5xx answer."""

    code: ClassVar[str] = "SERVER_ERROR"


class GatewayError(ServerError):
    """502, 503 or 504 from the gateway, usually a short failure."""

    code: ClassVar[str] = "GATEWAY_ERROR"


class TimedOut(TransientFault):
    """No complete answer within the timeout."""

    code: ClassVar[str] = "TIMED_OUT"


class ConnectionFailed(TransientFault):
    """The connection failed, or broke before the answer was complete."""

    code: ClassVar[str] = "CONNECTION_FAILED"


class StorageFault(TransientFault):
    """The document store refused a link or failed. A new link may work: they expire after 60 s."""

    code: ClassVar[str] = "DOCUMENT_STORAGE"


class BadPayload(TransientFault):
    """A successful answer whose body is not JSON, is too large, or lacks required members."""

    code: ClassVar[str] = "BAD_PAYLOAD"


class BudgetSpent(Exception):
    """Our own request budget is used up; retry after `wait` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"no request budget for {wait:.1f} s")
        self.wait = wait
