"""Decides which names mails may contain, so that users cannot send text to strangers. PURE.

A user who can edit contacts chooses both the name and the email address, and the mail comes from
the platform's sender address. So mails contain only short, plain names; any other name is replaced
by neutral words. The rule lists allowed characters and words, because texts that look like web
addresses are too many to list: some letters look like dots.
"""

import re
import unicodedata

MAX_NAME = 60
"""The maximum length of a name in a mail, in characters."""

MAX_WORDS = 5

_SCRIPTS = {
    "LATIN SMALL LETTER": "latin",
    "LATIN CAPITAL LETTER": "latin",
    "GREEK SMALL LETTER": "greek",
    "GREEK CAPITAL LETTER": "greek",
    "CYRILLIC SMALL LETTER": "cyrillic",
    "CYRILLIC CAPITAL LETTER": "cyrillic",
    "ARABIC LETTER": "arabic",
    "HEBREW LETTER": "hebrew",
    "DEVANAGARI LETTER": "devanagari",
    "DEVANAGARI VOWEL SIGN": "devanagari",
    "DEVANAGARI SIGN VIRAMA": "devanagari",
    "DEVANAGARI SIGN ANUSVARA": "devanagari",
    "DEVANAGARI SIGN CANDRABINDU": "devanagari",
    "DEVANAGARI SIGN NUKTA": "devanagari",
    "HANGUL SYLLABLE": "hangul",
    "CJK UNIFIED IDEOGRAPH": "han and kana",
    "HIRAGANA LETTER": "han and kana",
    "KATAKANA LETTER": "han and kana",
}
"""The allowed scripts, by the start of the Unicode names of their letters."""

_LOOK_ALIKES = frozenset("\u0241\u0242\u4e28\u4e36\u4e3f\u4e40\u4e41\u4e85\u30ce")
"""Letters of these scripts that look like a question mark, dot, stroke or slash."""

_MARKS = frozenset(
    "\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0323\u0327\u0328"
)
"""Combining accents; at most one may follow a letter."""

_TITLES = "Dr|Mr|Mrs|Ms|Prof|Rev|St|Sr|Jr|Co|Ltd|Inc|Bros"
_DOTTED = re.compile(rf"{_TITLES}|[^\W\d_](?:\.[^\W\d_]){{0,3}}")
"""The words that may end in a full stop: initials, as in J.R.R., and a few abbreviations."""

_JOINT = re.compile(r"['\u2019-]")
MAX_PARTS = 3
"""The maximum number of parts of a word joined by hyphens and apostrophes."""

_OF_ADDRESSES = frozenset(["http", "https", "hxxp", "hxxps", "ftp", "mailto", "www", "xn"])


def name_in_mail(name: str) -> str | None:
    """Return a name in the form to use in a mail; None if mails must not contain the name.

    The check and the result use the normalised name (NFKC), so mail programs show what was checked.
    """
    plain = unicodedata.normalize("NFKC", name).strip()
    words = plain.split(" ")
    if len(plain) > MAX_NAME or len(words) > MAX_WORDS or "dot" in map(_bare, words[1:]):
        return None
    return plain if all(map(_is_word, words, [*words[1:], ""])) else None


def _bare(word: str) -> str:
    return _JOINT.sub("", word).rstrip(".,").lower()


def _is_word(word: str, following: str) -> bool:
    """Return whether a word of a name is allowed before the word `following`, "" at the end."""
    if word == "&":
        return bool(following)
    if following:
        word = word.removesuffix(",")
    if word.endswith("."):
        return _is_dotted(word[:-1]) and (not following or following[0].isupper())
    parts = _JOINT.split(word.removesuffix("'").removesuffix("\u2019"))
    is_joined_well = len(parts) <= MAX_PARTS and all(parts)
    return is_joined_well and not _OF_ADDRESSES & set(map(_bare, parts)) and _is_one_script(parts)


def _is_dotted(short: str) -> bool:
    is_known = _DOTTED.fullmatch(short) is not None
    return is_known and short[0].isupper() and _is_one_script(short.split("."))


def _is_one_script(parts: list[str]) -> bool:
    """Return whether all characters of a word's parts are letters of the same script."""
    scripts = set()
    for part in parts:
        was_letter = False
        for character in part:
            if character in _MARKS and was_letter:
                was_letter = False
                continue
            scripts.add(_script_of(character))
            was_letter = True
    return len(scripts) == 1 and None not in scripts


def _script_of(letter: str) -> str | None:
    if letter in _LOOK_ALIKES or letter > "\uffff":
        return None
    name = unicodedata.name(letter, "")
    return next((script for begin, script in _SCRIPTS.items() if name.startswith(begin)), None)
