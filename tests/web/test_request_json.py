"""Request JSON is parsed exactly, or refused with the problem and its position."""

from threading import current_thread
from typing import Any

import orjson
import pytest

from tests.graphql_client import Api
from web.request_json import Place, UnusableJSON, has_null_character, read_json

NUL = "text must not contain the character U+0000."


def fault(text: str | bytes) -> UnusableJSON:
    with pytest.raises(UnusableJSON) as raised:
        read_json(text.encode() if isinstance(text, str) else text)
    return raised.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"\xef\xbb\xbf{}", {}),
        ('{"a" :1,"b":{"a":2},"c":[{"a":1}]}', {"a": 1, "b": {"a": 2}, "c": [{"a": 1}]}),
        ('{"a":"\\":","b":"x\\\\"}', {"a": '":', "b": "x\\"}),
        ('{"a":18446744073709551615,"b":-9223372036854775808}', {"a": 2**64 - 1, "b": -(2**63)}),
        ('{"a":1e30,"b":1.5}', {"a": 1e30, "b": 1.5}),
        ('"\\ud83d\\ude00"', "\U0001f600"),
        ('{"variables":{"x":"\\\\u0000 u0000"}}', {"variables": {"x": "\\u0000 u0000"}}),
        ('{"query":"{ a(x: \\"\\\\\\\\u0000\\") }"}', {"query": '{ a(x: "\\\\u0000") }'}),
    ],
)  # fmt: skip
def test_what_can_be_used_is_read(text: str | bytes, expected: Any) -> None:
    assert read_json(text.encode() if isinstance(text, str) else text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a":{"b":[1,1e400]}}', "a.b[1]: 1e400 is too large for a 64-bit float."),
        ('{"a":-1e999}', "a: -1e999 is too large for a 64-bit float."),
        ('{"a":NaN}', "a: NaN is not a JSON number."),
        ("-Infinity", "The JSON text: -Infinity is not a JSON number."),
        ('{"a":18446744073709551616}', "a: 18446744073709551616 has more than 64 bits"),
        ('{"a":-9223372036854775809}', "a: -9223372036854775809 has more than 64 bits"),
        (f"[{'9' * 5000}]", f"[0]: {'9' * 40}… has more than 64 bits."),
        ('{"a":1,"a":2}', "a: this key is repeated in its object."),
        ('{"a":1, "a" :2}', "a: this key is repeated in its object."),
        ('{"t":"\\u0022:","a":1,"a":2}', "a: this key is repeated in its object."),
        ('{"v":{"\\u0061":1,"a":1}}', "v.a: this key is repeated in its object."),
        ('{"v":"\\ud800"}', "v: \\ud800 is half of a character; its other half is missing."),
        ('{"v":{"\\udfff":1}}', "v.\ufffd: \\udfff is half of a character;"),
        ('{"v":["a\\u0000"]}', f"v[0]: {NUL}"),
        ('{"\\u0000":1}', f"\\u0000: {NUL}"),
        ('{"payload":{"query":"{ a(x: \\"\\\\u{00}\\") }"}}', f"payload.query: {NUL}"),
        ("", "The JSON text is empty."),
        (b"\xff\xfe{\x00}\x00", "The JSON text must be UTF-8; it is UTF-16 or UTF-32."),
        (b'{"a":"\xff"}', "The JSON text must be UTF-8; the byte 0xff at offset 6 is not."),
        ("[1,]", "The JSON text is not JSON: trailing comma is not allowed: line 1 column 3"),
        ("[" * 1000 + "]" * 1000, "The JSON text is nested too deeply."),
        ("[" * 100_000, "The JSON text is"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_with_its_place(text: str | bytes, message: str) -> None:
    assert fault(text).message.startswith(message)


def test_a_text_may_stand_somewhere_itself() -> None:
    for text, message in (
        (b'{"x":[NaN]}', "variables.x[0]: NaN is not a JSON number."),
        (b"{", "variables is not JSON: "),
        (b"", "variables is empty."),
    ):
        with pytest.raises(UnusableJSON) as raised:
            read_json(text, ("variables",))
        assert raised.value.message.startswith(message)


def test_a_text_that_is_json_is_known_even_if_it_cannot_be_used() -> None:
    refused = fault('{"id":"1","payload":{"variables":{"x":"\\ud800","x":1e400}}}')
    assert refused.place == ("payload", "variables", "x")
    assert refused.parsed["id"] == "1"
    assert fault("{").parsed is None


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ a }", False),
        ('{ a(x: "\\u0000") }', True),
        ('{ a(x: "\\u{0}") }', True),
        ('{ a(x: "\\u{000000}") }', True),
        ('{ a(x: "\\\\\\u0000") }', True),  # after an escaped backslash
        ('{ a(x: "\\\\u0000") }', False),  # a backslash and letters, not an escape
        ('{ a(x: "u0000") }', False),
        ("{ a }\x00", True),
    ],
)
def test_the_null_character_is_found_in_documents_in_every_spelling(
    document: str, expected: bool
) -> None:
    assert has_null_character(document) is expected
    text = orjson.dumps({"query": document})
    if expected:
        assert fault(text).place == ("query",)
    else:
        assert read_json(text) == {"query": document}


@pytest.mark.parametrize(
    "body", ["[" + "1, " * 20_000, '{"query": "{ viewer { name } }", "a": "%s"}']
)
async def test_long_json_is_read_in_a_thread(
    api: Api, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """So that it does not block the event loop, whether it is valid JSON or not."""
    threads: list[str] = []

    def noted(text: bytes, place: Place = ()) -> Any:
        threads.append(current_thread().name)
        return read_json(text, place)

    monkeypatch.setattr("web.http_request.read_json", noted)
    for text in (body.replace("%s", "x" * 30_000), '{"query": "{ viewer { name } }"}'):
        headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
        await api.http.post("/graphql", content=text, headers=headers)
    assert [name.startswith("documents") for name in threads] == [True, False]
