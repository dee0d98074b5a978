"""HTTP framing as truth tables: where parts of a request end, and which heads are refused."""

import re

import pytest

from web.http_framing import (
    MAX_FRAMING_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    Body,
    Malformed,
    check_head,
    find_head,
    target_of,
    without_upgrade_offers,
)

HOST = (b"host", b"a.example:80")
CHUNKED = (b"transfer-encoding", b"chunked")
SIZE = (b"content-length", b"5")


def parts_of(body: Body, text: bytes) -> list[bytes]:
    """Return the parts of a request body, read one by one as the connection does."""
    unread, parts = bytearray(text), []
    while (size := body.next_part(unread)) is not None:
        parts.append(bytes(unread[:size]))
        del unread[:size]
        if parts[-1] == b"\r\n":
            break
    return parts


@pytest.mark.parametrize(
    ("version", "method", "headers", "status"),
    [
        ("1.1", b"GET", [HOST], None),
        ("1.1", b"GET", [(b"host", b"")], None),  # an authority may be missing (RFC 9112, 3.2)
        ("1.1", b"GET", [(b"host", b"[::1]:8000")], None),
        ("1.0", b"GET", [], None),
        ("1.1", b"POST", [HOST, SIZE], None),
        ("1.1", b"POST", [HOST, (b"transfer-encoding", b" Chunked ")], None),
        ("1.1", b"GET", [HOST, (b"x", b"1"), (b"x", b"2")], None),
        ("1.1", b"GET", [], 400),
        ("1.1", b"GET", [HOST, HOST], 400),
        ("1.0", b"GET", [HOST, HOST], 400),
        ("1.1", b"GET", [(b"host", b"a/b")], 400),
        ("1.1", b"GET", [(b"host", b"user@a")], 400),
        ("1.1", b"GET", [(b"host", b"a b")], 400),
        ("1.1", b"GET", [(b"host", b"a, b")], 400),
        ("1.1", b"POST", [HOST, SIZE, SIZE], 400),
        ("1.1", b"POST", [HOST, SIZE, CHUNKED], 400),
        ("1.1", b"POST", [HOST, CHUNKED, CHUNKED], 400),
        ("1.0", b"POST", [HOST, CHUNKED], 400),
        ("1.1", b"POST", [HOST, (b"transfer-encoding", b"gzip, chunked")], 501),
        ("1.1", b"GET", [HOST, (b"authorization", b"a"), (b"authorization", b"b")], 400),
        ("1.1", b"POST", [HOST, (b"content-type", b"a"), (b"content-type", b"b")], 400),
        ("1.1", b"CONNECT", [HOST], 501),
        ("0.9", b"GET", [], 505),
        ("2.0", b"GET", [HOST], 505),
        ("1.1", b"GET", [HOST, *[(b"x", b"")] * (MAX_HEADERS - 1)], None),
        ("1.1", b"GET", [HOST, *[(b"x", b"")] * MAX_HEADERS], 431),
    ],
)
def test_a_head_is_taken_if_it_can_be_read_in_one_way_only(
    version: str, method: bytes, headers: list[tuple[bytes, bytes]], status: int | None
) -> None:
    if status is None:
        assert check_head(version, method, headers).has_any is (
            SIZE in headers or any(name == b"transfer-encoding" for name, _ in headers)
        )
        return
    with pytest.raises(Malformed) as refused:
        check_head(version, method, headers)
    assert refused.value.status == status


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        (b"GET", b"/a?b=c", b"/a?b=c"),
        (b"GET", b"//a", b"//a"),
        (b"GET", b"http://other.example/a?b", b"/a?b"),
        (b"GET", b"HTTPS://other.example", b"/"),
        (b"GET", b"http://other.example?b", b"/?b"),
        (b"OPTIONS", b"*", b"*"),
        (b"GET", b"*", None),
        (b"GET", b"ftp://a/b", None),
        (b"GET", b"a:80", None),
    ],
)
def test_a_target_is_a_path_or_an_absolute_url(
    method: bytes, target: bytes, expected: bytes | None
) -> None:
    if expected is not None:
        assert target_of(method, target) == expected
        return
    with pytest.raises(Malformed, match="must be a path or an http URL"):
        target_of(method, target)


@pytest.mark.parametrize(
    ("unread", "expected"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest", 27),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r", None),
        (b"GE", None),
        (b"", None),
        (b"GET /" + b"x" * MAX_HEAD_BYTES, 414),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD_BYTES, 431),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\n", 400),
        (b"get / ", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"\x00", 400),
    ],
)  # fmt: skip
def test_a_head_ends_at_an_empty_line_within_bounds(unread: bytes, expected: int | None) -> None:
    if expected is None or expected < 400:
        assert find_head(bytearray(unread), 0) == expected
        return
    with pytest.raises(Malformed) as refused:
        find_head(bytearray(unread), 0)
    assert refused.value.status == expected


@pytest.mark.parametrize("value", [b"h2c", b"foo/1", b"websocket, h2c", b"websocket/13"])
def test_offers_of_other_protocols_are_dropped_from_a_head(value: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nuPgRade: %b\r\nHost: a\r\n\r\n"
    assert without_upgrade_offers(head % value) == b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "line", [b"Upgrade: websocket", b"upgrade:   WebSocket ", b"X: upgrade:h2c"]
)
def test_other_lines_stay_in_a_head(line: bytes) -> None:
    head = b"GET / HTTP/1.1\r\n%b\r\nHost: a\r\n\r\n" % line
    assert without_upgrade_offers(head) == head


def test_a_body_ends_after_its_size() -> None:
    assert parts_of(Body(5), b"helloGET /") == [b"hello"]
    assert parts_of(Body(5), b"hel") == [b"hel"]
    assert parts_of(Body(0), b"GET /") == []


def test_a_chunked_body_ends_behind_its_trailers() -> None:
    text = b"5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX: y\r\n\r\nGET /"
    expected = [b"5;a=b\r\nhello\r\n", b"1\r\n!\r\n", b"0\r\n", b"X: y\r\n", b"\r\n"]
    assert parts_of(Body(is_chunked=True), text) == expected


def test_a_chunk_that_comes_in_pieces_is_taken_in_pieces() -> None:
    body = Body(is_chunked=True)
    assert parts_of(body, b"5") == []
    assert parts_of(body, b"5\r\nhe") == [b"5\r\nhe"]
    assert parts_of(body, b"llo") == [b"llo"]
    assert parts_of(body, b"\r") == [b"\r"]
    assert parts_of(body, b"\n0\r\n\r\n") == [b"\n", b"0\r\n", b"\r\n"]


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        (b"1;" + b"x" * (MAX_FRAMING_BYTES + 20) + b"\r\nx\r\n", 400, "chunk extensions"),
        (b"1;" + b"x" * 2 * MAX_FRAMING_BYTES, 400, "chunk extensions"),
        (b"1;xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nx\r\n" * 1_000, 400, "chunk extensions"),
        (b"0\r\n" + b"X: y\r\n" * MAX_FRAMING_BYTES, 431, "trailers"),
        (b"0\r\nX: " + b"y" * 2 * MAX_FRAMING_BYTES, 431, "trailers"),
        (b"0\r\nX: " + b"y" * MAX_FRAMING_BYTES + b"\r\n\r\n", 431, "trailers"),
        (b"00000000000000001\r\n", 400, "hexadecimal"),
        (b"-1\r\n", 400, "hexadecimal"),
        (b"0x1\r\n", 400, "hexadecimal"),
        (b"1 ;a\r\n", 400, "hexadecimal"),
        (b"\r\n", 400, "hexadecimal"),
        (b"1\nx\n0\n\n", 400, "CR and LF"),
    ],
)
def test_what_stands_around_chunks_is_bounded(text: bytes, status: int, message: str) -> None:
    with pytest.raises(Malformed, match=re.escape(message)) as refused:
        parts_of(Body(is_chunked=True), text)
    assert refused.value.status == status


def test_many_small_chunks_are_no_extensions() -> None:
    text = b"1\r\nx\r\n" * 10_000 + b"0\r\n\r\n"
    assert b"".join(parts_of(Body(is_chunked=True), text)) == text
