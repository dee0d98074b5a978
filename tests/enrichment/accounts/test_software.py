"""The software that produced accounts, by the tag for its name."""

import zipfile
from io import BytesIO

import pytest

from enrichment.accounts.software import SOFTWARE, software_of

TAG = '<ix:nonNumeric name="uk-bus:NameProductionSoftware" contextRef="c">{}</ix:nonNumeric>'


@pytest.mark.parametrize(
    ("text", "software"),
    [
        # As filed documents have them
        (TAG.format("IRIS Accounts Production"), "iris"),
        (TAG.format("VT Final Accounts"), "vt"),
        (TAG.format("Capium Accounts Production"), "capium"),
        (TAG.format("CCH Software"), "cch"),
        (TAG.format("Caseware UK (AP4) 2024.0.164"), "caseware"),
        (TAG.format("Acorah Software Products - Accounts Production"), "taxcalc"),
        (TAG.format("Silverfin"), "silverfin"),
        (TAG.format("Companies House"), "companies_house"),
        (TAG.format('<span class="x">\n IRIS </span>'), "iris"),
        # XBRL without HTML
        (
            "<b:NameProductionSoftware contextRef='c'>BTCSoftware</b:NameProductionSoftware>",
            "btcsoftware",
        ),
        ('<meta name="generator" content="Companies House WebFiling" />', "companies_house"),
        (TAG.format("Some Other Product"), "other"),
        (TAG.format(""), "unknown"),
        (TAG.format("") + TAG.format("IRIS"), "iris"),
        ("<html/>", "unknown"),
        ("NameProductionSoftware", "unknown"),
    ],
)
def test_a_product_is_known_by_the_name_in_the_document(text: str, software: str) -> None:
    assert software_of(text.encode()) == software
    assert software in SOFTWARE


def test_a_package_says_nothing() -> None:
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("accounts/a.html", TAG.format("IRIS") * 9)
    assert software_of(content.getvalue()) == "unknown"
