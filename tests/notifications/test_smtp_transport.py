"""Sending mails to real mail servers on loopback, and to faulty ones."""

import socket
import ssl
from email.message import EmailMessage

import pytest
import trustme

from models.rules.mail_failure import MailFailureCode as Code
from notifications.errors import MailDelayed, MailFault, MailRefused
from notifications.smtp_transport import SmtpServer, SmtpTransport, smtp_server
from tests.notifications.example_mails import letter, written
from tests.notifications.servers import (
    Inbox,
    Talk,
    dying_at,
    mail_server,
    odd_server,
    silent,
    unwilling,
)

SENDER = "no-reply@billing.example"
TO = "ann@acme.example"


def post(url: str, timeout_s: float = 5.0, tls: ssl.SSLContext | None = None) -> SmtpTransport:
    return SmtpTransport(smtp_server(url), SENDER, timeout_s=timeout_s, tls=tls)


def mail() -> EmailMessage:
    return written(letter()).message


async def fault_of(
    url: str, timeout_s: float = 5.0, to: str = TO, tls: ssl.SSLContext | None = None
) -> MailFault:
    with pytest.raises(MailFault) as caught:
        await post(url, timeout_s, tls).send(mail(), to)
    return caught.value


async def test_a_mail_arrives_whole_from_whom_and_to_whom_it_was_sent() -> None:
    async with mail_server() as inbox:
        await post(inbox.url).send(mail(), TO)
        await post(inbox.url).send(mail(), TO)
    assert [to for to, _ in inbox.taken] == [TO, TO]
    assert inbox.senders == [SENDER, SENDER]
    (one, other) = (taken for _, taken in inbox.taken)
    assert one.links == other.links == written(letter()).links
    assert one.message["Message-ID"] == other.message["Message-ID"] == "<cfm_1@billing.example>"


@pytest.mark.parametrize(
    ("answers", "kind", "code", "status"),
    [
        ({"to_rcpt": ["550 no such user"]}, MailRefused, Code.RECIPIENT_REFUSED, 550),
        ({"to_rcpt": ["450 greylisted"]}, MailDelayed, Code.TEMPORARILY_REFUSED, 450),
        ({"to_data": ["554 spam"]}, MailRefused, Code.MAIL_REFUSED, 554),
        ({"to_data": ["451 disk is full"]}, MailDelayed, Code.TEMPORARILY_REFUSED, 451),
        ({"to_mail": ["550 not you"]}, MailRefused, Code.MAIL_REFUSED, 550),
        ({"to_mail": ["421 closing"]}, MailDelayed, Code.TEMPORARILY_REFUSED, 421),
    ],
)
async def test_a_refusal_for_good_is_told_from_one_for_now(
    answers: dict[str, list[str]], kind: type[MailFault], code: Code, status: int
) -> None:
    async with mail_server(Inbox(**answers)) as inbox:  # type: ignore[arg-type]  # lists all
        fault = await fault_of(inbox.url)
    assert (type(fault), fault.code, fault.status) == (kind, code, status)
    assert inbox.taken == []


async def test_a_server_that_is_down_is_tried_again() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    fault = await fault_of(f"smtp://127.0.0.1:{port}")
    assert (type(fault), fault.code) == (MailDelayed, Code.UNREACHABLE)


@pytest.mark.parametrize(
    ("talk", "code"),
    [
        (silent, Code.TOO_SLOW),
        (unwilling, Code.TEMPORARILY_REFUSED),
        (dying_at(b"EHLO"), Code.BROKE_OFF),
        (dying_at(b"MAIL"), Code.BROKE_OFF),
        (dying_at(b"DATA"), Code.BROKE_OFF),
        (dying_at(b"SUBJECT"), Code.BROKE_OFF),
        (dying_at(b".\r\n"), Code.BROKE_OFF),
    ],
)
async def test_a_server_that_is_slow_or_dies_is_tried_again(talk: Talk, code: Code) -> None:
    async with odd_server(talk) as url:
        fault = await fault_of(url, timeout_s=1.2)
    assert (type(fault), fault.code) == (MailDelayed, code)


async def test_a_server_that_dies_at_goodbye_has_taken_the_mail() -> None:
    async with odd_server(dying_at(b"QUIT")) as url:
        await post(url).send(mail(), TO)


async def test_an_address_beyond_ascii_needs_a_server_that_takes_it() -> None:
    async with mail_server(takes_utf8=False) as inbox:
        fault = await fault_of(inbox.url, to="jörg@acme.example")
        assert (type(fault), fault.code) == (MailRefused, Code.ADDRESS_NOT_SUPPORTED)
    async with mail_server() as inbox:
        await post(inbox.url).send(mail(), "jörg@acme.example")
        assert [to for to, _ in inbox.taken] == ["jörg@acme.example"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_user_and_password_open_a_server_that_asks_for_them() -> None:
    async with mail_server(needs_sign_in=True) as inbox:
        place = inbox.url.removeprefix("smtp://")
        await post(f"smtp://mailer:s3cret%3A%2F%40word@{place}").send(mail(), TO)
        assert len(inbox.taken) == 1
        fault = await fault_of(f"smtp://mailer:wrong@{place}")
        assert (type(fault), fault.code) == (MailDelayed, Code.SIGN_IN_REFUSED)
    assert "s3cret" not in repr(smtp_server("smtp://mailer:s3cret@mail.example"))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
async def test_encryption_needs_a_certificate_that_is_trusted(
    authority: trustme.CA, scheme: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with mail_server(tls=context, is_tls_from_start=scheme == "smtps") as inbox:
        url = inbox.url.replace("smtp://", f"{scheme}://")
        fault = await fault_of(url)
        assert (type(fault), fault.code) == (MailDelayed, Code.NOT_ENCRYPTED)
        await post(url, tls=trusting).send(mail(), TO)
    assert inbox.was_encrypted == [True]


async def test_a_server_without_the_encryption_demanded_gets_no_mail() -> None:
    async with mail_server() as inbox:
        fault = await fault_of(inbox.url.replace("smtp://", "smtp+starttls://"))
    assert (type(fault), fault.code) == (MailDelayed, Code.NOT_ENCRYPTED)
    assert inbox.taken == []


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example", SmtpServer("mail.example", 25, False, None)),
        ("smtp://mail.example:2525/", SmtpServer("mail.example", 2525, False, None)),
        ("smtp://localhost", SmtpServer("localhost", 25, False, False)),
        ("smtp+starttls://mail.example", SmtpServer("mail.example", 587, False, True)),
        ("smtps://mail.example", SmtpServer("mail.example", 465, True, False)),
        ("smtp://u:p%40@mail.example", SmtpServer("mail.example", 25, False, True, "u", "p@")),
        ("smtp://[::1]:2525", SmtpServer("::1", 2525, False, False)),
    ],
)
def test_the_address_says_how_to_speak_with_the_server(url: str, server: SmtpServer) -> None:
    """A password is never sent unencrypted to another machine."""
    assert smtp_server(url) == server


@pytest.mark.parametrize(
    "url",
    [
        "mail.example",
        "http://mail.example",
        "smtp://",
        "smtp://mail.example:x",
        "smtp://mail.example:99999",
        "smtp://user@mail.example",
        "smtp://mail.example/inbox",
        "smtp://mail.example?x=1",
    ],
)
def test_what_is_no_address_of_a_mail_server_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"^SMTP_URL ") as caught:
        smtp_server(url)
    assert "mail.example" not in str(caught.value)
