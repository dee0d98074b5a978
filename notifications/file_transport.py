"""Writes mails to files in a folder, instead of sending them, if no mail server is set."""

import asyncio
import os
import tempfile
from email.message import EmailMessage
from pathlib import Path

from models.rules.mail_failure import MailFailureCode
from notifications.errors import MailDelayed


class FileTransport:
    """Writes each mail to a file in a folder; a mail that is sent again replaces its file.

    A file is written completely or not at all. The folder can be read by its owner only, since
    anybody who knows the links in a mail can confirm.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, message: EmailMessage, recipient: str) -> None:  # noqa: ARG002  # the file has no recipient
        """Write a mail to its file; raises MailDelayed if that fails."""
        name = str(message["Message-ID"]).strip("<>").partition("@")[0]
        try:
            await asyncio.to_thread(self._write, f"{name}.eml", bytes(message))
        except OSError as error:
            raise MailDelayed(MailFailureCode.UNREACHABLE) from error

    async def remove(self, mail_id: str) -> None:
        """Delete the file of a mail, if it exists; raises MailDelayed if that fails."""
        try:
            await asyncio.to_thread((self._folder / f"{mail_id}.eml").unlink, missing_ok=True)
        except OSError as error:
            raise MailDelayed(MailFailureCode.UNREACHABLE) from error

    def _write(self, name: str, content: bytes) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, self._folder / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
