"""Selects usable keys among those that an identity provider publishes; finds the key of a token."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey, import_key
from joserfc.util import urlsafe_b64decode

from identity.provider import KEY_TYPES

MAX_KEYS = 100
SHORTEST_RSA_BYTES, MAX_RSA_BYTES = 256, 1024
MEMBERS = ("kty", "kid", "alg", "n", "e", "crv", "x", "y")
"""The members of a published key that are used; URLs and certificates in it are ignored."""

_UNUSABLE = (JoseError, UnsupportedAlgorithm, ValueError, KeyError, TypeError, OverflowError)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The usable public keys in one answer of the identity provider."""

    keys: tuple[Key, ...]

    def find(self, kid: str | None, alg: str) -> Key | None:
        """Return the key with the id `kid` for the algorithm `alg`; None if there is none.

        Without an id, return the only key for the algorithm, or None if there are several.
        """
        fitting = [key for key in self.keys if _fits(key, alg)]
        if kid is None:
            return fitting[0] if len(fitting) == 1 else None
        return next((key for key in fitting if key.kid == kid), None)

    def prints(self) -> list[tuple[str | None, str | None, str]]:
        """Return id, algorithm and thumbprint of each key, to compare two sets."""
        return [(key.kid, key.alg, key.thumbprint()) for key in self.keys]


def key_set(published: Sequence[Any]) -> KeySet:
    """Return the usable keys of those published; others are ignored (RFC 7517, 5)."""
    read = (_key(one) for one in published[:MAX_KEYS])
    return KeySet(tuple(key for key in read if key is not None))


def _key(published: Any) -> Key | None:
    """Return a published key if it is a strong public key for signatures, otherwise None."""
    if not isinstance(published, dict) or published.get("use", "sig") != "sig" or "d" in published:
        return None
    operations = published.get("key_ops")
    if operations is not None and not (isinstance(operations, list) and "verify" in operations):
        return None
    taken = {name: published[name] for name in MEMBERS if name in published}
    try:
        if taken.get("kty") == "RSA" and not _is_rsa_of_good_length(taken["n"]):
            return None
        return import_key(taken) if taken.get("kty") in {"RSA", "EC", "OKP"} else None
    except _UNUSABLE:
        return None


def _is_rsa_of_good_length(modulus: Any) -> bool:
    if not isinstance(modulus, str):
        return False
    length = len(urlsafe_b64decode(modulus.encode()).lstrip(b"\0"))
    return SHORTEST_RSA_BYTES <= length <= MAX_RSA_BYTES


def _fits(key: Key, alg: str) -> bool:
    key_type, curve = KEY_TYPES[alg]
    if key.key_type != key_type or key.alg not in {None, alg}:
        return False
    return isinstance(key, RSAKey) or (isinstance(key, ECKey | OKPKey) and key.curve_name == curve)
