"""Mail servers on loopback: a real one with scripted answers, and faulty ones."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.mails import Mail

OK = "250 OK"
USER, PASSWORD = b"mailer", b"s3cret:/@word"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Inbox:
    """The mails that a server accepted, and the answers to send next; by default it answers OK."""

    taken: list[tuple[str, Mail]] = field(default_factory=list)
    senders: list[str] = field(default_factory=list)
    to_mail: list[str] = field(default_factory=list)
    to_rcpt: list[str] = field(default_factory=list)
    to_data: list[str] = field(default_factory=list)
    was_encrypted: list[bool] = field(default_factory=list)
    url: str = ""

    async def handle_MAIL(  # noqa: N802  # aiosmtpd's own name
        self, _: SMTP, __: Session, envelope: Envelope, address: str, options: Sequence[str]
    ) -> str:
        answer = self.to_mail.pop(0) if self.to_mail else OK
        if answer == OK:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer

    async def handle_RCPT(  # noqa: N802  # see above
        self, _: SMTP, __: Session, envelope: Envelope, address: str, ___: Sequence[str]
    ) -> str:
        answer = self.to_rcpt.pop(0) if self.to_rcpt else OK
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802  # see above
        answer = self.to_data.pop(0) if self.to_data else OK
        if answer.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            self.taken.append((envelope.rcpt_tos[0], Mail.of(content)))
            self.senders.append(envelope.mail_from or "")
            assert server.transport is not None
            is_encrypted = server.transport.get_extra_info("sslcontext") is not None
            self.was_encrypted.append(is_encrypted)
        return answer


def _authenticate(*given: Any) -> AuthResult:
    said = given[-1]
    is_right = isinstance(said, LoginPassword) and (said.login, said.password) == (USER, PASSWORD)
    return AuthResult(success=is_right, handled=is_right)


@asynccontextmanager
async def mail_server(
    inbox: Inbox | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    is_tls_from_start: bool = False,
    needs_sign_in: bool = False,
    takes_utf8: bool = True,
) -> AsyncIterator[Inbox]:
    """Run a mail server on a free port; with only `tls` set, it offers STARTTLS."""
    inbox = inbox or Inbox()

    def make() -> SMTP:
        return SMTP(
            inbox,
            hostname="mail.example",
            enable_SMTPUTF8=takes_utf8,
            tls_context=None if is_tls_from_start else tls,
            authenticator=_authenticate if needs_sign_in else None,
            auth_required=needs_sign_in,
            auth_require_tls=False,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(make, "127.0.0.1", 0, ssl=tls if is_tls_from_start else None)
    try:
        inbox.url = f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield inbox
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def odd_server(talk: Talk) -> AsyncIterator[str]:
    """Run a server that runs `talk` for each connection; yield its URL."""
    talks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            await talk(reader, writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def dying_at(word: bytes) -> Talk:
    """Return a server's behaviour: it disconnects when a client's line starts with `word`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example\r\n")
        is_in_mail = False
        while line := (await reader.readline()).upper():
            if line.startswith(word):
                return
            if is_in_mail and line != b".\r\n":
                continue
            is_in_mail = line.startswith(b"DATA")
            writer.write(b"354 go on\r\n" if is_in_mail else b"250 OK\r\n")

    return talk


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Accept the connection and send nothing."""
    await reader.read()


async def unwilling(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send a refusal as the greeting."""
    writer.write(b"554 no service here\r\n")
    await writer.drain()
