"""Parses the bytes of a document as XML; refuses those that are not XML, too large or too deep."""

from xml.parsers import expat

from lxml import etree

from enrichment.accounts.model import AccountsRefused, RefusalCode
from enrichment.accounts.package import MAX_BYTES, accounts_document, is_zip

MAX_NODES = 1_000_000
MAX_ATTRIBUTES = 1_000_000
MAX_PROLOG_BYTES = 256 * 1024

_ENCODINGS = frozenset(
    {
        "utf-8", "utf8", "utf-16", "utf-16le", "utf-16be", "us-ascii", "ascii",
        "iso-8859-1", "latin1", "iso-8859-15", "windows-1252", "cp1252",
    }
)  # fmt: skip
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")
_TEXT_REFERENCES = (b"&#", b"&amp;", b"&lt;", b"&gt;", b"&quot;", b"&apos;")
_UTF8_MARK = b"\xef\xbb\xbf"
_NO_MEMORY = 2
_UNKNOWN_ENCODING = 31
_UNSUPPORTED_ENCODING = 32
_INVALID_ENCODING = 81
_RESOURCE_LIMIT = 114
_EXPAT_ENCODING_ERRORS = frozenset(
    expat.errors.codes[message]
    for message in (
        expat.errors.XML_ERROR_UNKNOWN_ENCODING,
        expat.errors.XML_ERROR_INCORRECT_ENCODING,
    )
)


class _PrologEnd(Exception):
    """Raised to stop parsing at the root element: the part before it has nothing forbidden."""


def parse_document(content: bytes) -> etree._Element:
    """Return the root element of a filed document, which may be in a zip package.

    No external file is loaded and no entity is expanded. Raises AccountsRefused for a document that
    is not XML, or has more than 20 MiB, a million nodes or 256 levels.
    """
    if len(content) > MAX_BYTES:
        raise AccountsRefused(
            RefusalCode.TOO_LARGE, f"The document is larger than {MAX_BYTES} bytes."
        )
    if is_zip(content):
        content = accounts_document(content)
    text = _trimmed(content)
    _check_size(text)
    _check_prolog(text)
    return _parse(text)


def _trimmed(content: bytes) -> bytes:
    """Return the document without blanks before the XML declaration: parsers reject these."""
    if content.startswith(_WIDE_MARKS):
        return content
    text = content.removeprefix(_UTF8_MARK).lstrip(b" \t\r\n")
    if not text.startswith(b"<"):
        raise AccountsRefused(RefusalCode.NOT_XBRL, "The document is not XML.")
    return text


def _check_size(text: bytes) -> None:
    """Raise AccountsRefused if the document has too many nodes or attributes.

    This is done before parsing, since a node of four bytes takes a hundred bytes of memory. A
    reference to a named entity counts as a node, since it is not expanded.
    """
    narrow = text.replace(b"\0", b"")  # so that UTF-16 is counted as well
    references = narrow.count(b"&") - sum(narrow.count(one) for one in _TEXT_REFERENCES)
    if narrow.count(b"<") + references > MAX_NODES or narrow.count(b"=") > MAX_ATTRIBUTES:
        raise AccountsRefused(
            RefusalCode.TOO_MANY_ELEMENTS,
            "The document has more elements or attributes than the accounts of any company.",
        )


def _check_prolog(text: bytes) -> None:
    """Raise AccountsRefused for an internal DTD subset, an unusual encoding or a long root tag.

    Only the part up to the root element is parsed. A doctype that names XHTML is allowed and
    common. An internal subset is refused before its declarations are read, since its entities and
    attribute defaults could make the document much larger. The start tag of the root must end
    within MAX_PROLOG_BYTES, since thousands of attributes or namespaces there take seconds.
    """
    reader = expat.ParserCreate()
    reader.StartDoctypeDeclHandler = _refuse_subset
    reader.XmlDeclHandler = _refuse_encoding
    reader.StartElementHandler = _stop
    try:
        reader.Parse(text[:MAX_PROLOG_BYTES], len(text) <= MAX_PROLOG_BYTES)
    except _PrologEnd:
        return
    except expat.ExpatError as error:
        if error.code in _EXPAT_ENCODING_ERRORS:
            raise _bad_encoding() from error
        raise _malformed(str(error)) from error
    raise AccountsRefused(
        RefusalCode.TOO_LARGE, "The start tag of the document's root element is too long."
    )


def _refuse_subset(
    _name: str, _system_id: str | None, _public_id: str | None, has_internal_subset: int
) -> None:
    if has_internal_subset:
        raise AccountsRefused(
            RefusalCode.DTD_FORBIDDEN, "The document declares entities or attributes of its own."
        )


def _refuse_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding is not None and encoding.lower() not in _ENCODINGS:
        raise _bad_encoding()


def _stop(_name: str, _attributes: object) -> None:
    raise _PrologEnd


def _bad_encoding() -> AccountsRefused:
    return AccountsRefused(
        RefusalCode.ENCODING, "The document is not in the encoding that it declares."
    )


def _malformed(reason: str) -> AccountsRefused:
    return AccountsRefused(RefusalCode.MALFORMED, f"The document is not well-formed XML: {reason}.")


def _parse(text: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        recover=False,
        collect_ids=False,
    )
    try:
        root = etree.fromstring(text, parser)
    except etree.XMLSyntaxError as error:
        raise _refusal_of(error) from error
    if root is None:
        raise _malformed("it has no root element")
    return root


def _refusal_of(error: etree.XMLSyntaxError) -> AccountsRefused | MemoryError:
    code = getattr(error, "code", None)
    if code == _NO_MEMORY:
        return MemoryError()
    if code in (_UNKNOWN_ENCODING, _UNSUPPORTED_ENCODING, _INVALID_ENCODING):
        return _bad_encoding()
    reason = (error.msg or "unknown reason").strip()
    if code == _RESOURCE_LIMIT:
        if "depth" in reason:
            return AccountsRefused(
                RefusalCode.TOO_DEEP, "The document nests its elements too deeply."
            )
        return AccountsRefused(
            RefusalCode.TOO_LARGE, "The document contains a text or an attribute that is too long."
        )
    return _malformed(reason)
