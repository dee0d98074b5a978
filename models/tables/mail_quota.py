"""Limits the mails that callers may cause in an hour: per partner, in total, and per mailbox.

Each mail that counts towards a quota is a row (a *use* of the quota), which the transaction that
requests or sends the mail adds: a rollback removes it, and all processes see it. No period of one
hour has more uses than the quota allows.
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
from models.rules.errors import Bounds, Refusal, RefusalCode, Refused
from models.storage.locks import lock_name
from models.storage.sql import is_postgres, run

WINDOW = timedelta(hours=1)
PLATFORM = "platform"


class QuotaUse(Model):
    """A mail that counts towards a quota for an hour. `subject` identifies the mail."""

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
    """Count a mail that a caller requests; if a quota is used up, raise Refused and count nothing.

    `reseller_id` is the partner of the caller, whose users and tokens share one quota; None for the
    platform's staff, who have only the platform's quota. `subject` is the id of the mail's
    confirmation; a subject is counted once.
    """
    if reseller_id is not None:
        wait = await _use(f"partner {reseller_id}", quota.per_partner, subject, now)
        if wait is not None:
            limit = quota.per_partner
            message = f"You have requested {limit} emails within an hour, which is the limit."
            raise _refused(message, wait, {"limit": limit})
    wait = await _use(PLATFORM, quota.per_platform, subject, now)
    if wait is not None:
        raise _refused(
            "The platform has reached its limit of requested emails in an hour.", wait, {}
        )
    await _forget_expired(now)


@dataclass(frozen=True, slots=True)
class MailsLeft:
    """The mails that a caller may request in an hour, and how many of them are left."""

    limit: int
    left: int
    full_at: datetime | None
    """When all are left again if no more is requested; None if all are left now."""


async def mails_left(quota: MailQuota, reseller_id: str | None, now: datetime) -> MailsLeft:
    """Return what is left of the quota of a partner; of the platform's if `reseller_id` is None."""
    key = PLATFORM if reseller_id is None else f"partner {reseller_id}"
    limit = quota.per_platform if reseller_id is None else quota.per_partner
    used = QuotaUse.filter(key=key, at__gt=await _time(now) - WINDOW)
    last = await used.order_by("-at").first()
    if last is None:
        return MailsLeft(limit, limit, None)
    return MailsLeft(limit, max(limit - await used.count(), 0), last.at + WINDOW)


async def use_mailbox_quota(
    quota: MailQuota, address: str, subject: str, now: datetime
) -> timedelta | None:
    """Count a mail to a mailbox; return how long the mail must wait, or None if it can be sent.

    Mails of all callers count, each `subject` once, so that a retry does not count again. Must be
    called without a tenant scope, in which the mails of others would not be found.
    """
    return await _use(f"mailbox {mailbox_key(address)}", quota.per_mailbox, subject, now)


def mailbox_key(address: str) -> str:
    """Return a digest that is the same for all email addresses of one mailbox.

    Upper and lower case, and a tag after a plus sign, make no difference.
    """
    local, _, domain = email_key(address).rpartition("@")
    return hashlib.sha256(f"{local.partition('+')[0]}@{domain}".encode()).hexdigest()[:40]


async def unlink_mailbox_quotas(subjects: Sequence[str], now: datetime) -> None:
    """Replace subjects in the rows of mailbox quotas, so that they no longer identify mails.

    The rows still count until their hour is over: otherwise a caller could erase contacts, and so
    send a mailbox any number of mails.
    """
    await _forget_expired(now)
    for use in await QuotaUse.filter(subject__in=subjects, key__startswith="mailbox "):
        use.subject = f"erased {secrets.token_hex(16)}"
        await use.save(update_fields=["subject"])


async def _use(key: str, limit: int, subject: str, now: datetime) -> timedelta | None:
    """Count a subject once towards the quota `key`, which allows `limit` subjects an hour.

    Returns None if the subject is counted, else the time until it can be.
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
    """Delete rows that are older than an hour, since they no longer count."""
    await QuotaUse.filter(at__lte=await _time(now) - WINDOW).delete()


def _refused(message: str, wait: timedelta, bounds: Bounds) -> Refused:
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
                bounds=bounds,
            )
        ]
    )
