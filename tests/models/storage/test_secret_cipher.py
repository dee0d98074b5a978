"""Secrets that are stored encrypted, and read again by any present key."""

import base64

import pytest

from models.storage.secret_cipher import SecretCipher, UnreadableSecretError, sealed, unsealed

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_secret_is_read_again_by_its_key() -> None:
    cipher = SecretCipher(["key"])
    stored = cipher.encrypt(SECRET, "whe_1")
    assert SECRET not in stored
    assert cipher.encrypt(SECRET, "whe_1") != stored
    assert SecretCipher(["new", "key"]).decrypt(stored, "whe_1") == SECRET


@pytest.mark.parametrize(
    ("keys", "context", "spoil"),
    [
        (["other"], "whe_1", ""),
        ([], "whe_1", ""),
        (["key"], "whe_2", ""),  # copied to another row
        (["key"], "whe_1", "AAAA"),
        (["key"], "whe_1", "!"),
    ],
)
def test_without_its_key_or_its_row_it_is_not(keys: list[str], context: str, spoil: str) -> None:
    stored = SecretCipher(["key"]).encrypt(SECRET, "whe_1") + spoil
    with pytest.raises(UnreadableSecretError):
        SecretCipher(keys).decrypt(stored, context)


def test_without_a_key_secrets_are_stored_plain_and_readable_later() -> None:
    stored = SecretCipher().encrypt(SECRET, "whe_1")
    assert stored == f"0.{SECRET}"
    assert SecretCipher(["key"]).decrypt(stored, "whe_1") == SECRET


@pytest.mark.parametrize("stored", ["", "1.", "1.AA", "2.AAAA", "x"])
def test_what_is_no_stored_secret_is_refused(stored: str) -> None:
    with pytest.raises(UnreadableSecretError):
        SecretCipher(["key"]).decrypt(stored, "whe_1")


def test_a_sealed_text_is_read_by_its_key_and_for_its_purpose_only() -> None:
    text = sealed("zq", b"key", "links")
    assert unsealed(text, b"key", "links") == "zq"
    assert sealed("zq", b"key", "links") != text
    plain = base64.urlsafe_b64encode(b"zq").decode().rstrip("=")
    wrong = [(text, b"other", "links"), (text, b"key", "mails"), (f"{text}AAAA", b"key", "links")]
    for given, key, purpose in [*wrong, *((one, b"key", "links") for one in ("", "é", "!", plain))]:
        with pytest.raises(UnreadableSecretError):
            unsealed(given, key, purpose)
