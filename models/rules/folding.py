"""What texts are compared by: names that are the same to a reader, and texts that are found. PURE.

These keys are stored: whoever changes how they are made adds a migration that renews them.
"""

import unicodedata

_INVISIBLE = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2065\u2800\u3164\uffa0"
    + "".join(map(chr, range(0xFE00, 0xFE10)))
    + "".join(map(chr, range(0xFFF0, 0xFFF9)))
    + "".join(map(chr, range(0xE0000, 0xE1000)))
)
"""Characters that show nothing although their category says otherwise.

Fillers, selectors, and what Unicode keeps for more of these (`Default_Ignorable_Code_Point`).
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
"""Characters that differ from others in width alone, and hyphens that look like the keyboard's."""

_ACCENTS = tuple(
    map(range, (0x300, 0x1AB0, 0x1DC0, 0x20D0, 0xFE20), (0x370, 0x1B00, 0x1E00, 0x2100, 0xFE30))
)
"""The blocks of combining marks of no script of their own."""

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
"""Letters with strokes, and ligatures, which have no accent to leave out; quotes and dashes."""


def is_blank(text: str) -> bool:
    """Tell whether a text shows nothing, whatever characters it consists of."""
    return all(character.isspace() or _is_invisible(character) for character in text)


def holds_invisible(text: str) -> bool:
    """Tell whether a text holds characters that show nothing; blanks are none of these."""
    return any(map(_is_invisible, text))


def folded(text: str) -> str:
    """Return what two spellings of a name have in common.

    Case, the composition of accents, characters without width, wide and narrow forms, and how
    many blanks there are make no difference; accents do.
    """
    if not text.isascii():
        visible = "".join(character for character in text if not _is_invisible(character))
        visible = visible.translate(_SAME_AS)
        text = unicodedata.normalize("NFC", unicodedata.normalize("NFD", visible).casefold())
    return " ".join(text.casefold().split())


def searchable(text: str) -> str:
    """Return a text as searches compare it: folded, and without accents."""
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
