"""Reads facts about the company from accounts: registered number, name, whether it is dormant."""

from collections import Counter

from enrichment.accounts import concepts
from enrichment.accounts.facts import Document, Fact
from enrichment.accounts.model import AccountsRefused, RefusalCode
from enrichment.accounts.values import read_flag

_NUMBER_LENGTH = 8
_MAX_NAME = 400
_SHORTEST_IN_TEXT = 6


def read_company_number(document: Document, wanted: str | None) -> tuple[str | None, bool]:
    """Return the company's registered number, and whether the document also has another number.

    The number is the one that is tagged. Without a tag it is the identifier in the contexts of
    facts, unless that is a name. If it does not have the form of a registered number, None is
    returned. The other number may be tagged, or be in the contexts of figures. Raises
    AccountsRefused (IDENTITY_MISMATCH) if `wanted` is given and the document does not have it.
    """
    facts = _plain(document.of(concepts.COMPANY_NUMBER))
    numbers = Counter(_number_in(fact.text) for fact in facts if fact.text.strip())
    if not numbers:
        numbers = _from_contexts(document)
    number = max(numbers, key=lambda text: (numbers[text], text), default=None)
    if wanted is not None:
        asked = normalised(wanted)
        if asked not in numbers:
            raise AccountsRefused(
                RefusalCode.IDENTITY_MISMATCH,
                "The accounts are those of another company than the one looked up.",
            )
        number = asked
    if number is not None and not is_number(number):
        return None, False
    return number, len(numbers) > 1 or not _numbers_of_figures(document) <= {number}


def normalised(text: str) -> str:
    """Return a company number without separators, in upper case, with zeros to eight characters.

    Zeros are not added to a text that cannot be a company number.
    """
    number = "".join(c for c in text[:_MAX_NAME] if c not in ".-/" and not c.isspace()).upper()
    if not number.isascii() or len(number) >= _NUMBER_LENGTH:
        return number
    letters = number.rstrip("0123456789")
    digits = number[len(letters) :]
    if not digits or len(letters) > 2 or not (letters.isalpha() or not letters):  # noqa: PLR2004
        return number
    return letters + digits.zfill(_NUMBER_LENGTH - len(letters))


def _number_in(text: str) -> str:
    """Return the company number in `text`; if there are none or several, `text` normalised."""
    number = normalised(text)
    if is_number(number):
        return number
    words = "".join(c if c.isalnum() else " " for c in text[:_MAX_NAME]).split()
    found = {
        normalised(word)
        for word in words
        if len(word) >= _SHORTEST_IN_TEXT and is_number(normalised(word))
    }
    return found.pop() if len(found) == 1 else number


def is_number(text: str) -> bool:
    """Return whether `text` has the form of a registered number."""
    return (
        len(text) == _NUMBER_LENGTH
        and text.isascii()
        and text.isalnum()
        and text[2:].strip("0") != ""
        and text[-4:].isdigit()
    )


def _from_contexts(document: Document) -> Counter[str]:
    return Counter(
        number
        for context in document.contexts.values()
        if context.is_registrar_scheme and is_number(number := normalised(context.entity))
    )


def _numbers_of_figures(document: Document) -> set[str]:
    """Return the registered numbers in the contexts of balances and numbers of employees."""
    contexts = {
        fact.context_id: fact.context
        for key in (*concepts.BALANCES, *concepts.EMPLOYEES)
        for fact in document.facts.get(key, ())
        if fact.context is not None and fact.context.is_registrar_scheme
    }
    numbers = {normalised(context.entity) for context in contexts.values()}
    return {number for number in numbers if is_number(number)}


def _plain(facts: list[Fact]) -> list[Fact]:
    """Return the facts without dimensions, or all if there are none.

    A fact with a dimension may be about a subsidiary.
    """
    plain = [fact for fact in facts if fact.context is None or not fact.context.dimensions]
    return plain or facts


def read_company_name(document: Document) -> str | None:
    """Return the most frequent tagged registered name, on one line; None if there is none."""
    names = Counter(
        fact.text
        for fact in _plain(document.of(concepts.COMPANY_NAME))
        if 0 < len(fact.text) <= _MAX_NAME
    )
    return names.most_common(1)[0][0] if names else None


def read_dormant(document: Document) -> bool | None:
    """Return whether the company was dormant; None if the document does not say.

    Older documents state the opposite: whether the company was not dormant.
    """
    for keys, is_inverted in ((concepts.DORMANT, False), (concepts.NOT_DORMANT, True)):
        for fact in _plain(document.of(keys)):
            flag = read_flag(fact.text, fact.format)
            if flag is not None:
                return flag != is_inverted
    return None


def is_group(document: Document) -> bool:
    """Return whether these are group accounts: whether any fact is tagged for a group (A23)."""
    return any(
        context.is_group and document.uses[name] for name, context in document.contexts.items()
    )
