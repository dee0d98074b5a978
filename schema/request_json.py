"""Reads the JSON of requests, and says exactly what is wrong with it and where.

The usual text is read by a fast parser, with three cheap checks for what that lets through: keys
that stand twice, integers that it rounds, and U+0000, which no column can hold and PostgreSQL takes
in no query. Only a text that fails them is read again, by a parser that keeps everything.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import orjson

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MAX_SHOWN = 40
"""Characters of a number or a name that a message repeats."""

TOO_DEEP = "is nested too deeply."

LARGEST_INTEGER = 2.0**63
"""Beyond it the fast parser makes a float of an integer."""

KEY = re.compile(rb'"[ \t\r\n]*:')
NULL_SPELLINGS = (b"u0000", b"u{0")
"""What has neither, not even behind a backslash, holds no U+0000."""

NULL_IN_DOCUMENT = re.compile(r"\x00|(?<!\\)(?:\\\\)*\\u(?:0000|\{0+\})")
"""The character in a GraphQL document; behind another backslash it is no escape."""

LONE_SURROGATE = re.compile("[\ud800-\udfff]")

Place = tuple[str | int, ...]


class UnusableJSON(Exception):
    """A text that is no JSON, or holds what cannot be used.

    `place` is where, by keys and indexes, and `parsed` what the text says, if it is JSON at all.
    """

    def __init__(self, message: str, place: Place = (), parsed: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.parsed = parsed


def read_json(text: bytes, place: Place = ()) -> Any:
    """Return what a JSON text says; raises UnusableJSON.

    `place` is where the text itself stands in the request.
    """
    text = text.removeprefix(BYTE_ORDER_MARK)  # a reader may ignore it (RFC 8259, 8.1)
    try:
        parsed = orjson.loads(text)
        keys = _count_keys([parsed])
    except orjson.JSONDecodeError as error:
        _refuse_text(text, error, place)
    except RecursionError:
        raise UnusableJSON(f"{_shown(place)} {TOO_DEEP}", place) from None
    if keys != len(KEY.findall(text)) or any(spelling in text for spelling in NULL_SPELLINGS):
        _refuse_contents(text, place)
    return parsed


def has_null_character(document: str) -> bool:
    """Tell whether a GraphQL document holds U+0000, as itself or as an escape."""
    return NULL_IN_DOCUMENT.search(document) is not None


def _count_keys(values: Any) -> float:
    """Count the keys of all objects; infinite if there is a number that may be a rounded one."""
    count = 0.0
    for value in values:
        kind = value.__class__
        if kind is dict:
            count += len(value) + _count_keys(value.values())
        elif kind is list:
            count += _count_keys(value)
        elif kind is float and not -LARGEST_INTEGER < value < LARGEST_INTEGER:
            return math.inf
    return count


def _refuse_text(text: bytes, error: orjson.JSONDecodeError, place: Place) -> NoReturn:
    """Say why a text could not be read: it is no JSON, or holds what no value can be made of."""
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
    else:
        _refuse_contents(text, place)
    raise UnusableJSON(f"{_shown(place)} {message}.", place) from None


class _Number(NamedTuple):
    """A number that no value can be made of."""

    text: str
    fault: str


class _Pairs(list[tuple[str, Any]]):
    """The keys and values of an object as they stand in the text."""


def _refuse_contents(text: bytes, place: Place) -> None:
    """Find what cannot be used in a JSON text, if it is one."""
    try:
        tree = json.loads(
            text,
            object_pairs_hook=_Pairs,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=lambda name: _Number(name, "is not a number of JSON"),
        )
        fault = next(_faults(tree, place), None)
    except RecursionError:
        raise UnusableJSON(f"{_shown(place)} {TOO_DEEP}", place) from None
    except ValueError:
        return
    if fault is not None:
        raise UnusableJSON(fault[1], fault[0], _plain(tree)) from None


def _integer(text: str) -> int | _Number:
    if len(text) < len("9223372036854775807") or -(2**63) <= _long(text) < 2**64:
        return int(text)
    return _Number(text, "has more than 64 bits; send it as text")


def _long(text: str) -> float:
    """Return an integer as it is, or infinite if it has too many digits to be read."""
    return int(text) if len(text) <= MAX_SHOWN else math.inf


def _float(text: str) -> float | _Number:
    number = float(text)
    return number if math.isfinite(number) else _Number(text, "is too large for a 64-bit float")


def _faults(value: Any, place: Place) -> Iterator[tuple[Place, str]]:
    match value:
        case _Number(text, fault):
            yield place, f"{_shown(place)}: {_cut(text)} {fault}."
        case str():
            yield from _faults_of_text(value, place)
        case _Pairs():
            seen = set()
            for key, below in value:
                inner = (*place, key)
                if key in seen:
                    yield inner, f"{_shown(inner)}: this key stands more than once in its object."
                seen.add(key)
                yield from _faults_of_text(key, inner)
                yield from _faults(below, inner)
        case list():
            for index, below in enumerate(value):
                yield from _faults(below, (*place, index))


def _faults_of_text(text: str, place: Place) -> Iterator[tuple[Place, str]]:
    is_document = bool(place) and place[-1] == "query"
    if "\x00" in text or (is_document and has_null_character(text)):
        yield place, f"{_shown(place)}: text must not hold the character U+0000."
    surrogate = LONE_SURROGATE.search(text)
    if surrogate is not None:
        code = f"\\u{ord(surrogate[0]):04x}"
        yield place, f"{_shown(place)}: {code} is half of a character; its other half is missing."


def _plain(value: Any) -> Any:
    if isinstance(value, _Pairs):
        return {key: _plain(below) for key, below in value}
    if isinstance(value, list):
        return [_plain(below) for below in value]
    return value


def _shown(place: Place) -> str:
    """Write a place as `variables.input.names[2]`."""
    path = "".join(f"[{step}]" if isinstance(step, int) else f".{_cut(step)}" for step in place)
    return path.removeprefix(".") or "The JSON text"


def _cut(text: str) -> str:
    text = LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text).replace("\x00", "\\u0000")
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
