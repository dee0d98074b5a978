"""Malicious documents are refused with a reason, in bounded time and memory."""

import struct
import warnings
from io import BytesIO
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrichment.accounts import Accounts, AccountsRefused, RefusalCode, read_accounts
from enrichment.accounts.package import MAX_BYTES, MAX_MEMBERS
from tests.enrichment.accounts.documents import (
    BALANCE_SHEET,
    CONTEXTS,
    Inline,
    inline,
    instant,
    number,
    package,
    plain,
    text,
)

GOOD = inline(*BALANCE_SHEET)
PAGE = "x/accounts/a.xhtml"
_LEVELS = "".join(
    f'<!ENTITY {this} "{f"&{last};" * 10}">'
    for last, this in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMB = f'<!DOCTYPE html [<!ENTITY a "aaaaaaaaaa">{_LEVELS}]>'


XHTML = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x.dtd">'


def declarations(count: int) -> str:
    return " ".join(f'xmlns:m{i}="u"' for i in range(count))


def sharing(content: str, *, tags: int) -> bytes:
    """Return accounts in which many tags share one continuation."""
    identity = text("EntityCurrentLegalName", "x", continuedAt="k") * tags
    return inline(identity=f'{identity}<ix:continuation id="k">{content}</ix:continuation>')


def refusal(content: bytes) -> RefusalCode:
    with pytest.raises(AccountsRefused) as refused:
        read_accounts(content)
    assert refused.value.message
    return refused.value.code


@pytest.mark.parametrize(
    ("content", "code"),
    [
        # empty, or without any tags
        (b"", "NOT_XBRL"),
        (b"ATTACHMENTPLACEHOLDER127319911", "NOT_XBRL"),
        (b"%PDF-1.4", "NOT_XBRL"),
        (b"\x00" * 100, "NOT_XBRL"),
        (b"<html/>", "NOT_XBRL"),
        (inline(dated="", identity=""), "NOT_XBRL"),
        (inline(dated=""), "NOT_ACCOUNTS"),
        # tagged accounts without a date
        (
            inline(number("FixedAssets", "1", "gone"), dated="", contexts=""),
            "NO_BALANCE_SHEET_DATE",
        ),
        # not well formed
        (b"<", "MALFORMED"),
        (b"<*\x01\x02\x03", "MALFORMED"),
        (GOOD[:-20], "MALFORMED"),
        (GOOD + b"<html/>", "MALFORMED"),
        (b"<html><body><br><p>unclosed</body></html>", "MALFORMED"),
        (b"<a>\x00</a>", "MALFORMED"),
        (b"<a>&undefined;</a>", "MALFORMED"),
        # an inline attribute in plain XBRL
        (
            plain('<pt:FixedAssets contextRef="now" format="ixt:x">1</pt:FixedAssets>'),
            "MALFORMED",
        ),
        # the declared encoding differs from the actual one
        (GOOD.replace(b"Widgets", b"Caf\xe9"), "ENCODING"),
        (GOOD.replace(b"UTF-8", b"UTF-16"), "ENCODING"),
        (GOOD.replace(b"UTF-8", b"UTF-7"), "ENCODING"),
        (GOOD.replace(b"UTF-8", b"no-such"), "ENCODING"),
        (GOOD.replace(b"UTF-8", b"cp037"), "ENCODING"),
        # entity declarations in the document
        (Inline("&i;", doctype=BOMB).text().encode(), "DTD_FORBIDDEN"),
        (
            Inline("&f;", doctype='<!DOCTYPE html [<!ENTITY f SYSTEM "file:///etc/passwd">]>')
            .text()
            .encode("utf-16"),
            "DTD_FORBIDDEN",
        ),
        (
            b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://localhost/x"> %p;]><a/>',
            "DTD_FORBIDDEN",
        ),
        (b'<!DOCTYPE a [<!ATTLIST b c CDATA "' + b"x" * 1000 + b'">]><a><b/></a>', "DTD_FORBIDDEN"),
        (b"<!DOCTYPE a []><a/>", "DTD_FORBIDDEN"),
        # too many bytes, levels or elements
        (b" " * (MAX_BYTES + 1), "TOO_LARGE"),
        (b"<a>" + b"x" * 11_000_000 + b"</a>", "TOO_LARGE"),
        (b'<a b="' + b"x" * 11_000_000 + b'"/>', "TOO_LARGE"),
        (b"<a>" * 200_000, "TOO_DEEP"),
        (b"<a>" + b"<b/>" * 1_000_001 + b"</a>", "TOO_MANY_ELEMENTS"),
        (b"<a " + b"b='' " * 1_000_001 + b"/>", "TOO_MANY_ELEMENTS"),
        (inline(number("Other", "1") * 50_001), "TOO_MANY_FACTS"),
        (inline(number("Equity", "1") * 5_001), "TOO_MANY_FACTS"),
        (inline(contexts=instant("c", "2024-12-31") * 20_001), "TOO_MANY_FACTS"),
        (inline(units='<xbrli:unit id="u"/>' * 2_001), "TOO_MANY_FACTS"),
        # overlapping tags multiply the work
        (
            inline(
                '<ix:nonNumeric name="b:CompanyNumber" contextRef="now">' * 100
                + "<b/>" * 5_000
                + "</ix:nonNumeric>" * 100
            ),
            "TOO_MANY_ELEMENTS",
        ),
        # shared continuations multiply the text, visible or blank
        (sharing("y" * 20_000, tags=100), "TOO_MANY_ELEMENTS"),
        (sharing("\u2014" * 2_000_000, tags=1), "TOO_MANY_ELEMENTS"),
        (sharing(" " * 2_000_000, tags=4_900), "TOO_MANY_ELEMENTS"),
        # many tags share a chain of continuations
        (
            inline(
                identity=text("EntityCurrentLegalName", "x", continuedAt="k0") * 100
                + "".join(
                    f'<ix:continuation id="k{i}" continuedAt="k{i + 1}"/>' for i in range(2_000)
                )
            ),
            "TOO_MANY_ELEMENTS",
        ),
        # references to undeclared entities become nodes, also in UTF-16
        ((XHTML + "<a>" + "&a;" * 1_000_001 + "</a>").encode(), "TOO_MANY_ELEMENTS"),
        ((XHTML + "<a>" + "&a;" * 1_000_001 + "</a>").encode("utf-16"), "TOO_MANY_ELEMENTS"),
        # very many namespaces and attributes, at the root or below
        (f"<a {declarations(100_000)}/>".encode(), "TOO_LARGE"),
        (f"<a {declarations(100_000)}/>".encode("utf-16"), "TOO_LARGE"),
        (b"<a " + b"".join(b"b%d='' " % i for i in range(100_000)) + b"/>", "TOO_LARGE"),
        (b"<!-- -->" * 100_000 + b"<a/>", "TOO_LARGE"),
        (inline(f"<p {declarations(2_000)}>{number('FixedAssets', '1')}</p>"), "TOO_MANY_ELEMENTS"),
        (
            inline(
                "".join(f'<p xmlns:n{i}="u">' for i in range(1_001 // 5))
                + f"<p {declarations(1_000)}>{number('FixedAssets', '1')}</p>"
                + "</p>" * (1_001 // 5)
            ),
            "TOO_MANY_ELEMENTS",
        ),
        # scales that no amount of money has
        (inline(number("FixedAssets", "1", scale="999999999")), "ABSURD_SCALE"),
        (inline(number("FixedAssets", "1", scale="-13")), "ABSURD_SCALE"),
        (inline(number("FixedAssets", "1", scale="9" * 100_000)), "ABSURD_SCALE"),
    ],
)
def test_a_document_that_is_no_accounts_is_refused(content: bytes, code: str) -> None:
    assert refusal(content) == code


@pytest.mark.parametrize(
    "attributes",
    [
        {"scale": "1e9"},
        {"decimals": "x"},
        {"scale": "\u0663"},
        {"scale": "12"},
    ],
)
def test_an_odd_scale_or_size_leaves_one_figure_unreadable(attributes: dict[str, str]) -> None:
    accounts = read_accounts(inline(number("FixedAssets", "99999999", **attributes)))
    assert accounts.unreadable == {"fixed_assets", "total_assets"}


def test_absurd_decimals_are_no_harm() -> None:
    accounts = read_accounts(
        inline(number("FixedAssets", "5", decimals="9" * 5000), number("CurrentAssets", "5"))
    )
    assert accounts.fixed_assets is not None
    assert accounts.fixed_assets.value == 5


@pytest.mark.parametrize(
    "content",
    [
        inline(f"<p {declarations(900)}>{number('FixedAssets', '5')}</p>"),
        inline('<p xmlns:m="u"/>' * 50_000, number("FixedAssets", "5")),
        inline("&amp;&#160;" * 600_000, number("FixedAssets", "5")),
        Inline("&nbsp;" * 50_000 + number("FixedAssets", "5"), doctype=XHTML).text().encode(),
        sharing("y" * 9_000, tags=100).replace(
            b"</body>", number("FixedAssets", "5").encode() + b"</body>"
        ),
        b"<!-- -->" * 10_000 + Inline(number("FixedAssets", "5")).text().encode(),
    ],
)
def test_what_is_only_long_is_read(content: bytes) -> None:
    accounts = read_accounts(content)
    assert accounts.fixed_assets is not None
    assert accounts.fixed_assets.value == 5


def test_processing_instructions_and_comments_are_passed_over() -> None:
    odd = "1<?php x?>,<!-- 9 -->000"
    accounts = read_accounts(inline(number("FixedAssets", odd)))
    assert accounts.fixed_assets is not None
    assert accounts.fixed_assets.value == 1000


def test_a_continuation_that_circles_ends() -> None:
    circle = '<ix:continuation id="k" continuedAt="k">x</ix:continuation>'
    identity = text("EntityCurrentLegalName", "A", continuedAt="k") + circle
    assert read_accounts(inline(*BALANCE_SHEET, identity=identity)).company_name == "Ax"


def test_two_contexts_of_one_id_leave_it_undefined() -> None:
    contexts = CONTEXTS + instant("now", "2020-12-31")
    accounts = read_accounts(inline(number("FixedAssets", "5"), contexts=contexts))
    assert accounts.unreadable == {"fixed_assets", "total_assets"}


def _claiming(size: int) -> bytes:
    """Return a ZIP file both of whose headers state a false size of its only member."""
    content = bytearray(package([(PAGE, GOOD)]))
    central = content.rfind(b"PK\x01\x02")
    struct.pack_into("<I", content, 22, size)
    struct.pack_into("<I", content, central + 24, size)
    return bytes(content)


def _flagged_encrypted() -> bytes:
    content = bytearray(package([(PAGE, GOOD)]))
    content[6] |= 1
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def _duplicated() -> bytes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return package([(PAGE, GOOD), (PAGE, GOOD)])


def _packed_oddly() -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_BZIP2) as target:
        target.writestr(PAGE, GOOD)
    return stream.getvalue()


def _bomb(size: int) -> bytes:
    stream = BytesIO()
    with ZipFile(stream, "w", ZIP_DEFLATED) as target, target.open(PAGE, "w") as member:
        for _ in range(size // 1_000_000):
            member.write(b" " * 1_000_000)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (package([]), "ZIP_NO_ACCOUNTS"),
        (package([("cic34/report.xhtml", GOOD)]), "ZIP_NO_ACCOUNTS"),
        (package([("accounts.xhtml", GOOD)]), "ZIP_NO_ACCOUNTS"),
        (package([("x/accounts/logo.png", b"x")]), "ZIP_NO_ACCOUNTS"),
        (package([(PAGE, GOOD), ("x/accounts/b.html", GOOD)]), "ZIP_AMBIGUOUS"),
        (package([("../accounts/a.xhtml", GOOD)]), "ZIP_UNSAFE"),
        (package([("/accounts/a.xhtml", GOOD)]), "ZIP_UNSAFE"),
        (package([("c:/accounts/a.xhtml", GOOD)]), "ZIP_UNSAFE"),
        (package([("..\\accounts\\a.xhtml", GOOD)]), "ZIP_UNSAFE"),
        (package([(PAGE, package([(PAGE, GOOD)]))]), "ZIP_UNSAFE"),
        (package([(f"x/{i}", b"") for i in range(MAX_MEMBERS + 1)]), "ZIP_UNSAFE"),
        (package([("x" * 60_000, b""), ("y" * 60_000, b"")]), "ZIP_UNSAFE"),
        (_duplicated(), "ZIP_UNSAFE"),
        (_flagged_encrypted(), "ZIP_UNSAFE"),
        (_packed_oddly(), "ZIP_UNSAFE"),
        (_claiming(10), "ZIP_UNSAFE"),
        (_claiming(len(GOOD) + 10), "ZIP_UNSAFE"),
        (_claiming(MAX_BYTES + 1), "TOO_LARGE"),
        (_bomb(15_000_000), "ZIP_UNSAFE"),
        (_bomb(30_000_000), "TOO_LARGE"),
        (package([(PAGE, GOOD)])[:-30], "ZIP_UNSAFE"),
        (package([(PAGE, GOOD)])[:200], "ZIP_UNSAFE"),
        (b"PK\x03\x04", "ZIP_UNSAFE"),
        (package([(PAGE, b"")]), "NOT_XBRL"),
    ],
)
def test_a_package_that_is_unsafe_or_empty_is_refused(content: bytes, code: str) -> None:
    assert refusal(content) == code


def read_or_refuse(content: bytes) -> Accounts | None:
    """Read accounts; return None if they are refused, and raise on unexpected errors."""
    try:
        return read_accounts(content)
    except AccountsRefused as refused:
        if "built in a way" in refused.message:
            raise
        return None


@given(st.binary(max_size=300))
def test_random_bytes_are_refused(content: bytes) -> None:
    for start in (b"", b"<html ", b"<?xml version='1.0'?>", b"PK\x03\x04", b"\xff\xfe"):
        assert read_or_refuse(start + content) is None


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(
    cuts=st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 40)), max_size=3),
    fills=st.lists(st.sampled_from([b"", b"<", b">", b'"', b"&amp;", b"0", b"\xff", b"-"])),
    zipped=st.booleans(),
)
def test_a_damaged_document_is_read_or_refused(
    cuts: list[tuple[int, int]], fills: list[bytes], *, zipped: bool
) -> None:
    content = GOOD if not zipped else package([(PAGE, GOOD)])
    for index, (start, length) in enumerate(cuts):
        fill = fills[index] if index < len(fills) else b""
        content = content[:start] + fill + content[start + length :]
    read_or_refuse(content)


_VALUES = st.one_of(st.text("0123456789-.()£, e\u2212", max_size=20), st.text(max_size=10))


@settings(max_examples=300)
@given(data=st.data())
def test_any_tagging_is_read_or_refused(data: st.DataObject) -> None:
    concepts = st.sampled_from(
        [fact.split('"c:')[1].split('"')[0] for fact in BALANCE_SHEET]
        + ["PropertyPlantEquipment", "CashBankOnHand", "TotalAssets", "ShareholderFunds"]
    )
    contexts = st.sampled_from(["now", "then", "year", "within", "gone", "share-capital", ""])
    facts = []
    for _ in range(data.draw(st.integers(1, 12))):
        attributes = data.draw(
            st.dictionaries(st.sampled_from(["scale", "decimals", "sign", "xsi:nil"]), _small)
        )
        printed = data.draw(_VALUES).encode("ascii", "xmlcharrefreplace").decode()
        safe = "".join(c for c in printed if c >= " ").replace("<", "").replace("&", "&amp;")
        tag = number(
            data.draw(concepts),
            safe,
            data.draw(contexts),
            unit=data.draw(st.sampled_from(["GBP", "USD", "pure", "none"])),
            **attributes,
        )
        facts.append(data.draw(st.sampled_from(["{}", "({})"])).format(tag))
    accounts = read_or_refuse(inline(*facts))
    if accounts is not None:
        found = {name for name in accounts.unreadable if getattr(accounts, name) is not None}
        assert found == set()


_small = st.sampled_from(["0", "-", "3", "-2", "13", "INF", "true", "", "x", "-0", "+3"])
