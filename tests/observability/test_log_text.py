"""Text from clients is escaped and shortened before it is logged."""

import asyncio
import logging

import orjson
import pytest
import structlog

from observability.log_text import MAX_TEXT, safe_text, safe_value
from observability.logs import write_line
from tests.captured_logs import captured_logs
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import running_api
from tests.listening import listening, wire

HOSTILE = "x\r\ny\x1b[31m\x00\x7f\x85\u2028\u2029\u202e\ufeff\ud800"
SAFE = "x\\r\\ny\\x1b[31m\\x00\\x7f\\x85\\u2028\\u2029\\u202e\\ufeff\\ud800"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("plain text, \N{LATIN SMALL LETTER E WITH ACUTE}\U0001f600", "plain text, \xe9\U0001f600"),
        (HOSTILE, SAFE),
        ("x" * (MAX_TEXT + 1), "x" * MAX_TEXT + "…"),
        ("", ""),
    ],
)
def test_text_is_escaped_and_cut(given: str, expected: str) -> None:
    assert safe_text(given) == expected


def test_text_is_found_wherever_it_stands() -> None:
    given = {"\n": [HOSTILE, 1, None, True, 1.5, (HOSTILE,), b"\xff\n", {"a": ValueError("Ann")}]}
    expected = {"\\n": [SAFE, 1, None, True, 1.5, [SAFE], "\xff\\n", {"a": "ValueError"}]}
    assert safe_value(given) == expected


@pytest.mark.parametrize("log_format", ["json", "readable"])
def test_every_kind_of_line_is_made_safe(log_format: str) -> None:
    with captured_logs(log_format) as written:
        structlog.get_logger("ours").info("event\n", value=HOSTILE, path=["a", HOSTILE])
        logging.getLogger("asyncio").warning("%s said %s", "somebody", HOSTILE)
        logging.getLogger("uvicorn.error").warning(HOSTILE)
        line = {"timestamp": "now", "level": "info", "event": "request", "path": f"/{HOSTILE}"}
        write_line(line)
    text = written.getvalue()
    lines = text.split("\n")
    assert len(lines) == 5
    assert lines.pop() == ""
    assert all(line.isprintable() for line in lines)
    if log_format == "json":
        assert orjson.loads(lines[0])["value"] == SAFE


@pytest.mark.parametrize("log_format", ["json", "readable"])
async def test_a_request_of_a_stranger_is_one_printable_line(
    databases: Databases, clock: Clock, log_format: str
) -> None:
    paths = ["/x%0d%0aY", "/%1b[31m", "/%e2%80%a8%e2%80%ae", "/%00", "/%ff", "/" + "a/" * 5_000]
    with captured_logs(log_format) as written:
        async with (
            running_api(databases, clock) as api,
            listening(api.app) as address,
            wire(address) as client,
        ):
            for path in paths:
                await client.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                assert "404" in await client.head()
                await client.reader.readexactly(len("Not Found.\n"))
            await client.send(b"GET /\xff\x1b[31m HTTP/1.1\r\nHost: a\r\n\r\n")
            assert "400" in await client.head()
            await asyncio.wait_for(client.reader.read(), 10)
    lines = written.getvalue().splitlines()
    assert all(line.isprintable() and len(line) < 600 for line in lines)
    assert sum("/graphql" not in line and "status" in line for line in lines) >= len(paths)
    assert "Traceback" not in written.getvalue()
