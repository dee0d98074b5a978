"""Finds the parts of an HTTP/1.1 request, and checks its head (RFC 9112). PURE."""

import re
from collections.abc import Sequence

MAX_HEAD_BYTES = 64 * 1024
"""The maximum number of bytes of the request line and the headers together."""

MAX_HEADERS = 100

MAX_FRAMING_BYTES = 16 * 1024
"""The maximum number of bytes of the chunk extensions and trailers of one body."""

CHUNK_LINE_BYTES = 20
"""Bytes of a chunk's size line that do not count as a chunk extension."""

HEAD_END = b"\r\n\r\n"
UPGRADE, LENGTH = b"\r\nupgrade:", b"\r\ncontent-length:"
MAX_LENGTH_DIGITS = 9
HEAD_START = re.compile(rb"[A-Z-]{1,32}(?: |\Z)")
"""Matches the beginning of an HTTP request; TLS and other protocols begin differently."""

LONE_LF = re.compile(rb"(?<!\r)\n")
OFFER = re.compile(rb"\r\nupgrade:[ \t]*+(?!websocket[ \t]*\r\n)[^\r\n]*(?=\r\n)", re.IGNORECASE)
"""Matches an Upgrade header that offers another protocol than WebSocket, such as `h2c`.

Java's HttpClient sends that one.
"""

HOST = re.compile(rb"[A-Za-z0-9._~!$&'()*+,;=%:\[\]-]*")
CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}(?=[;\r])")
ABSOLUTE = re.compile(rb"https?://[^/?#]*", re.IGNORECASE)
SINGLE = frozenset(
    {b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization"}
)
"""Headers that a request must not repeat: this service and a proxy could use different values."""

Headers = Sequence[tuple[bytes, bytes]]


class Malformed(Exception):
    """A request breaks the protocol; it is answered with `status`, and the connection is closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def find_head(unread: bytearray, searched: int) -> int | None:
    """Return the size in bytes of the head at the start of `unread`; None if it is incomplete.

    The first `searched` bytes are known not to contain the end of the head. Raises Malformed if the
    head is too large or is not HTTP.
    """
    place = unread.find(HEAD_END, searched)
    if place > MAX_HEAD_BYTES or (place < 0 and len(unread) > MAX_HEAD_BYTES):
        if unread.find(b"\r\n", 0, MAX_HEAD_BYTES) < 0:
            raise Malformed(414, f"The request line may have at most {MAX_HEAD_BYTES:,} bytes.")
        raise Malformed(431, f"The headers may have at most {MAX_HEAD_BYTES:,} bytes together.")
    if place >= 0:
        return place + len(HEAD_END)
    if unread and (not HEAD_START.match(unread) or LONE_LF.search(unread, max(0, searched))):
        raise Malformed(400, "The request is not HTTP/1.1.")
    return None


def is_one_request(data: bytes) -> bool:
    """Return whether `data` is exactly one request, with a Content-Length or without a body."""
    end = data.find(HEAD_END)
    if not 0 < end <= MAX_HEAD_BYTES:
        return False
    head = data[: end + 2].lower()
    if UPGRADE in head:
        return False
    size, start = 0, head.find(LENGTH)
    if start >= 0:
        start += len(LENGTH)
        digits = head[start : head.find(b"\r\n", start)].strip(b" \t")
        if not digits.isdigit() or len(digits) > MAX_LENGTH_DIGITS:
            return False
        size = int(digits)
    return len(data) == end + len(HEAD_END) + size


def without_upgrade_offers(head: bytes) -> bytes:
    """Return a head without Upgrade headers that offer other protocols than WebSocket.

    A server may ignore such offers (RFC 9110, 7.8). The parser would stop there and lose the body.
    """
    return OFFER.sub(b"", head) if UPGRADE in head.lower() else head


def target_of(method: bytes, target: bytes) -> bytes:
    """Return a request target as a path with its query, without the host of an absolute URL.

    Raises Malformed if it is neither a path nor a URL.
    """
    if target.startswith(b"/") or (method == b"OPTIONS" and target == b"*"):
        return target
    absolute = ABSOLUTE.match(target)
    if absolute is not None:
        rest = target[absolute.end() :]
        return rest if rest.startswith(b"/") else b"/" + rest
    raise Malformed(400, "The request target must be a path or an http URL.")


def check_head(version: str, method: bytes, headers: Headers) -> "Body":
    """Return the body that must follow a head; raises Malformed for a head that is not valid."""
    if version not in {"1.0", "1.1"}:
        raise Malformed(505, "The request must be HTTP/1.1 or HTTP/1.0.")
    if method == b"CONNECT":
        raise Malformed(501, "The method CONNECT is not supported.")
    if len(headers) > MAX_HEADERS:
        raise Malformed(431, f"A request may have at most {MAX_HEADERS} headers.")
    seen = _single_headers(headers)
    host = seen.get(b"host")
    if host is None and version == "1.1":
        raise Malformed(400, "An HTTP/1.1 request must have a Host header.")
    if host is not None and not HOST.fullmatch(host):
        raise Malformed(400, "The Host header must be a host, and maybe a port.")
    size, coding = int(seen.get(b"content-length", 0)), seen.get(b"transfer-encoding")
    if coding is None:
        return Body(size)
    if version == "1.0" or b"content-length" in seen:
        raise Malformed(400, "Transfer-Encoding needs HTTP/1.1, and excludes Content-Length.")
    if coding.strip().lower() != b"chunked":
        raise Malformed(501, "The only supported transfer coding is chunked.")
    return Body(is_chunked=True)


def _single_headers(headers: Headers) -> dict[bytes, bytes]:
    seen: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in SINGLE:
            if name in seen:
                raise Malformed(400, f"The header {name.decode()} must not be repeated.")
            seen[name] = value
    return seen


class Body:
    """Splits a body into parts, whether its size is known or it is chunked.

    A part of a chunked body is a chunk with its size line and line break, a piece of a large chunk,
    a trailer, or the empty line at the end. Of a body with a known size, the next part is all bytes
    that have been received.
    """

    def __init__(self, size: int = 0, *, is_chunked: bool = False) -> None:
        self.has_any = is_chunked or size > 0
        self._is_chunked = is_chunked
        self._left = size
        """Bytes of the body, or of the current chunk, that are still missing."""
        self._is_in_trailers = False
        self._framing = 0
        """Bytes of chunk extensions and trailers so far."""

    def next_part(self, unread: bytearray) -> int | None:
        """Return the size of the next part, at the start of `unread`; None if it is incomplete.

        Raises Malformed if the body breaks the protocol.
        """
        if self._left or not self._is_chunked:
            size = min(self._left, len(unread))
            self._left -= size
            return size or None
        end = unread.find(b"\r\n", 0, MAX_FRAMING_BYTES + CHUNK_LINE_BYTES)
        if end < 0:
            self._check_framing(len(unread) - CHUNK_LINE_BYTES)
            if LONE_LF.search(unread):
                raise Malformed(400, "A line of a chunked body must end with CR and LF.")
            return None
        line = end + 2
        if self._is_in_trailers:
            self._spend(line)
            return line
        digits = CHUNK_SIZE.match(unread)
        if digits is None:
            raise Malformed(400, "The size of a chunk must be 1 to 16 hexadecimal digits.")
        self._spend(max(0, line - CHUNK_LINE_BYTES))
        size = int(digits[0], 16)
        if size == 0:
            self._is_in_trailers = True
            return line
        whole = line + size + 2
        taken = min(whole, len(unread))
        self._left = whole - taken
        return taken

    def _spend(self, size: int) -> None:
        self._framing += size
        self._check_framing(0)

    def _check_framing(self, more: int) -> None:
        if self._framing + more > MAX_FRAMING_BYTES:
            most = f"{MAX_FRAMING_BYTES:,} bytes"
            if self._is_in_trailers:
                raise Malformed(431, f"A body may have at most {most} of extensions and trailers.")
            raise Malformed(400, f"A body may have at most {most} of chunk extensions.")
