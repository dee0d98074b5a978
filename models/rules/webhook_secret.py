"""Makes secrets of webhook endpoints, as Standard Webhooks defines them. PURE."""

import base64
import secrets
from datetime import timedelta

PREFIX = "whsec_"
BYTES = 32

ROTATION_OVERLAP = timedelta(hours=24)
"""How long deliveries are signed by the old secret too, after a rotation."""


def new_secret() -> str:
    """Return a new secret, which must be shown only once."""
    return PREFIX + base64.b64encode(secrets.token_bytes(BYTES)).decode()
