"""Verifies the consent ledgers of a whole database or copy, a batch of customers at a time."""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import click

from commands.data.rows import Rows
from models.lists.consent_evidence import breaks_of
from models.rules.consent import EntryKind

BATCH = 500
SHOWN = 5
KINDS = {one.value: one for one in EntryKind}


class LedgerBroken(click.ClickException):
    """Consent ledgers of the database differ from what was recorded."""


async def verify_ledgers(rows: Rows) -> int:
    """Verify the consent ledgers of all customers; return how many have entries.

    Raises LedgerBroken, with the ids of the first customers whose ledger is not intact.
    """
    verified, last = 0, ""
    broken: list[str] = []
    while customers := await rows.ids_after("customer", last, BATCH):
        ids = [one["id"] for one in customers]
        entries, testimonies, stored = [
            _by_customer(await rows.of(f"consent_{what}", "customer_id", ids))
            for what in ("entry", "testimony", "period")
        ]
        ledgers = {one["id"]: one for one in await rows.of("consent_ledger", "id", ids)}
        for entry in (one for some in entries.values() for one in some):
            entry.kind = KINDS.get(entry.kind, entry.kind)  # the rules compare by identity
        for one in customers:
            own = one["id"]
            ledger = ledgers.get(own)
            if ledger is None and own not in entries:
                continue
            verified += 1
            found = breaks_of(
                sorted(entries[own], key=lambda row: row.sequence),
                testimonies[own],
                stored[own],
                None if ledger is None else (ledger["entry_count"], ledger["last_hash"]),
                is_erased=one["erased_at"] is not None,
            )
            if found:
                broken.append(own)
        last = ids[-1]
    if broken:
        some = ", ".join(broken[:SHOWN]) + (" and others" if len(broken) > SHOWN else "")
        raise LedgerBroken(
            f"{len(broken):,} consent ledgers are not intact, those of the customers {some}."
            " `verifyConsentLedger` of the API says what differs."
        )
    return verified


def _by_customer(rows: list[dict[str, Any]]) -> defaultdict[str, list[Any]]:
    found: defaultdict[str, list[Any]] = defaultdict(list)
    for row in rows:
        found[row["customer_id"]].append(SimpleNamespace(**row))
    return found
