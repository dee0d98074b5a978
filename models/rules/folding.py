"""Computes keys: texts by which names are compared for equality, sorted and searched. PURE.

The keys are stored, so a change of this module needs a migration that recomputes them.
"""

import unicodedata

_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2065\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xFFF0, 0xFFF9)))
    + "".join(map(chr, range(0xE0000, 0xE1000)))
)
"""Invisible characters outside of the Unicode category Cf.

They are fillers, selectors and reserved code points (`Default_Ignorable_Code_Point`).
"""

_SAME_AS = {
    **{
        code: unicodedata.normalize("NFKC", chr(code))
        for code in range(0xFF01, 0xFFEF)
        if unicodedata.decomposition(chr(code)).startswith(("<wide>", "<narrow>"))
    },
    0x2010: "-",
    0x2011: "-",
}
"""Maps wide and narrow characters to ordinary ones, and look-alikes of the hyphen to `-`."""

_ACCENTS = tuple(
    map(range, (0x300, 0x1AB0, 0x1DC0, 0x20D0, 0xFE20), (0x370, 0x1B00, 0x1E00, 0x2100, 0xFE30))
)
"""The Unicode blocks of combining marks that are not specific to a script."""

_SEARCHED_AS = str.maketrans(
    {
        "\u00e6": "ae",
        "\u0153": "oe",
        "\u00f8": "o",
        "\u0142": "l",
        "\u0111": "d",
        "\u00f0": "d",
        "\u00fe": "th",
        "\u0127": "h",
        "\u0131": "i",
        "\u2018": "'",
        "\u2019": "'",
        "\u2012": "-",
        "\u2013": "-",
        "\u2014": "-",
        "\u2015": "-",
        "\u2212": "-",
    }
)
"""Replacements in keys for searches: for quotes, dashes, ligatures, and letters with strokes.

These letters do not decompose into a plain letter and an accent.
"""


def is_blank(text: str) -> bool:
    """Return whether a text has no visible character."""
    return all(character.isspace() or _is_invisible(character) for character in text)


def holds_invisible(text: str) -> bool:
    """Return whether a text contains invisible characters other than white space."""
    return any(map(_is_invisible, text))


def folded(text: str) -> str:
    """Return the key by which a name is compared with other names.

    Names have equal keys if they differ only in case, in the composition of accents, in invisible
    characters, in wide and narrow forms, or in the amount of white space. Accents make a
    difference.
    """
    if not text.isascii():
        visible = "".join(character for character in text if not _is_invisible(character))
        visible = visible.translate(_SAME_AS)
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFD", visible).casefold())
    return " ".join(text.casefold().split())


def searchable(text: str) -> str:
    """Return the key by which searches compare a text: folded, and without accents."""
    text = folded(text)
    if text.isascii():
        return text
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(character for character in decomposed if not _is_accent(character))
    return " ".join(unicodedata.normalize("NFC", bare.translate(_SEARCHED_AS)).split())


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" or character in _INVISIBLE


def _is_accent(character: str) -> bool:
    return any(ord(character) in block for block in _ACCENTS)
