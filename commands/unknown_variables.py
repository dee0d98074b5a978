"""Finds environment variables that are probably misspelt names of settings.

Variables of other programs must not be reported, so names are compared word by word: each word
must be equal to, or resemble, the word of the setting. Short names may differ only by two swapped
letters.
"""

from collections.abc import Collection, Iterable
from difflib import SequenceMatcher

OURS_ALONE = ("COMPANIES_HOUSE_", "COMPANY_HOUSE_")
"""Prefixes that only names of our settings have, or their misspellings."""
UNITS = ("S", "SECONDS", "SEC", "MS", "MINUTES", "HOURS", "DAYS", "BYTES", "SIZE")
SHORT = 5
"""Names of up to this number of letters, such as HOST, resemble too many others."""
ALIKE, ALIKE_OVERALL = 0.65, 0.8
LONG_WORD = 6


def resembling(names: Iterable[str], settings: Collection[str]) -> dict[str, str]:
    """Return the most similar setting for each name that resembles a setting, but is none.

    `settings` are the names of all settings. The settings in the result are in capitals.
    """
    known = sorted(name.upper() for name in settings)
    found = {}
    for name in sorted(names):
        given = name.upper()
        if given not in known:
            nearest = _nearest(given, known)
            if nearest is not None:
                found[name] = nearest
    return found


def _nearest(given: str, known: Collection[str]) -> str | None:
    near = [setting for setting in known if _resembles(given, setting)]
    if not near and given.startswith(OURS_ALONE):
        near = [setting for setting in known if setting.startswith(OURS_ALONE)]
    return max(near, key=lambda setting: _likeness(given, setting), default=None)


def _resembles(given: str, setting: str) -> bool:
    if min(len(given), len(setting)) <= SHORT:
        return _has_swapped_letters(given, setting)
    if _joined(given) == _joined(setting):
        return True
    words, wanted = given.replace("-", "_").split("_"), setting.split("_")
    if wanted[-1] in UNITS and (words == wanted[:-1] or _has_other_unit(words, wanted)):
        return True
    is_alike = len(words) == len(wanted) and all(map(_is_word_alike, words, wanted))
    return is_alike and _likeness(given, setting) >= ALIKE_OVERALL


def _has_other_unit(words: list[str], wanted: list[str]) -> bool:
    return words[:-1] == wanted[:-1] and words[-1] in UNITS


def _is_word_alike(given: str, wanted: str) -> bool:
    if given == wanted:
        return True
    has_same_start = given[:1] == wanted[:1] or min(len(given), len(wanted)) >= LONG_WORD
    is_swapped = _has_swapped_letters(given, wanted)
    return has_same_start and (is_swapped or _likeness(given, wanted) >= ALIKE)


def _has_swapped_letters(given: str, wanted: str) -> bool:
    """Return whether two names differ only in the order of two adjacent letters."""
    if len(given) != len(wanted):
        return False
    differing = [place for place in range(len(given)) if given[place] != wanted[place]]
    return (
        len(differing) == 2  # noqa: PLR2004  # a pair
        and differing[1] == differing[0] + 1
        and sorted(given) == sorted(wanted)
    )


def _joined(name: str) -> str:
    return name.replace("_", "").replace("-", "")


def _likeness(given: str, wanted: str) -> float:
    return SequenceMatcher(None, given, wanted, autojunk=False).ratio()
