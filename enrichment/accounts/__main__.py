"""Reads one accounts document from standard input, and writes its figures as JSON.

The only argument, which may be left out, is the number of the company whose accounts they must be.
"""

import json
import os
import resource
import sys
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from enrichment.accounts.model import AccountsRefused, RefusalCode
from enrichment.accounts.reader import read_accounts

MAX_CPU_S = 20
MAX_MEMORY_BYTES = 1024**3
_POLITENESS = 10


def main() -> None:
    """Read the document at low priority, with limits on processor time and memory."""
    os.nice(_POLITENESS)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_CPU, MAX_CPU_S)
    _limit(resource.RLIMIT_AS, MAX_MEMORY_BYTES)
    number = sys.argv[1] if len(sys.argv) > 1 else None
    json.dump(_answer(sys.stdin.buffer.read(), number), sys.stdout, default=_plain)


def _answer(content: bytes, number: str | None) -> dict[str, Any]:
    try:
        return {"accounts": asdict(read_accounts(content, company_number=number))}
    except AccountsRefused as refused:
        return {"refusal": {"code": refused.code, "message": refused.message}}
    except MemoryError:
        message = "Reading the document takes more memory than the accounts of any company."
        return {"refusal": {"code": RefusalCode.TOO_LARGE, "message": message}}


def _limit(kind: int, most: int) -> None:
    with suppress(ValueError, OSError):  # some systems do not have this limit
        resource.setrlimit(kind, (most, most))


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)


if __name__ == "__main__":
    main()
