"""Cursors of the event feed: which event a client has read last. PURE.

A cursor holds the generation of the feed and the number of an event. The number is enciphered,
because the difference between two numbers says how many events all tenants had meanwhile.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto, unique
from hashlib import blake2b

FORMAT = "1"
ROUNDS = 4
HALF_BITS = 32
HALF: int = (1 << HALF_BITS) - 1
TOO_HIGH: int = 1 << (2 * HALF_BITS)
MAX_LENGTH = 100


@dataclass(frozen=True, slots=True)
class Generation:
    """A period in which no number was given twice.

    A new one begins at `first_number` when the database has lost its newest rows, for example by
    a restore: numbers from there on are given again. `secret` enciphers the generation's numbers.
    """

    id: str
    first_number: int
    secret: str


@unique
class CursorFault(Enum):
    """Why a cursor cannot be used."""

    INVALID = auto()
    EXPIRED = auto()


def cursor_of(generation: Generation, number: int) -> str:
    """Return the cursor after the event with a number; 0 stands for the start of the feed."""
    text = f"{FORMAT}.{generation.id}.{_enciphered(generation.secret, number):x}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def number_in(
    cursor: str, generations: Sequence[Generation], floor: int, newest: int
) -> int | CursorFault:
    """Return the number in a cursor, or why the cursor cannot be used.

    `generations` are all generations, the present one last. `newest` is the newest number; events
    up to the number `floor` were deleted. A cursor of an earlier generation can be used if all
    later ones began after its number.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii")
        form, name, enciphered = text.split(".")
        value = int(enciphered, 16)
    except (ValueError, binascii.Error):
        return CursorFault.INVALID
    if form != FORMAT or len(cursor) > MAX_LENGTH or not 0 <= value < TOO_HIGH:
        return CursorFault.INVALID
    place = next((n for n, one in enumerate(generations) if one.id == name), None)
    if place is None:
        return CursorFault.EXPIRED
    number = _deciphered(generations[place].secret, value)
    is_lost = any(number >= later.first_number for later in generations[place + 1 :])
    return CursorFault.EXPIRED if is_lost or not floor <= number <= newest else number


def _enciphered(secret: str, number: int) -> int:
    """Encipher a number below 2**64 by a Feistel network."""
    left, right = number >> HALF_BITS, number & HALF
    for turn in range(ROUNDS):
        left, right = right, left ^ _mixed(secret, turn, right)
    return (left << HALF_BITS) | right


def _deciphered(secret: str, value: int) -> int:
    left, right = value >> HALF_BITS, value & HALF
    for turn in reversed(range(ROUNDS)):
        left, right = right ^ _mixed(secret, turn, left), left
    return (left << HALF_BITS) | right


def _mixed(secret: str, turn: int, half: int) -> int:
    given = turn.to_bytes(1, "big") + half.to_bytes(HALF_BITS // 8, "big")
    mixed = blake2b(given, key=secret.encode(), digest_size=HALF_BITS // 8)
    return int.from_bytes(mixed.digest(), "big")
