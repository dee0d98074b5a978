"""How the settings choose the sender of mails and the transport."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from notifications.file_transport import FileTransport
from notifications.mail_transport import sender_of, transport_of
from notifications.mime import Sender
from notifications.smtp_transport import SmtpTransport
from settings import Settings


def settings(**given: Any) -> Settings:
    return Settings(**{"mailbox": Path("/nowhere"), **given})


def test_without_a_mail_server_mails_go_into_the_mailbox() -> None:
    assert isinstance(transport_of(settings()), FileTransport)
    assert isinstance(
        transport_of(settings(smtp_url=SecretStr("smtp://mail.example"))), SmtpTransport
    )


@pytest.mark.parametrize(
    ("given", "sender"),
    [
        ({}, Sender("Customer accounts", "no-reply@localhost")),
        (
            {"public_url": "https://billing.example/x/"},
            Sender("Customer accounts", "no-reply@billing.example"),
        ),
        ({"public_url": "http://[::1]:8000"}, Sender("Customer accounts", "no-reply@localhost")),
        (
            {"mail_from": "Acme Billing <post@münchen.example>"},
            Sender("Acme Billing", "post@xn--mnchen-3ya.example"),
        ),
        ({"mail_from": "post@acme.example"}, Sender("Customer accounts", "post@acme.example")),
        (
            {"mail_from": "post@acme.example", "organisation_name": "Acme Telecom"},
            Sender("Acme Telecom", "post@acme.example"),
        ),
    ],
)
def test_mails_come_from_whom_the_settings_say(given: dict[str, str], sender: Sender) -> None:
    assert sender_of(settings(**given)) == sender


@pytest.mark.parametrize("mail_from", ["nobody", "A <b>", "A <a@b.example>\r\nBcc: e@x.example"])
def test_a_sender_that_is_no_address_is_refused(mail_from: str) -> None:
    with pytest.raises(ValueError, match=r"MAIL_FROM|control character"):
        sender_of(settings(mail_from=mail_from))


@pytest.mark.parametrize(
    ("url", "begins"),
    [
        (None, "http://127.0.0.1:8000"),
        ("https://billing.example", "https://billing.example"),
        ("https://billing.example:8443/accounts/", "https://billing.example:8443/accounts"),
    ],
)
def test_links_begin_with_the_public_address(url: str | None, begins: str) -> None:
    assert settings(public_url=url).links_begin_with == begins


@pytest.mark.parametrize(
    ("host", "begins"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("10.0.0.7", "http://10.0.0.7:8000"),
        ("api.example", "http://api.example:8000"),
        ("::1", "http://[::1]:8000"),
        # The address for "all interfaces", which no client can connect to.
        ("0.0.0.0", "http://localhost:8000"),  # noqa: S104  # that is what it is about
        ("0", "http://localhost:8000"),
        ("::", "http://localhost:8000"),
        ("0:0:0:0:0:0:0:0", "http://localhost:8000"),
    ],
)
def test_without_a_public_address_links_lead_to_where_the_server_answers(
    host: str, begins: str
) -> None:
    assert settings(host=host).links_begin_with == begins
    assert sender_of(settings(host="::", mail_from=None)).address == "no-reply@localhost"


@pytest.mark.parametrize(
    ("given", "has_links"),
    [
        ({}, True),
        ({"port": 0}, False),
        ({"port": 0, "public_url": "https://billing.example"}, True),
    ],
)
def test_links_need_a_port_that_is_known(given: dict[str, Any], has_links: bool) -> None:
    assert settings(**given).has_links is has_links


@pytest.mark.parametrize(
    "url",
    [
        "billing.example",
        "ftp://billing.example",
        "https://",
        "https://user:secret@billing.example",
        "https://billing.example/?x=1",
        "https://billing.example/#x",
        "https://billing.example/\n",
    ],
)
def test_a_public_address_that_no_link_can_begin_with_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        settings(public_url=url)
