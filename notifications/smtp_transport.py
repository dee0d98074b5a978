"""Sends mails by SMTP, and distinguishes temporary failures from permanent ones."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import aiosmtplib
from aiosmtplib import SMTP

from models.rules.mail_failure import MailFailureCode as Code
from notifications.errors import MailDelayed, MailFault, MailRefused

PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
TIMEOUT_S = 10.0
"""Seconds in which a server must accept a mail, or a silent server would block workers."""

GOODBYE_S = 1.0
PERMANENT = 500


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server, with its address, encryption and login.

    `is_tls` means that the connection is encrypted from the first byte. `starttls` is True if
    STARTTLS is required, False if it is not used, and None if it is used when the server offers it.
    """

    host: str
    port: int
    is_tls: bool
    starttls: bool | None
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def smtp_server(url: str) -> SmtpServer:
    """Return the server of a URL such as `smtp+starttls://user:password@mail.example:587`.

    `smtps` is encrypted from the first byte, `smtp+starttls` before the login, and `smtp` if the
    server offers encryption. A password for another machine always needs encryption. Raises
    ValueError for an invalid URL; the message does not repeat the URL, which may have a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError(
            "SMTP_URL must begin with smtp://, smtp+starttls:// or smtps://, followed by a host"
        )
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ValueError("SMTP_URL must end after the host and port, without path or query")
    try:
        port = parts.port or PORTS[parts.scheme]
    except ValueError as error:
        raise ValueError(
            "SMTP_URL must have a port from 1 to 65535, or none for the usual port"
        ) from error
    if (parts.username is None) != (parts.password is None):
        raise ValueError("SMTP_URL must have both a user and a password, or neither")
    return SmtpServer(
        host=parts.hostname,
        port=port,
        is_tls=parts.scheme == "smtps",
        starttls=_starttls(parts.scheme, parts.hostname, has_password=parts.password is not None),
        user=None if parts.username is None else unquote(parts.username),
        password=None if parts.password is None else unquote(parts.password),
    )


def _starttls(scheme: str, host: str, *, has_password: bool) -> bool | None:
    if scheme == "smtps":
        return False
    if scheme == "smtp+starttls":
        return True
    if host in LOOPBACK:
        return False
    return True if has_password else None


class SmtpTransport:
    """Sends mails by SMTP, each over its own connection."""

    def __init__(
        self,
        server: SmtpServer,
        sender: str,
        *,
        timeout_s: float = TIMEOUT_S,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._server = server
        self._sender = sender
        self._timeout_s = timeout_s
        self._tls = tls

    async def send(self, message: EmailMessage, recipient: str) -> None:
        """Send a mail, and return once the server has accepted it.

        Raises MailDelayed or MailRefused. If the connection is lost before the server's reply
        arrives, MailDelayed is raised; the next attempt may then send the mail a second time.
        """
        client = self._client()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._connect(client)
                await self._hand_over(client, message, recipient)
        except TimeoutError as error:
            raise MailDelayed(Code.TOO_SLOW) from error
        finally:
            client.close()

    async def remove(self, mail_id: str) -> None:
        """Do nothing, since copies on a mail server cannot be deleted."""

    async def check(self) -> None:
        """Connect and sign in without sending anything; raises MailDelayed."""
        client = self._client()
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._connect(client)
        except TimeoutError as error:
            raise MailDelayed(Code.TOO_SLOW) from error
        finally:
            client.close()

    def _client(self) -> SMTP:
        server = self._server
        return SMTP(
            hostname=server.host,
            port=server.port,
            local_hostname=self._sender.rpartition("@")[2],
            use_tls=server.is_tls,
            start_tls=server.starttls,
            username=server.user,
            password=server.password,
            timeout=self._timeout_s,
            tls_context=self._tls,
        )

    async def _connect(self, client: SMTP) -> None:
        """Connect and sign in; raises MailDelayed for any failure.

        No such failure is permanent: it is temporary, or an operator can fix it.
        """
        try:
            await client.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise MailDelayed(Code.SIGN_IN_REFUSED, error.code) from error
        except aiosmtplib.SMTPTimeoutError as error:
            raise MailDelayed(Code.TOO_SLOW) from error
        except aiosmtplib.SMTPResponseException as error:
            raise MailDelayed(Code.TEMPORARILY_REFUSED, error.code) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailDelayed(_why_no_connection(error)) from error

    async def _hand_over(self, client: SMTP, message: EmailMessage, recipient: str) -> None:
        try:
            await client.send_message(message, sender=self._sender, recipients=[recipient])
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise _answered(error.recipients[0].code, Code.RECIPIENT_REFUSED) from error
        except aiosmtplib.SMTPNotSupported as error:
            raise MailRefused(Code.ADDRESS_NOT_SUPPORTED) from error
        except aiosmtplib.SMTPHeloError as error:
            raise MailDelayed(Code.TEMPORARILY_REFUSED, error.code) from error
        except aiosmtplib.SMTPResponseException as error:
            raise _answered(error.code, Code.MAIL_REFUSED) from error
        except aiosmtplib.SMTPTimeoutError as error:
            raise MailDelayed(Code.TOO_SLOW) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            raise MailDelayed(Code.BROKE_OFF) from error
        # The mail is accepted, so a failure of QUIT does not matter.
        with suppress(aiosmtplib.SMTPException, OSError):
            await client.quit(timeout=GOODBYE_S)


def _why_no_connection(error: Exception) -> Code:
    if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
        return Code.NOT_ENCRYPTED
    # The library has no exception class for a server without STARTTLS.
    if "STARTTLS extension" in str(error):
        return Code.NOT_ENCRYPTED
    return Code.SIGN_IN_REFUSED if "AUTH extension" in str(error) else Code.UNREACHABLE


def _answered(status: int, refusal: Code) -> MailFault:
    """Return the fault for a reply of the server: MailRefused for 5xx, otherwise MailDelayed."""
    if status >= PERMANENT:
        return MailRefused(refusal, status)
    return MailDelayed(Code.TEMPORARILY_REFUSED, status)
