"""Encrypts what only the program may read again: stored secrets, and texts in links."""

import base64
import binascii
import secrets
from collections.abc import Sequence

PLAIN = "0"
AES_GCM = "1"
NONCE_BYTES = 12
KEY_BYTES = 32

WEBHOOK_SECRETS = "webhook secrets"
"""The purpose for which the keys of `SecretCipher` are derived."""


class UnreadableSecretError(Exception):
    """No present key decrypts a stored secret."""


class SecretCipher:
    """Encrypts by the first of `keys`, and decrypts by any; without keys, texts are stored plain.

    `context`, such as the id of the row, is authenticated: a value that is copied into another row
    cannot be decrypted there.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._keys = [_derived(key.encode(), WEBHOOK_SECRETS) for key in keys]

    def encrypt(self, text: str, context: str) -> str:
        """Return the stored form of a text."""
        if not self._keys:
            return f"{PLAIN}.{text}"
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # seldom

        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self._keys[0]).encrypt(nonce, text.encode(), context.encode())
        return f"{AES_GCM}.{base64.b64encode(nonce + sealed).decode()}"

    def decrypt(self, stored: str, context: str) -> str:
        """Return the text of a stored form; raises UnreadableSecretError."""
        form, _, rest = stored.partition(".")
        if form == PLAIN:
            return rest
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # see above
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # see above

        try:
            given = base64.b64decode(rest, validate=True)
        except binascii.Error as error:
            raise UnreadableSecretError from error
        nonce, sealed = given[:NONCE_BYTES], given[NONCE_BYTES:]
        for key in self._keys if form == AES_GCM else ():
            try:
                return AESGCM(key).decrypt(nonce, sealed, context.encode()).decode()
            except (InvalidTag, ValueError):
                continue
        raise UnreadableSecretError


def sealed(text: str, key: bytes, purpose: str) -> str:
    """Return a text, encrypted for an address: without the key, nobody can read, change or make it.

    It is always encrypted, with a key of its own for each purpose.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # see above

    nonce = secrets.token_bytes(NONCE_BYTES)
    data = nonce + AESGCM(_derived(key, purpose)).encrypt(nonce, text.encode(), None)
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unsealed(given: str, key: bytes, purpose: str) -> str:
    """Return the text that was sealed; raises UnreadableSecretError if it was not."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415  # see above
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # see above

    try:
        data = base64.b64decode(given + "=" * (-len(given) % 4), b"-_", validate=True)
        nonce, encrypted = data[:NONCE_BYTES], data[NONCE_BYTES:]
        return AESGCM(_derived(key, purpose)).decrypt(nonce, encrypted, None).decode()
    except (ValueError, InvalidTag) as error:
        raise UnreadableSecretError from error


def _derived(key: bytes, purpose: str) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415  # see above
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415  # see above

    made = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose.encode())
    return made.derive(key)
