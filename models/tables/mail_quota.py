"""How many mails callers may cause in an hour: by partner, by platform, and to one mailbox.

A use of a quota is a row, added in the transaction of what it is for, so it is undone with that and
known to all processes. In no hour are there more uses than the quota says, to the microsecond.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from models.rules.email_address import email_key
from models.rules.errors import Refusal, RefusalCode, Refused
from models.storage.locks import lock_name
from models.storage.sql import is_postgres, run

WINDOW = timedelta(hours=1)
PLATFORM = "platform"


class QuotaUse(Model):
    """One use of a quota, kept for an hour. `subject` says what it was for."""

    id = fields.BigIntField(primary_key=True)
    key = fields.CharField(max_length=80)
    subject = fields.CharField(max_length=40)
    at = fields.DatetimeField(db_index=True)

    class Meta:
        table = "quota_use"
        indexes = (Index(fields=("key", "at")),)


@dataclass(frozen=True, slots=True)
class MailQuota:
    """Mails that callers may cause in any hour."""

    per_partner: int = 100
    per_platform: int = 2_000
    per_mailbox: int = 5


DEFAULT_QUOTA = MailQuota()


async def use_mail_quota(
    quota: MailQuota, reseller_id: str | None, subject: str, now: datetime
) -> None:
    """Count a mail that a caller causes; raise Refused, and count nothing, if there are too many.

    A partner shares its quota with all who act for it; the platform's own staff has only that of
    the platform.
    """
    if reseller_id is not None:
        wait = await _use(f"partner {reseller_id}", quota.per_partner, subject, now)
        if wait is not None:
            raise _refused(f"You may cause {quota.per_partner} mails an hour.", wait)
    wait = await _use(PLATFORM, quota.per_platform, subject, now)
    if wait is not None:
        raise _refused("The platform sends no more mails on request this hour.", wait)
    await _forget_expired(now)


async def use_mailbox_quota(
    quota: MailQuota, address: str, subject: str, now: datetime
) -> timedelta | None:
    """Count a mail to a mailbox, whoever causes it; return how long it must wait if there are many.

    An attempt to send the same mail again is not counted again. Run it unbound: partners must not
    learn of each other's mails.
    """
    return await _use(f"mailbox {mailbox_key(address)}", quota.per_mailbox, subject, now)


def mailbox_key(address: str) -> str:
    """Digest what the addresses of one mailbox have in common: without case, and without a tag."""
    local, _, domain = email_key(address).rpartition("@")
    return hashlib.sha256(f"{local.partition('+')[0]}@{domain}".encode()).hexdigest()[:40]


async def unlink_mailbox_quotas(subjects: Sequence[str], now: datetime) -> None:
    """Make uses of mailboxes' quotas say no longer what mails they were for.

    They still count until their hour is over: otherwise erasing contacts would let a caller send
    a mailbox any number of mails.
    """
    await _forget_expired(now)
    for use in await QuotaUse.filter(subject__in=subjects, key__startswith="mailbox "):
        use.subject = f"erased {secrets.token_hex(16)}"
        await use.save(update_fields=["subject"])


async def _use(key: str, limit: int, subject: str, now: datetime) -> timedelta | None:
    """Use a quota, or return how long it is until it can be used; once for each subject."""
    await lock_name(f"quota {key}")
    at = await _time(now)
    recent = QuotaUse.filter(key=key, at__gt=at - WINDOW)
    if await recent.filter(subject=subject).exists():
        return None
    last = await recent.order_by("-at", "-id").offset(limit - 1).first()
    if last is not None:
        return max(last.at + WINDOW - at, timedelta(microseconds=1))
    await QuotaUse.create(key=key, subject=subject, at=at)
    return None


async def _time(now: datetime) -> datetime:
    """Return the time of the clock that all processes share: PostgreSQL's, or that of the host."""
    if not is_postgres():
        return now
    ((at,),) = await run("SELECT clock_timestamp()", ())
    assert isinstance(at, datetime)  # noqa: S101  # what it gives
    return at


async def _forget_expired(now: datetime) -> None:
    """Delete what no longer counts; the lock of the platform's quota lets one do it at a time."""
    await QuotaUse.filter(at__lte=await _time(now) - WINDOW).delete()


def _refused(message: str, wait: timedelta) -> Refused:
    seconds = ceil(wait.total_seconds())
    return Refused(
        [
            Refusal(
                RefusalCode.RATE_LIMITED,
                message,
                ("contactId",),
                hint=f"Try again in {seconds} seconds.",
                retryable=True,
                retry_after_seconds=seconds,
            )
        ]
    )
