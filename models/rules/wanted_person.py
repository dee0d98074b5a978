"""The person that an operator looks for, by name or email address."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from models.rules.email_address import (
    InvalidEmailError,
    email_key,
    email_on_the_wire,
    normalise_email,
)
from models.rules.folding import folded, searchable


@dataclass(frozen=True, slots=True)
class Wanted:
    """The person to look for, by one of the two.

    Names are compared as searches compare them: without case, accents, composition, characters
    without width and kinds of apostrophes. Email addresses are the same in Unicode and in ASCII.
    """

    email: str | None = None
    name: str | None = None

    def is_in(self, value: object) -> bool:
        """Tell whether a stored value mentions the person, as a word of its own."""
        pattern, fold = _matcher(self)
        return any(pattern.search(fold(text)) for text in _texts(value))

    def is_named(self, name: str | None) -> bool:
        """Tell whether a name is the one that is wanted."""
        is_given = name is not None and self.name is not None
        return is_given and searchable(name or "") == searchable(self.name or "")

    def is_at(self, email: str | None) -> bool:
        """Tell whether an email address is the one that is wanted."""
        return email is not None and self.email is not None and _key(email) == _key(self.email)


@lru_cache(maxsize=8)
def _matcher(wanted: Wanted) -> tuple[re.Pattern[str], Callable[[str], str]]:
    """Return what finds the person in a text, and how the text is to be folded before."""
    if wanted.email is not None:
        words = "|".join(re.escape(one) for one in sorted(_spellings(wanted.email)))
        return re.compile(rf"(?<![\w.+-])(?:{words})(?!\w|[.-]\w)"), folded
    name = re.escape(searchable(wanted.name or ""))
    return re.compile(rf"(?<!\w){name}(?!\w)"), searchable


def _key(email: str) -> str:
    try:
        return email_key(normalise_email(email))
    except InvalidEmailError:
        return folded(email)


def _spellings(email: str) -> set[str]:
    """Return how an email address may be written in a text, folded."""
    try:
        stored = normalise_email(email)
    except InvalidEmailError:
        return {folded(email)}
    return {folded(one) for one in (email, stored, email_on_the_wire(stored))}


def _texts(value: object) -> Iterator[str]:
    """Return the texts in a stored value: in JSON at any depth, and in bytes."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode(errors="replace")
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
    elif value is not None:
        yield str(value)
