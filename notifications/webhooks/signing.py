"""Signs webhooks as Standard Webhooks defines it."""

from collections.abc import Sequence
from datetime import datetime

from standardwebhooks.webhooks import Webhook


def signed_headers(
    event_id: str, body: bytes, secrets: Sequence[str], now: datetime
) -> dict[str, str]:
    """Return the headers of one attempt at an instant in UTC, with a signature by each secret.

    `secrets` has the present one, and for a time after a rotation also the one before.
    """
    text = body.decode()
    signatures = [Webhook(one).sign(event_id, now, text) for one in secrets]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
