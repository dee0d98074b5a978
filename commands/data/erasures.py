"""The list of erasures, which is kept outside of the database to repeat them after a restore.

A line of the file is a JSON object about one audit entry that records an erasure. It has ids only.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click

from models.changes.audit_erasure import NAMES_ERASED, erase_names
from models.changes.contact_erasure import erase_contact
from models.changes.customer_editing import delete_customer
from models.changes.mention_erasure import MENTIONS_ERASED, erase_mentions
from models.changes.user_editing import disable_user
from models.rules.errors import Refused
from models.storage.database import Database
from models.tables.audit import ERASED, ActorContext, AuditEntry
from models.tables.contact import Contact
from models.tables.customer import ClassChange, Customer
from models.tables.user import User

OPERATIONS = ("contact.erased", "customer.deleted", NAMES_ERASED, MENTIONS_ERASED)
BATCH = 1_000
REASON = "Erased again after a restore"


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure: the id of its audit entry, the operation and the id of its subject.

    An erasure of mentions names the audit entries and class changes whose texts were erased.
    """

    entry: str
    operation: str
    subject: str
    at: str
    entries: list[str] = field(default_factory=list)
    class_changes: list[str] = field(default_factory=list)


async def add_erasures(path: Path) -> int:
    """Add the erasures of the audit trail that a file lacks; return how many were added."""
    added = 0
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b") as handle:
        known = {one.entry for one in read_erasures(path)}
        handle.seek(_whole_length(path))
        handle.truncate()  # a line that a killed process has not ended
        last = ""
        while entries := (
            await AuditEntry.filter(operation__in=OPERATIONS, id__gt=last)
            .order_by("id")
            .limit(BATCH)
        ):
            for one in entries:
                if one.id not in known:
                    handle.write(json.dumps(asdict(await _described(one))).encode() + b"\n")
                    added += 1
            last = entries[-1].id
        handle.flush()
        os.fsync(handle.fileno())
    return added


async def _described(entry: AuditEntry) -> Erasure:
    entries, changes = list[Any](), list[Any]()
    if entry.operation == MENTIONS_ERASED:
        erased = AuditEntry.filter(subject_id=entry.subject_id, erased_at=entry.at)
        entries = await erased.order_by("id").values_list("id", flat=True)
        blanked = ClassChange.filter(customer_id=entry.subject_id, reason=ERASED)
        changes = await blanked.order_by("id").values_list("id", flat=True)
    return Erasure(
        entry.id, entry.operation, entry.subject_id, entry.at.isoformat(), entries, changes
    )


def read_erasures(path: Path) -> Iterator[Erasure]:
    """Yield the erasures in a file; raises ClickException if one of its lines is none."""
    with path.open("rb") as handle:
        for number, line in enumerate(handle, 1):
            if not line.endswith(b"\n"):
                return
            try:
                found = Erasure(**json.loads(line))
            except (ValueError, TypeError):
                found = None
            if found is None or found.operation not in OPERATIONS:
                raise click.ClickException(f"Line {number} of {path} is no erasure.")
            yield found


async def repeat_erasures(
    database: Database, act: ActorContext, path: Path
) -> tuple[int, list[str]]:
    """Repeat the erasures that the database lacks, each in a transaction of its own.

    Returns how many were repeated, and a text about each that was refused.
    """
    repeated = 0
    refusals: list[str] = []
    for erasure in read_erasures(path):
        try:
            repeated += await database.transaction(partial(_repeat, act, erasure))
        except Refused as refused:
            told = " ".join(one.message for one in refused.refusals)
            refusals.append(f"{erasure.operation} of {erasure.subject} was not repeated: {told}")
    return repeated, refusals


async def _repeat(act: ActorContext, erasure: Erasure) -> bool:
    """Repeat an erasure; return False if there is nothing to erase."""
    if await AuditEntry.exists(id=erasure.entry):
        return False
    match erasure.operation:
        case "contact.erased":
            contact = await Contact.get_or_none(id=erasure.subject)
            if contact is None or not contact.address_salt:
                return False
            await erase_contact(act, erasure.subject, None)
        case "customer.deleted":
            if not await Customer.exists(id=erasure.subject, erased_at=None):
                return False
            await delete_customer(act, erasure.subject, None)
        case _ if erasure.operation == NAMES_ERASED:
            return await _erase_names_again(act, erasure.subject)
        case _:
            changes = ClassChange.filter(id__in=erasure.class_changes).exclude(reason=ERASED)
            entries = AuditEntry.filter(id__in=erasure.entries, erased_at=None)
            found = [
                list(map(str, await one.values_list("id", flat=True))) for one in (changes, entries)
            ]
            if not any(found):
                return False
            await erase_mentions(act, *found)
    return True


async def _erase_names_again(act: ActorContext, actor_id: str) -> bool:
    user = await User.get_or_none(id=actor_id)
    if user is not None:
        await disable_user(act, actor_id, REASON, None)
    elif not await AuditEntry.filter(actor_id=actor_id).exists():
        return False
    await erase_names(act, actor_id, REASON)
    return True


def _whole_length(path: Path) -> int:
    """Return the length in bytes of the whole lines of a file."""
    content = path.read_bytes()
    return content.rfind(b"\n") + 1
