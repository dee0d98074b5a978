"""Finds mentions of a person, by name or email address, in stored values."""

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
    """The person to look for, by either `email` or `name`.

    Names are compared as in searches: case, accents, invisible characters and kinds of apostrophes
    are ignored. Domains of email addresses may be written in Unicode or ASCII.
    """

    email: str | None = None
    name: str | None = None

    def is_in(self, value: object) -> bool:
        """Return whether a stored value contains the name or email address as whole words."""
        pattern, fold = _matcher(self)
        return any(pattern.search(fold(text)) for text in _texts(value))

    def is_named(self, name: str | None) -> bool:
        """Return whether `name` is the wanted name; false if an email address is wanted."""
        is_given = name is not None and self.name is not None
        return is_given and searchable(name or "") == searchable(self.name or "")

    def is_at(self, email: str | None) -> bool:
        """Return whether `email` is the wanted email address; false if a name is wanted."""
        return email is not None and self.email is not None and _key(email) == _key(self.email)


@lru_cache(maxsize=8)
def _matcher(wanted: Wanted) -> tuple[re.Pattern[str], Callable[[str], str]]:
    """Return a pattern that matches the person, and the function to apply to texts before it."""
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
    """Return the folded spellings of an email address: as given, in Unicode and in ASCII."""
    try:
        stored = normalise_email(email)
    except InvalidEmailError:
        return {folded(email)}
    return {folded(one) for one in (email, stored, email_on_the_wire(stored))}


def _texts(value: object) -> Iterator[str]:
    """Yield all texts in a stored value, which may be JSON of any depth or bytes."""
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
