"""Reading accounts in a separate process gives the same result as in this process."""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from typing import Any

import pytest

from enrichment.accounts import AccountsRefused, read_accounts
from enrichment.accounts_process import AccountsReaderDied, accounts_of, read_accounts_in_subprocess
from tests.enrichment.accounts.documents import (
    BALANCE_SHEET,
    NUMBER,
    employees,
    inline,
    number,
    package,
)

OWN = inline(*BALANCE_SHEET)
ODD = inline(
    number("FixedAssets", "1,234.56", decimals="2"),
    number("CurrentAssets", "?"),
    number("Equity", "9"),
    employees("2.5"),
)


@pytest.mark.parametrize("content", [OWN, ODD, package([("x/accounts/a.xhtml", OWN)])])
async def test_accounts_come_back_as_they_were_read(content: bytes) -> None:
    expected = read_accounts(content, company_number=NUMBER)
    assert await read_accounts_in_subprocess(content, company_number=NUMBER) == expected


@pytest.mark.parametrize(
    ("content", "company_number"),
    [(OWN, "07654321"), (b"%PDF", NUMBER), (b"", NUMBER), (b"<a>" * 3_000_000, NUMBER)],
)
async def test_a_refusal_comes_back_as_it_was_raised(content: bytes, company_number: str) -> None:
    with pytest.raises(AccountsRefused) as here:
        read_accounts(content, company_number=company_number)
    with pytest.raises(AccountsRefused) as apart:
        await read_accounts_in_subprocess(content, company_number=company_number)
    assert (apart.value.code, apart.value.message) == (here.value.code, here.value.message)


async def test_the_process_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[dict[str, Any]] = []
    create = asyncio.create_subprocess_exec

    async def noted(*arguments: str, **options: Any) -> Process:
        given.append(options)
        return await create(*arguments, **options)

    monkeypatch.setenv("COMPANIES_HOUSE_KEY", "secret")
    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    await read_accounts_in_subprocess(OWN, company_number=NUMBER)
    assert given[0]["env"].keys() <= {"LD_LIBRARY_PATH", "PATH"}


async def test_a_cancelled_reading_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
    create = asyncio.create_subprocess_exec

    async def noted(*arguments: str, **options: Any) -> Process:
        process = await create(*arguments, **options)
        os.kill(process.pid, signal.SIGSTOP)  # so that it cannot end by itself
        started.set_result(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noted)
    reading = asyncio.create_task(read_accounts_in_subprocess(OWN, company_number=NUMBER))
    process = await started
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert process.returncode == -signal.SIGKILL


def test_a_process_that_took_too_long_refuses_the_document() -> None:
    with pytest.raises(AccountsRefused) as refused:
        accounts_of(-signal.SIGXCPU, b"")
    assert refused.value.code == "TOO_LARGE"


@pytest.mark.parametrize("status", [1, -signal.SIGKILL, -signal.SIGTERM, None])
def test_a_process_that_died_says_nothing_of_the_document(status: int | None) -> None:
    with pytest.raises(AccountsReaderDied):
        accounts_of(status, b'{"refusal": null}')


async def test_a_document_that_takes_too_much_memory_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    create = asyncio.create_subprocess_exec
    code = (
        "import enrichment.accounts.__main__ as apart;"
        "apart.MAX_MEMORY_BYTES = 100_000_000; apart.main()"
    )

    async def bounded(python: str, *_: str, **options: Any) -> Process:
        return await create(python, "-c", code, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", bounded)
    large = inline(*BALANCE_SHEET, "<b/>" * 900_000)
    with pytest.raises(AccountsRefused) as refused:
        await read_accounts_in_subprocess(large, company_number=NUMBER)
    assert refused.value.code == "TOO_LARGE"
