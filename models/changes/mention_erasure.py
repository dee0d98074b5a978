"""Erases mentions of a person in the histories of other customers and users."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from models.storage.erasure import overwrite_erased
from models.tables import audit
from models.tables.audit import ERASED, ActorContext, AuditEntry
from models.tables.customer import ClassChange

MENTIONS_ERASED = "mentions.erased"

ERASABLE = {"class_change": ("reason",), "audit_entry": ("before", "after", "reason")}
"""By table, the columns whose texts can be erased because they mention a person.

Texts in other columns are evidence, or can be edited.
"""


async def erase_mentions(
    act: ActorContext, class_changes: Sequence[str], entries: Sequence[str]
) -> None:
    """Erase the reasons of class changes, and the values and reasons of audit entries.

    `class_changes` are ids of class changes, `entries` ids of audit entries. Each customer or user
    concerned gets an audit entry about the erasure, without which the database refuses it.
    """
    changes = await ClassChange.filter(id__in=class_changes)
    audited = await AuditEntry.filter(id__in=entries)
    subjects: dict[str, str | None] = {one.customer_id: one.customer_id for one in changes}
    subjects |= {one.subject_id: one.customer_id for one in audited}
    counts = Counter([one.customer_id for one in changes] + [one.subject_id for one in audited])
    for subject_id, customer_id in sorted(subjects.items()):
        told: dict[str, Any] = {"entries": counts[subject_id]}
        await audit.record(act, MENTIONS_ERASED, subject_id, customer_id=customer_id, after=told)
    await ClassChange.filter(id__in=class_changes).update(reason=ERASED)
    await AuditEntry.filter(id__in=entries).update(
        before={}, after={}, reason=None, erased_at=act.now
    )
    if subjects:
        await overwrite_erased()
