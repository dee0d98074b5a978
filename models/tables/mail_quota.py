"""Limits the mails that callers may cause in an hour: per partner, in total, and per mailbox.

Each use of a quota is a row, added in the transaction that requests or sends the mail: a rollback
removes it, and all processes see it. No period of one hour has more uses than the quota allows.
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
    """The maximum number of mails in any period of one hour."""

    per_partner: int = 100
    per_platform: int = 2_000
    per_mailbox: int = 5


DEFAULT_QUOTA = MailQuota()


async def use_mail_quota(
    quota: MailQuota, reseller_id: str | None, subject: str, now: datetime
) -> None:
    """Count a mail that a caller requests; over the quota, raise Refused and count nothing.

    `reseller_id` is the caller's partner, whose users and tokens share one quota; None for the
    platform's staff, who have only the platform's quota. `subject` is the id of what the mail is
    for, and counts once.
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
    """Count a mail to a mailbox; return how long the mail must wait, or None if it can be sent.

    A mail counts whoever causes it, and only once for each `subject`, so that a retry does not
    count again. Call this without a tenant scope: partners must not learn of each other's mails.
    """
    return await _use(f"mailbox {mailbox_key(address)}", quota.per_mailbox, subject, now)


def mailbox_key(address: str) -> str:
    """Return a digest of an email address that is the same for all addresses of one mailbox.

    Upper and lower case, and a tag after a plus sign, make no difference.
    """
    local, _, domain = email_key(address).rpartition("@")
    return hashlib.sha256(f"{local.partition('+')[0]}@{domain}".encode()).hexdigest()[:40]


async def unlink_mailbox_quotas(subjects: Sequence[str], now: datetime) -> None:
    """Replace the subjects of uses of mailbox quotas, so that they no longer identify mails.

    The uses still count until their hour is over: otherwise erasing contacts would let a caller
    send a mailbox any number of mails.
    """
    await _forget_expired(now)
    for use in await QuotaUse.filter(subject__in=subjects, key__startswith="mailbox "):
        use.subject = f"erased {secrets.token_hex(16)}"
        await use.save(update_fields=["subject"])


async def _use(key: str, limit: int, subject: str, now: datetime) -> timedelta | None:
    """Use a quota once for each subject.

    Returns None if the use is counted, else the time until the quota can be used.
    """
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
    """Return the time of a clock that all processes share.

    On PostgreSQL, it is the server's; on SQLite, whose processes share a host, it is `now`.
    """
    if not is_postgres():
        return now
    ((at,),) = await run("SELECT clock_timestamp()", ())
    assert isinstance(at, datetime)  # noqa: S101  # what it gives
    return at


async def _forget_expired(now: datetime) -> None:
    """Delete uses that are older than an hour, since they no longer count."""
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
