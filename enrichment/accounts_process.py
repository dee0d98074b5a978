"""Reads accounts documents in a separate process, so that the event loop is not blocked."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter

from enrichment.accounts import Accounts, AccountsRefused, RefusalCode
from enrichment.accounts.software import software_of

_ROOT = Path(__file__).resolve().parent.parent
_ENVIRONMENT = ("LD_LIBRARY_PATH", "PATH")
"""Environment variables that the process gets: it parses untrusted files, so it gets no secrets."""


READ, PARTIAL, READER_DIED = "READ", "PARTIAL", "READER_DIED"
"""Outcomes of reading accounts, beside the codes of refusals."""

NoteAccounts = Callable[[str, str], object]
"""Listens to the reading of accounts; it gets the producing software and the outcome."""


class AccountsReader(Protocol):
    """Reads accounts like `read_accounts_in_subprocess`."""

    async def __call__(self, content: bytes, *, company_number: str) -> Accounts:
        """Return the accounts in a document."""


class AccountsReaderDied(Exception):
    """The process that reads accounts ended without a result; a retry may help."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    code: RefusalCode
    message: str


@dataclass(frozen=True, slots=True)
class _Answer:
    accounts: Accounts | None = None
    refusal: _Refusal | None = None


_ANSWER = TypeAdapter(_Answer)


async def read_accounts_in_subprocess(content: bytes, *, company_number: str) -> Accounts:
    """Return the accounts in a document, read by `read_accounts` in a separate process.

    Raises AccountsRefused if the document cannot be read or is of another company, and
    AccountsReaderDied if the process ends without a result.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "enrichment.accounts", company_number),
        cwd=_ROOT,
        env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        start_new_session=True,  # Ctrl-C stops only the worker, which then stops this process
    )
    try:
        output, _ = await process.communicate(content)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return accounts_of(process.returncode, output)


def noted_reader(note: NoteAccounts) -> AccountsReader:
    """Return `read_accounts_in_subprocess`, which reports each outcome to `note`."""

    async def read(content: bytes, *, company_number: str) -> Accounts:
        outcome = None
        try:
            accounts = await read_accounts_in_subprocess(content, company_number=company_number)
            outcome = PARTIAL if accounts.unreadable else READ
        except AccountsRefused as refused:
            outcome = refused.code.value
            raise
        except AccountsReaderDied:
            outcome = READER_DIED
            raise
        finally:
            if outcome is not None:  # the worker was not stopped meanwhile
                note(software_of(content), outcome)
        return accounts

    return read


def accounts_of(status: int | None, output: bytes) -> Accounts:
    """Return the accounts in the output of the process that read them; `status` is its exit status.

    Raises AccountsRefused if the document was refused or took too long, and AccountsReaderDied if
    there is no result.
    """
    if status == -signal.SIGXCPU:
        raise AccountsRefused(RefusalCode.TOO_LARGE, "Reading the document takes too long.")
    answer = _ANSWER.validate_json(output) if status == 0 else _Answer()
    if answer.refusal is not None:
        raise AccountsRefused(answer.refusal.code, answer.refusal.message)
    if answer.accounts is None:
        raise AccountsReaderDied(f"status {status}")
    return answer.accounts
