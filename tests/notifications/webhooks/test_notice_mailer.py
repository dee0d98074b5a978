"""Mails to the platform about webhook endpoints that fail."""

from datetime import timedelta
from pathlib import Path

import pytest

from models import WebhookEndpoint
from models.jobs.job import Claim
from models.storage.database import Database
from notifications.file_transport import FileTransport
from notifications.mime import Sender
from notifications.webhooks.notice_mailer import WebhookNoticeMailer
from tests.clock import Clock
from tests.mails import Mail
from tests.webhook_receiver import add_endpoint

URL = "https://partner.example.com/hooks/s3cret"


async def outcome(endpoint: WebhookEndpoint, transport: FileTransport, clock: Clock) -> str:
    mailer = WebhookNoticeMailer(
        transport, Sender("Accounts", "no-reply@example.com"), "ops@example.com", clock
    )
    payload = {"endpoint_id": endpoint.id}
    store = await mailer.run(Claim("job_1", "webhook_notice", payload, 1, "owner", clock()))
    stored = await store()
    assert stored is not None
    return stored.name


@pytest.mark.parametrize(
    ("values", "subject"),
    [
        ({}, "Webhook endpoint failing: partner.example.com"),
        ({"disabled_reason": "GONE"}, "Webhook endpoint disabled: partner.example.com"),
    ],
)
async def test_a_mail_names_the_endpoint_and_not_its_path(
    database: Database, clock: Clock, tmp_path: Path, values: dict[str, str], subject: str
) -> None:
    transport = FileTransport(tmp_path)
    more = {"disabled_at": clock()} if values else {}
    endpoint = await add_endpoint(
        database, URL, clock, failing_since=clock() - timedelta(hours=6), **values, **more
    )
    assert await outcome(endpoint, transport, clock) == "SENT"
    (path,) = tmp_path.iterdir()  # noqa: ASYNC240  # one look
    mail = Mail.of(path.read_bytes())
    assert mail.message["To"] == "ops@example.com"
    assert mail.message["Subject"] == subject
    assert endpoint.id in mail.text
    assert "s3cret" not in mail.text + mail.html


async def test_nothing_is_sent_about_an_endpoint_that_works_again(
    database: Database, clock: Clock, tmp_path: Path
) -> None:
    transport = FileTransport(tmp_path)
    endpoint = await add_endpoint(database, URL, clock)
    assert await outcome(endpoint, transport, clock) == "NOT_NEEDED"
    assert list(tmp_path.iterdir()) == []  # noqa: ASYNC240  # see above
