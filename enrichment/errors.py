"""What can go wrong between us and Companies House, as one tree.

    CompaniesHouseFault
    ├── PermanentFault            asking again will not help
    │   ├── BadRequest            400
    │   ├── Blocked               the key or our address is refused: stop all work, tell somebody
    │   │   ├── Unauthorised      401
    │   │   └── Forbidden         403
    │   ├── NotFound              404, also "none of these for this company"
    │   ├── NotAcceptable         406, the document has no such content type
    │   ├── UnexpectedStatus      any other status that is neither success nor 5xx
    │   ├── RedirectRefused       sent to a place we do not follow
    │   ├── InvalidDocumentLink   a document link that holds no document id
    │   └── DocumentTooLarge      more bytes than we are willing to read
    └── TransientFault            asking again later may help
        ├── TooManyRequests       429, with the seconds to wait
        ├── ServerError           5xx
        │   └── GatewayError      502, 503, 504
        ├── TimedOut
        ├── ConnectionFailed
        ├── StorageFault          the store behind the Document API refused or failed
        └── BadPayload            not JSON, or not of the shape we need

    BudgetSpent                   our own request budget has no room now: nobody's fault, no attempt

No message holds a key, a signed URL or text sent by the server.
"""

from typing import ClassVar


class CompaniesHouseFault(Exception):
    """Something came back that is not the answer; `code` is stable and safe to store and show."""

    code: ClassVar[str] = "COMPANIES_HOUSE_FAULT"

    def __init__(self, message: str = "", *, status: int | None = None) -> None:
        super().__init__(message or self.code)
        self.status = status


class PermanentFault(CompaniesHouseFault):
    """Asking again will not help (R90: not retried)."""

    code: ClassVar[str] = "PERMANENT_FAULT"


class BadRequest(PermanentFault):
    """400: the request itself was refused."""

    code: ClassVar[str] = "BAD_REQUEST"


class Blocked(PermanentFault):
    """The key or our address is refused: every other request would be too."""

    code: ClassVar[str] = "BLOCKED"


class Unauthorised(Blocked):
    """401: the key is missing, wrong or of another kind."""

    code: ClassVar[str] = "UNAUTHORISED"


class Forbidden(Blocked):
    """403: the key may not do this, or our address is out of favour."""

    code: ClassVar[str] = "FORBIDDEN"


class NotFound(PermanentFault):
    """404: no such company, document, or none of the filings asked for."""

    code: ClassVar[str] = "NOT_FOUND"


class NotAcceptable(PermanentFault):
    """406: the document does not exist in the content type asked for."""

    code: ClassVar[str] = "NOT_ACCEPTABLE"


class UnexpectedStatus(PermanentFault):
    """A status that has no place in the protocol, such as 409 or 416."""

    code: ClassVar[str] = "UNEXPECTED_STATUS"


class RedirectRefused(PermanentFault):
    """Sent to a place that is not on the list of those we follow."""

    code: ClassVar[str] = "REDIRECT_REFUSED"


class InvalidDocumentLink(PermanentFault):
    """A document link from which no document id can be read."""

    code: ClassVar[str] = "INVALID_DOCUMENT_LINK"


class DocumentTooLarge(PermanentFault):
    """The document is larger than the cap, in bytes after decompression."""

    code: ClassVar[str] = "DOCUMENT_TOO_LARGE"


class TransientFault(CompaniesHouseFault):
    """Asking again later may help (R90); `retry_after` is a wait in seconds, if one was given."""

    code: ClassVar[str] = "TRANSIENT_FAULT"

    def __init__(
        self, message: str = "", *, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message, status=status)
        self.retry_after = retry_after


class TooManyRequests(TransientFault):
    """429: over the limit; `retry_after` is always given, in seconds, and bounded."""

    code: ClassVar[str] = "TOO_MANY_REQUESTS"

    retry_after: float

    def __init__(self, message: str = "", *, retry_after: float) -> None:
        super().__init__(message, status=429, retry_after=retry_after)


class ServerError(TransientFault):
    """A 5xx answer."""

    code: ClassVar[str] = "SERVER_ERROR"


class GatewayError(ServerError):
    """502, 503 or 504, usually a page of HTML from the gateway and over in a moment."""

    code: ClassVar[str] = "GATEWAY_ERROR"


class TimedOut(TransientFault):
    """No whole answer within the time allowed."""

    code: ClassVar[str] = "TIMED_OUT"


class ConnectionFailed(TransientFault):
    """The connection could not be made, or broke before the answer was whole."""

    code: ClassVar[str] = "CONNECTION_FAILED"


class StorageFault(TransientFault):
    """The store refused or failed; its links live 60 seconds, so a new one may work."""

    code: ClassVar[str] = "DOCUMENT_STORAGE"


class BadPayload(TransientFault):
    """A success whose body is not JSON, too large, or without what every answer has."""

    code: ClassVar[str] = "BAD_PAYLOAD"


class BudgetSpent(Exception):
    """The shared request budget has no room within a few seconds; come back in `wait` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"no request budget for {wait:.1f} s")
        self.wait = wait
