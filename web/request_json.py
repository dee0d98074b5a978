"""Parses the JSON of requests, and reports exactly what is wrong with it and where.

A fast parser reads the text. It accepts repeated keys, integers that it must round, and U+0000,
which no database column can store; all of these are refused here. To detect them, its result is
encoded again and compared roughly with the text. Only if the text may contain one, a slower parser
reads it again to find where.
"""

import json
import math
import re
from typing import Any, NamedTuple, NoReturn

import orjson

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MAX_SHOWN = 40
"""The maximum number of characters of a number or a name that an error message repeats."""

MAX_LOOKED_AT = 100_000
"""Invalid JSON of more bytes is not given to the slow parser, which blocks all requests."""

MAX_OPERATION_ID = 128
"""The maximum number of characters of the id that a client chooses for an operation."""

TOO_DEEP = "is nested too deeply."

SPACED_KEY = re.compile(rb'"[ \t\r\n]+:')
MAYBE_ROUNDED = re.compile(rb"[:,\[]-?[0-9][0-9.]*e")
"""Matches a float with an exponent, which may have been an integer before it was rounded.

It may also match text within a string.
"""

UNSURE = re.compile(rb"u0022|u0000|u\{0")
"""Matches an escaped quote, which makes the count of keys wrong, or a possible U+0000."""

NULL_IN_DOCUMENT = re.compile(r"\x00|(?<!\\)(?:\\\\)*\\u(?:0000|\{0+\})")
"""Matches U+0000 in a GraphQL document, as a character or an escape.

A backslash that is itself escaped does not begin an escape.
"""

LONE_SURROGATE = re.compile("[\ud800-\udfff]")

Place = tuple[str | int, ...]


class UnusableJSON(Exception):
    """A text is not JSON, or contains a value that cannot be used.

    `place` is the path of that value in the request: keys and indexes. `parsed` is the parsed text,
    or None if it is not JSON.
    """

    def __init__(self, message: str, place: Place = (), parsed: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.parsed = parsed


def read_json(text: bytes, place: Place = ()) -> Any:
    """Return the value of a JSON text; raises UnusableJSON.

    `place` is the path of the text within the request, for the error message.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)  # a parser may ignore the mark (RFC 8259, 8.1)
    try:
        parsed = orjson.loads(text)
        written = orjson.dumps(parsed)  # the text as the fast parser understood it
    except orjson.JSONDecodeError as error:
        _refuse_text(text, error, place)
    except orjson.JSONEncodeError:  # nested too deeply to encode; later limits decide about depth
        _refuse_contents(text, place)
        return parsed
    keys = text.count(b'":')
    if text.count(b":") != keys:
        keys += len(SPACED_KEY.findall(text))
    if written.count(b'":') != keys or UNSURE.search(text) or MAYBE_ROUNDED.search(written):
        _refuse_contents(text, place)
    return parsed


def has_null_character(document: str) -> bool:
    """Return whether a GraphQL document contains U+0000, as a character or as an escape."""
    return NULL_IN_DOCUMENT.search(document) is not None


def _refuse_text(text: bytes, error: orjson.JSONDecodeError, place: Place) -> NoReturn:
    """Raise UnusableJSON, with the reason why a text cannot be parsed."""
    try:
        text.decode()
    except UnicodeDecodeError as fault:
        message = (
            f"must be UTF-8; the byte 0x{text[fault.start]:02x} at offset {fault.start} is not"
        )
    else:
        message = f"is not JSON: {error}"
    if not text.strip():
        message = "is empty"
    elif b"\x00" in text[:4] or text[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        message = "must be UTF-8; it is UTF-16 or UTF-32"
    elif len(text) <= MAX_LOOKED_AT:
        _refuse_contents(text, place)
    raise UnusableJSON(f"{_shown(place)} {message}.", place) from None


class _Number(NamedTuple):
    """A number that cannot be represented: its `text`, and the reason in `fault`."""

    text: str
    fault: str


class _Pairs(list[tuple[str, Any]]):
    """The keys and values of a JSON object in the order of the text, including repeated keys."""


MAY_HAVE_FAULTS = frozenset({str, list, _Pairs, _Number})


def _refuse_contents(text: bytes, place: Place) -> None:
    """Raise UnusableJSON if a JSON text contains a value that cannot be used.

    Does nothing if the text is not JSON.
    """
    try:
        tree = json.loads(
            text,
            object_pairs_hook=_Pairs,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=lambda name: _Number(name, "is not a JSON number"),
        )
        fault = _find_fault(tree) if tree.__class__ in MAY_HAVE_FAULTS else None
    except RecursionError:
        raise UnusableJSON(f"{_shown(place)} {TOO_DEEP}", place) from None
    except ValueError:
        return
    if fault is not None:
        whole = (*place, *fault[0])
        raise UnusableJSON(f"{_shown(whole)}: {fault[1]}.", whole, _plain(tree)) from None


def _integer(text: str) -> int | _Number:
    if len(text) < len("9223372036854775807") or -(2**63) <= _long(text) < 2**64:
        return int(text)
    return _Number(text, "has more than 64 bits")


def _long(text: str) -> float:
    """Return the integer in a text, or infinity if it has too many digits."""
    return int(text) if len(text) <= MAX_SHOWN else math.inf


def _float(text: str) -> float | _Number:
    number = float(text)
    return number if math.isfinite(number) else _Number(text, "is too large for a 64-bit float")


def _find_fault(value: Any, key: str = "") -> tuple[Place, str] | None:
    """Return path and description of the first fault in a value; None if there is none.

    `key` is the key of the value in its object; the value of `query` is checked as a GraphQL
    document.
    """
    if isinstance(value, str):
        return _fault_of_text(value, is_document=key == "query")
    if isinstance(value, _Number):
        return (), f"{_cut(value.text)} {value.fault}"
    if isinstance(value, _Pairs):
        return _fault_of_object(value)
    for index, below in enumerate(value):
        if below.__class__ in MAY_HAVE_FAULTS and (found := _find_fault(below)):
            return (index, *found[0]), found[1]
    return None


def _fault_of_object(pairs: _Pairs) -> tuple[Place, str] | None:
    seen = set()
    for key, below in pairs:
        found = _fault_of_text(key)
        if key in seen:
            found = (), "this key is repeated in its object"
        elif found is None and below.__class__ in MAY_HAVE_FAULTS:
            found = _find_fault(below, key)
        if found is not None:
            return (key, *found[0]), found[1]
        seen.add(key)
    return None


def _fault_of_text(text: str, *, is_document: bool = False) -> tuple[Place, str] | None:
    if "\x00" in text or (is_document and has_null_character(text)):
        return (), "text must not contain the character U+0000"
    surrogate = None if text.isascii() else LONE_SURROGATE.search(text)
    if surrogate is not None:
        code = f"\\u{ord(surrogate[0]):04x}"
        return (), f"{code} is half of a character; its other half is missing"
    return None


def _plain(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return {key: _plain(below) for key, below in value}
    if isinstance(value, list):
        return [_plain(below) for below in value]
    return value


def _shown(place: Place) -> str:
    """Return a path as text, such as `variables.input.names[2]`."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{_cut(step)}" for step in place)
    return path.removeprefix(".") or "The JSON text"


def _cut(text: str) -> str:
    text = LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text).replace("\x00", "\\u0000")
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


def is_operation_id(given: object) -> bool:
    """Return whether the id that a client chose for an operation of a WebSocket can be used."""
    if not isinstance(given, str) or not 0 < len(given) <= MAX_OPERATION_ID:
        return False
    return LONE_SURROGATE.search(given) is None  # such an id could not be sent back in UTF-8
