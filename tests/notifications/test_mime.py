"""Rendered mails: both parts, and headers into which nothing can be injected."""

from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from models.rules.confirmation_link import ConfirmationKind
from models.rules.email_address import InvalidEmailError, normalise_email
from models.rules.organisation import Organisation
from notifications.confirmation_mail import confirmation_message
from notifications.mime import Sender, compose
from tests.mails import Mail
from tests.notifications.example_mails import AT, OTHER, SENDER, TOKEN, letter, written

HEADERS = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "MIME-Version",
    "Content-Type",
]


ACME = Organisation("Acme Telecom", "https://acme.example/privacy", "help@acme.example")


def words_of(page: str) -> str:
    """Return the text of an HTML mail, below its title."""
    body = html.fromstring(page).find("body")
    assert body is not None
    return " ".join("".join(map(str, body.itertext())).split())


def test_a_mail_says_from_whom_to_whom_and_when_with_an_id_of_its_own() -> None:
    mail = written(letter())
    assert mail.message.keys() == HEADERS
    assert dict(mail.message.items()) | {"Content-Type": ""} == {
        "From": "Acme Billing <no-reply@billing.example>",
        "To": "Ann <ann@acme.example>",
        "Subject": "Please confirm what we may send you by email",
        "Date": "Thu, 01 Oct 2026 09:30:00 +0000",
        "Message-ID": "<cfm_1@billing.example>",
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "MIME-Version": "1.0",
        "Content-Type": "",
    }
    assert mail.message.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize("kind", list(ConfirmationKind))
def test_a_long_address_is_wrapped_on_a_narrow_screen(kind: ConfirmationKind) -> None:
    address = f"{'a' * 64}@{'b' * 60}.example"
    mail = written(letter(kind, address=address), address)
    wrapping = html.fromstring(mail.html).find(".//div[@style]")
    assert wrapping is not None
    assert "overflow-wrap:anywhere" in (wrapping.get("style") or "")
    assert address in [strong.text for strong in wrapping.iter("strong")]


def test_a_verification_has_one_link_and_a_preference_two() -> None:
    assert written(letter(ConfirmationKind.EMAIL_VERIFICATION)).links == [
        f"https://billing.example/x/confirm/{TOKEN}"
    ]
    mail = written(letter())
    assert mail.links == [
        f"https://billing.example/x/confirm/{TOKEN}",
        f"https://billing.example/x/withdraw/{OTHER}",
    ]
    for part in (mail.text, mail.html):
        for said in (
            "ann@acme.example",
            "Acme Limited",
            "itemised bills",
            "1 October 2026, 10:30 BST",
        ):
            assert said in part
        assert "usage files" not in part


def test_a_mail_about_an_address_says_who_asks_what_and_until_when() -> None:
    mail = written(letter(ConfirmationKind.EMAIL_VERIFICATION), organisation=ACME)
    assert (
        mail.text.replace("\r\n", "\n")
        == f"""\
Hello Ann,

Acme Telecom asks you to confirm your email address.

Acme Limited has this email address for you:

  ann@acme.example

If it is yours, open this page and press the button on it:

https://billing.example/x/confirm/{TOKEN}

We then record that the address is yours. You need not do anything else.
The link works once, until 1 October 2026, 10:30 BST.
If you did not expect this mail, do nothing: then nothing changes.

Acme Telecom
Questions? Contact us: help@acme.example

Privacy notice:
https://acme.example/privacy
"""
    )
    assert words_of(mail.html) == (
        "Hello Ann, Acme Telecom asks you to confirm your email address. Acme Limited has this"
        " email address for you: ann@acme.example If it is yours, open this page and press the"
        " button on it: Confirm this address We then record that the address is yours. You need"
        " not do anything else. The link works once, until 1 October 2026, 10:30 BST. If you did"
        " not expect this mail, do nothing: then nothing changes. Acme Telecom Questions? Contact"
        " us: help@acme.example Privacy notice"
    )
    assert mail.links[1:] == ["https://acme.example/privacy"]


def test_a_mail_about_documents_says_who_asks_what_and_how_to_withdraw() -> None:
    mail = written(letter(), organisation=ACME)
    assert (
        mail.text.replace("\r\n", "\n")
        == f"""\
Hello Ann,

Acme Telecom asks whether you want full call details by email.

For the account of Acme Limited, you can get these in full
at ann@acme.example:

  - itemised bills, with the list of individual calls
  - call data records (CDR ZIP), without a password

They list individual calls. Emails are not encrypted on all of their way.
If you want them, open this page and press the button on it:

https://billing.example/x/confirm/{TOKEN}

From then on, you get them in full by email while you are on the account's
bill distribution list.
The link works once, until 1 October 2026, 10:30 BST.
If you do not want them, do nothing: then nothing changes.

You can change your mind at any time. This page stops these emails:

https://billing.example/x/withdraw/{OTHER}

Acme Telecom
Questions? Contact us: help@acme.example

Privacy notice:
https://acme.example/privacy
"""
    )
    assert words_of(mail.html) == (
        "Hello Ann, Acme Telecom asks whether you want full call details by email. For the account"
        " of Acme Limited, you can get these in full at ann@acme.example: itemised bills, with the"
        " list of individual calls call data records (CDR ZIP), without a password They list"
        " individual calls. Emails are not encrypted on all of their way. If you want them, open"
        " this page and press the button on it: Yes, email these to me From then on, you get them"
        " in full by email while you are on the account's bill distribution list. The link works"
        " once, until 1 October 2026, 10:30 BST. If you do not want them, do nothing: then nothing"
        " changes. You can change your mind at any time: stop emailing these to me. Acme Telecom"
        " Questions? Contact us: help@acme.example Privacy notice"
    )


@pytest.mark.parametrize("kind", ConfirmationKind)
def test_without_an_organisation_a_mail_uses_neutral_words(kind: ConfirmationKind) -> None:
    mail = written(letter(kind))
    for part in (mail.text, mail.html):
        assert "asks" not in part
        assert "Privacy" not in part
        assert "Questions" not in part
    assert mail.text.endswith("Acme Billing\r\n")


def test_plain_names_are_shown_as_they_are() -> None:
    for kind in ConfirmationKind:
        mail = written(letter(kind, name="Seán O'Brien", customer="Smith & Sons"))
        assert mail.message["To"].addresses[0].display_name == "Seán O'Brien"
        assert "Hello Seán O'Brien," in mail.text
        assert "Hello Seán O&#39;Brien," in mail.html
        assert "Smith & Sons" in mail.text
        assert "Smith &amp; Sons" in mail.html


@pytest.mark.parametrize("kind", ConfirmationKind)
@pytest.mark.parametrize(
    "name",
    [
        "Win a prize at evil.example/now",
        "evil．example",  # noqa: RUF001  # a disguise
        '<img src=x onerror="alert(1)">&amp; {{ 7*7 }}',
        "Ann\r\nBcc: eve@evil.example",
    ],
)
def test_what_is_no_plain_name_is_in_no_part_of_a_mail(kind: ConfirmationKind, name: str) -> None:
    """A caller chooses name and address, so mails must not carry the caller's text to strangers."""
    mail = written(letter(kind, name=name, customer=name))
    assert mail.message.keys() == HEADERS
    assert mail.message["To"].addresses[0].display_name == ""
    assert mail.text.splitlines()[0] == "Hello,"
    assert "<p>Hello,</p>" in mail.html
    whole = bytes(mail.message).decode() + mail.text + mail.html
    for word in ("evil", "Win", "prize", "img", "alert", "Bcc"):
        assert word not in whole
    assert ("A customer of ours" in mail.text) is (kind is ConfirmationKind.EMAIL_VERIFICATION)


def test_an_international_address_travels_as_servers_take_it() -> None:
    mail = written(letter(address="ann@münchen.example"), "ann@xn--mnchen-3ya.example")
    assert mail.message["To"].addresses[0].addr_spec == "ann@xn--mnchen-3ya.example"
    assert "ann@münchen.example" in mail.text
    raw = bytes(
        confirmation_message(letter(name="Jörg"), "jörg@acme.example", SENDER, "https://x", AT)
    )
    assert "To: Jörg <jörg@acme.example>".encode() in raw


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_name_becomes_a_header(name: str, subject: str) -> None:
    """The name is refused, or the mail has only the intended headers."""
    try:
        message = compose(
            message_id="cfm_1",
            sender=SENDER,
            to_name=name,
            to_address="ann@acme.example",
            subject=subject,
            text="x",
            html="<p>x</p>",
            at=AT,
        )
    except ValueError:
        return
    mail = Mail.of(bytes(message))
    assert mail.message.keys() == HEADERS
    assert [one.addr_spec for one in mail.message["To"].addresses] == ["ann@acme.example"]


@pytest.mark.parametrize(
    "word",
    [
        "=?utf-8?B?eA0KQmNjOiB2QHcuZXhhbXBsZQ==?=",
        "=?utf-8?Q?a=0D=0ABcc:_v=40w.example?=",
        "=?utf-8?Q?a=0D=0AContent-Type:_text/html=0D=0A=0D=0A<b>Confirm</b><!--?=",
        "==??utf-8?Q?a=0D=0ABcc:_v=40w.example?=",
    ],
)
@pytest.mark.parametrize("field", ["to_name", "subject", "sender"])
def test_an_encoded_word_is_not_decoded_into_a_header(field: str, word: str) -> None:
    values: dict[str, Any] = {"to_name": "Ann", "subject": "Hello", "sender": SENDER}
    values[field] = Sender(word, SENDER.address) if field == "sender" else word
    message = compose(
        message_id="cfm_1",
        to_address="ann@acme.example",
        text="x",
        html="<p>x</p>",
        at=AT,
        **values,
    )
    mail = Mail.of(bytes(message))
    assert mail.message.keys() == HEADERS
    assert [one.addr_spec for one in mail.message["To"].addresses] == ["ann@acme.example"]
    assert mail.text.strip() == "x"


def test_an_address_that_mails_would_decode_is_none() -> None:
    address = "=?utf-8?Q?a=0D=0ABcc=3A_v=40w.example?=@sample.example"
    with pytest.raises(InvalidEmailError):
        normalise_email(address)
    with pytest.raises(ValueError, match="encoded word"):
        compose(
            message_id="cfm_1",
            sender=SENDER,
            to_name="Ann",
            to_address=address,
            subject="Hello",
            text="x",
            html="x",
            at=AT,
        )


@pytest.mark.parametrize("ending", ["\r\nBcc: eve@evil.example", "\n", "\r", "\x00", "\u2028"])
@pytest.mark.parametrize("field", ["to_name", "to_address", "subject", "message_id"])
def test_a_header_value_with_a_control_character_is_refused(field: str, ending: str) -> None:
    values = {
        "message_id": "cfm_1",
        "to_name": "Ann",
        "to_address": "ann@acme.example",
        "subject": "Hello",
    }
    values[field] += ending

    def write() -> EmailMessage:
        return compose(sender=SENDER, text="x", html="x", at=AT, **values)

    with pytest.raises(ValueError, match=r"control character"):
        write()


def test_a_letter_does_not_print_its_secrets() -> None:
    assert TOKEN not in repr(letter())
    assert OTHER not in repr(letter())
