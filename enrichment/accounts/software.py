"""Names the software that produced an accounts document, by a fixed list of products. PURE.

It looks at the tag for the name only, so that it also knows documents that are refused.
"""

import re

_TAG = b"NameProductionSoftware"
_NAME = re.compile(rb"[^<>]{0,400}>\s*(?:<[^<>]{0,400}>\s*){0,20}([^<>]{1,200})")
_GENERATOR = re.compile(rb"""name=["']generator["'] content=["']([^"'<>]{1,200})""")
MAX_TAGS = 3
"""Occurrences of the tag to look at: it may also be the name of a label, without a text."""

HEAD = 4_096
"""The number of bytes at the beginning that may hold a `generator`."""

PRODUCTS = {
    "iris": "iris",
    "taxfiler": "taxfiler",
    "taxcalc": "taxcalc",
    "cch": "cch",
    "digita": "digita",
    "onesource": "onesource",
    "vt ": "vt",
    "capium": "capium",
    "caseware": "caseware",
    "silverfin": "silverfin",
    "btc": "btcsoftware",
    "xero": "xero",
    "freeagent": "freeagent",
    "quickbooks": "quickbooks",
    "intuit": "quickbooks",
    "sage": "sage",
    "acorah": "taxcalc",
    "inform direct": "inform_direct",
    "alphatax": "alphatax",
    "absolute": "absolute",
    "workiva": "workiva",
    "companies house": "companies_house",
    "sandbox": "sandbox",
}
"""Names by a part of the text of the tag, in lower case; Acorah is the publisher of TaxCalc."""

OTHER, UNKNOWN = "other", "unknown"
SOFTWARE = frozenset({*PRODUCTS.values(), OTHER, UNKNOWN})
"""All that `software_of` returns."""


def software_of(content: bytes) -> str:
    """Return the producing software of a document: one of SOFTWARE.

    UNKNOWN if the document does not say; the content of zip packages is not looked at.
    """
    name = _tagged(content) or _generator(content)
    if name is None:
        return UNKNOWN
    text = f"{name.decode(errors='replace').casefold()} "
    return next((product for part, product in PRODUCTS.items() if part in text), OTHER)


def _tagged(content: bytes) -> bytes | None:
    at = -1
    for _ in range(MAX_TAGS):
        at = content.find(_TAG, at + 1)
        if at < 0:
            return None
        found = _NAME.match(content, at + len(_TAG))
        if found is not None and found[1].strip():
            return found[1]
    return None


def _generator(content: bytes) -> bytes | None:
    found = _GENERATOR.search(content, 0, HEAD)
    return None if found is None else found[1]
