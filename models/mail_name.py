"""Which names may be repeated in a mail, so that no stranger is sent a text of a caller's. PURE.

Whoever may write contacts chooses both the name and the address, and the mail carries our sender.
So a mail repeats short plain names only; of all else it says nothing, in neutral words.
"""

import re
import unicodedata

MAX_NAME = 60
"""Characters of a name that is repeated."""

MAX_WORDS = 9
MAX_DIGITS = 4
"""More digits make a telephone number."""

_PUNCTUATION = frozenset(" '\u2019-.,&()/")
_SENTENCE = re.compile(
    r"""
    \.(?!\ |,|\)|$|\w(?:\W|$))          # a dot ends a word or an initial, and joins no two words
    | (?:^|[\s(&'\u2019,/-])\.           # and follows a letter
    | (?<!\b\w)/ | /(?!\w\b)            # a slash stands between single letters, as in T/A
    | \b(?:https?|hxxps?|ftp|mailto|www\w*|xn--\w*)\b
    | \bdot[\s)]+(?:com|net|org|info|io|uk)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What looks like a web address, or like the beginning of one."""


def name_in_mail(name: str) -> str | None:
    """Return a name as a mail may repeat it, or None if it must not.

    Compatible characters are made plain first, as a reader's program would: what was checked is
    what is shown.
    """
    plain = unicodedata.normalize("NFKC", name).strip()
    categories = [unicodedata.category(character) for character in plain]
    is_plain = all(
        category[0] in "LM" or category == "Nd" or character in _PUNCTUATION
        for category, character in zip(categories, plain, strict=True)
    )
    if (
        not is_plain
        or len(plain) > MAX_NAME
        or len(plain.split()) > MAX_WORDS
        or categories.count("Nd") > MAX_DIGITS
        or not any(category[0] == "L" for category in categories)
        or "Mn,Mn,Mn" in ",".join(categories)
        or _SENTENCE.search(plain)
    ):
        return None
    return plain
