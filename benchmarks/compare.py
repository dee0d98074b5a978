"""Compares the answers of the servers; refuses to measure servers that differ."""

from collections.abc import Sequence
from typing import Any

import orjson

from benchmarks.load import FailedError, Load
from benchmarks.operations import Operation, plain, saved
from benchmarks.servers import Running

TURNS = 5
"""How many answers to compare per operation and server."""


async def check_equal(
    load: Load, servers: Sequence[Running], operations: Sequence[Operation]
) -> int:
    """Compare all answers with those of the first server; return how many were compared.

    Raises FailedError if an answer differs or is empty.
    """
    compared = 0
    for operation in operations:
        able = [running for running in servers if running.supports(operation)]
        turns = 1 if operation.writes else TURNS
        for turn in range(turns):
            expected: Any = None
            for running in able:
                answer = _form(operation, await load.ask(running, operation, turn))
                if not _has_content(answer):
                    raise FailedError(f"{running.server.title} found nothing for {operation.key}.")
                if running is able[0]:
                    expected = answer
                    continue
                if where := difference(expected, answer):
                    raise FailedError(
                        f"{operation.key}: {running.server.title} differs from"
                        f" {able[0].server.title} at {where}"
                    )
                compared += 1
    return compared


def difference(expected: Any, answer: Any, path: str = "data") -> str | None:
    """Return where two answers first differ; None if they are equal."""
    if isinstance(expected, dict) and isinstance(answer, dict):
        if expected.keys() != answer.keys():
            return f"{path}: fields {sorted(expected)} and {sorted(answer)}"
        pairs = [(expected[key], answer[key], f"{path}.{key}") for key in expected]
    elif isinstance(expected, list) and isinstance(answer, list):
        if len(expected) != len(answer):
            return f"{path}: {len(expected)} and {len(answer)} entries"
        entries = zip(expected, answer, strict=True)
        pairs = [(one, other, f"{path}[{at}]") for at, (one, other) in enumerate(entries)]
    else:
        return None if expected == answer else f"{path}: {_short(expected)} and {_short(answer)}"
    return next((found for pair in pairs if (found := difference(*pair))), None)


def _form(operation: Operation, data: Any) -> Any:
    """Return an answer in the common form, without the values that differ between servers."""
    if operation.writes:
        made = saved(data)
        # Each request creates a customer with a new number, so these fields always differ.
        return {key: made[key] for key in made if key not in {"name", "companyNumber"}}
    formed = plain(data)
    if "customers" in formed and "pageInfo" in formed["customers"]:
        del formed["customers"]["pageInfo"]  # Each server has its own cursor format.
    return formed


def _has_content(answer: Any) -> bool:
    return all(value not in (None, []) for value in answer.values())


def _short(value: Any) -> str:
    return orjson.dumps(value).decode()[:100]
