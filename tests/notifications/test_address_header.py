"""The headers From and To have exactly one name and mailbox, for any name."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8, compat32
from email.utils import getaddresses

import pytest
from aiosmtplib.email import flatten_message
from hypothesis import given
from hypothesis import strategies as st

from notifications.address_header import MailboxHeader
from notifications.mime import Sender, compose

AT = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)
ADDRESS = "ann@acme.example"
LONG_ADDRESS = f"{'a' * 64}@{'b' * 60}.{'c' * 60}.example"

NAMES = (
    "",
    "Ann",
    "Ann Example",
    "Doe, John",
    "Doe, John, Director of a Company With a Very Long Name, and of Another One, Limited",
    "A, " * 60 + "B",
    "x" * 150 + ", y",
    'He said "hello", ' * 8 + "twice",
    "Ann (Billing) " * 10 + "Department",
    "back\\slash, " * 12 + "end",
    "evil@bad.example, " * 8 + "x",
    "<evil@bad.example>, " * 8 + "x",
    "group: a, b;" * 10,
    "Gr\u00f6\u00dfe, " * 20 + "GmbH",
    "\u793e, " * 60 + "\u682a",
    "word " * 39 + "word",
)


def written(name: str, address: str = ADDRESS, *, utf8: bool = False) -> bytes:
    message = EmailMessage(SMTPUTF8 if utf8 else SMTP)
    message["To"] = MailboxHeader("To", name, address)
    message.set_content("x")
    content: bytes = flatten_message(message, utf8=utf8)  # as the SMTP client does
    assert content == bytes(message)
    return content


def read(content: bytes) -> list[tuple[str, str]]:
    """Return the mailboxes in From and To, parsed according to the standards."""
    value = str(message_from_bytes(content, policy=compat32)["To"]).replace("\r\n", "")
    if not value.isascii():
        value = value.encode("ascii", "surrogateescape").decode()
    return [
        (str(make_header(decode_header(name))) if name.isascii() else name, address)
        for name, address in getaddresses([value])
    ]


@pytest.mark.parametrize("address", [ADDRESS, LONG_ADDRESS])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_one_name_of_one_mailbox(name: str, address: str) -> None:
    content = written(name, address)
    head = content.partition(b"\r\nContent-Type")[0]
    assert head.isascii()
    assert read(content) == [(name, address)]
    assert max(map(len, head.split(b"\r\n"))) <= 998


@pytest.mark.parametrize("name", NAMES)
def test_so_it_is_where_utf8_is_agreed_on(name: str) -> None:
    head = written(name, utf8=True).partition(b"\r\nContent-Type")[0].decode()
    quoted = head.removeprefix("To: ").replace("\r\n ", " ")
    assert getaddresses([quoted]) == [(name, ADDRESS)]


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp", "Cf"]), max_size=200).map(
        lambda name: " ".join(name.split(" ")).strip().replace("=?", "= ?")
    )
)
def test_no_name_adds_a_mailbox(name: str) -> None:
    content = written(name)
    message = message_from_bytes(content, policy=SMTP)
    assert [one.addr_spec for one in message["To"].addresses] == [ADDRESS]
    assert message.keys() == ["To", "Content-Type", "Content-Transfer-Encoding", "MIME-Version"]


@pytest.mark.parametrize("name", NAMES)
def test_mails_are_composed_so(name: str) -> None:
    message = compose(
        message_id="cfm_1",
        sender=Sender(name or "Acme", "no-reply@billing.example"),
        to_name=name,
        to_address=ADDRESS,
        subject="Hello",
        text="Hello",
        html="<p>Hello</p>",
        at=AT,
    )
    assert read(bytes(message)) == [(name, ADDRESS)]
