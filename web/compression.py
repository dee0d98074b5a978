"""Compresses answers as their clients accept: as zstd, gzip or brotli.

Only apps that are wrapped in `Compressed` are compressed. The pages behind the links in mails must
not be: they hold a secret, and the size of a compressed page could help to guess it.

The encodings are in the order of preference. Level 1 of each is nearly as small as the others, and
much faster. One zstd context serves all answers, since making one takes longer than using it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from zlib import Z_FINISH, Z_SYNC_FLUSH

import brotli
from isal import isal_zlib
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from zstandard import COMPRESSOBJ_FLUSH_BLOCK, COMPRESSOBJ_FLUSH_FINISH, ZstdCompressor

from web.accept_encoding import accepted_encodings, preferred_encoding

MIN_BYTES = 1000
"""Shorter bodies are sent as they are. The length of a stream is unknown, so it is compressed."""

LEVEL = 1
GZIP_FORMAT = 31
"""The `wbits` of zlib for gzip, with the largest window."""

Part = Callable[[bytes, bool], bytes]
"""Compresses the next part of a body so that it can be decoded at once; True for the last part."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """A way to compress: a whole body at once, or a stream part by part."""

    name: str
    whole: Callable[[bytes], bytes]
    stream: Callable[[], Part]


def _zstd_stream() -> Part:
    stream = ZstdCompressor(LEVEL).compressobj()  # it may not share its context
    ends = (COMPRESSOBJ_FLUSH_BLOCK, COMPRESSOBJ_FLUSH_FINISH)
    return lambda data, is_last: stream.compress(data) + stream.flush(ends[is_last])


def _gzip_stream() -> Part:
    stream = isal_zlib.compressobj(LEVEL, wbits=GZIP_FORMAT)
    ends = (Z_SYNC_FLUSH, Z_FINISH)
    return lambda data, is_last: stream.compress(data) + stream.flush(ends[is_last])


def _brotli_stream() -> Part:
    stream = brotli.Compressor(quality=LEVEL)
    ends = (stream.flush, stream.finish)
    return lambda data, is_last: stream.process(data) + ends[is_last]()


ENCODINGS = (
    Encoding("zstd", ZstdCompressor(LEVEL).compress, _zstd_stream),
    Encoding("gzip", lambda body: isal_zlib.compress(body, LEVEL, GZIP_FORMAT), _gzip_stream),
    Encoding("br", lambda body: brotli.compress(body, quality=LEVEL), _brotli_stream),
)


BY_NAME = {one.name: one for one in ENCODINGS}
VARY = (b"vary", b"Accept-Encoding")


@lru_cache(maxsize=128)
def wanted_encoding(accepted: bytes) -> Encoding | None:
    """Return the encoding that an Accept-Encoding header prefers; None to compress nothing."""
    name = preferred_encoding(accepted.decode("latin-1"), tuple(BY_NAME))
    return None if name is None else BY_NAME[name]


class Compressed:
    """An app whose answers are compressed for clients that accept it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        encoding = wanted_encoding(accepted_encodings(scope["headers"]))
        send = _Sender(encoding, send)
        await self._app(scope, receive, send)


class _Sender:
    """Sends an answer: compressed, unless it is short and comes in one part.

    Without an encoding it is sent as it is, but caches are told that another client may get it
    compressed.
    """

    __slots__ = ("_encoding", "_next_part", "_send", "_start")

    def __init__(self, encoding: Encoding | None, send: Send) -> None:
        self._encoding = encoding
        self._send = send
        self._start: Message | None = None
        """The head of the answer, which waits for the first part of the body."""
        self._next_part: Part | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        body, has_more = message.get("body", b""), message.get("more_body", False)
        start, self._start = self._start, None
        if start is not None:
            if has_more or len(body) >= MIN_BYTES:
                body = message["body"] = self._begin(start, body, has_more=has_more)
            await self._send(start)
        if self._next_part is not None:
            message["body"] = self._next_part(body, not has_more)
        await self._send(message)

    def _begin(self, start: Message, body: bytes, *, has_more: bool) -> bytes:
        """Set the headers of an answer; return its body, compressed if it has only this part."""
        encoding = self._encoding
        if encoding is None:
            start["headers"] = [*start["headers"], VARY]
            return body
        kept = (header for header in start["headers"] if header[0] != b"content-length")
        start["headers"] = [*kept, (b"content-encoding", encoding.name.encode()), VARY]
        if has_more:
            self._next_part = encoding.stream()
            return body
        body = encoding.whole(body)
        start["headers"].append((b"content-length", b"%d" % len(body)))
        return body
