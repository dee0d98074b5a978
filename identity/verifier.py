"""Verifies tokens of the identity provider: signature, algorithm, issuer, audience and times."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import Key
from joserfc.jws import JWSRegistry, deserialize_compact
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from identity.errors import TokenRefused
from identity.provider import Provider
from identity.token_form import MAX_TOKEN, is_token
from models.changes.sign_in import Identity
from models.rules.text import holds_controls
from models.tables.user import IDENTITY_LENGTH

MAX_GROUPS = 1_000
FIRST_SECOND = 0
LAST_SECOND = int(datetime(9000, 1, 1, tzinfo=UTC).timestamp())
"""FIRST_SECOND and LAST_SECOND are the limits for times in a token, in epoch seconds.

A time beyond a limit is replaced by the limit, so that date arithmetic cannot overflow.
"""

TYPES = {"jwt", "at+jwt", "application/at+jwt"}
"""The types of tokens that are accepted (RFC 7519, RFC 9068); logout tokens have others."""


@dataclass(frozen=True, slots=True)
class TokenHeader:
    """The algorithm and key id in the header of a token, used only to find the key."""

    alg: str
    kid: str | None


class _Signatures(JWSRegistry):
    """joserfc's rules for signatures, restricted to the allowed algorithms."""

    max_header_length = 4_096
    max_payload_length = MAX_TOKEN

    def get_alg(self, name: str) -> Any:
        """Return the algorithm `name`; raises TokenRefused if it is not allowed.

        The replaced method warns of the name EdDSA, which does not say the curve. Here the key says
        it.
        """
        if name not in (self.allowed or ()):
            raise TokenRefused("ALGORITHM")
        return self.algorithms[name]


def read_header(token: str, provider: Provider) -> TokenHeader:
    """Return the header of a token, before its signature is verified.

    Raises TokenRefused if the form, type, algorithm or key id is not acceptable. Keys that a token
    contains or links to (`jwk`, `jku`, `x5c`, `x5u`) are ignored.
    """
    if len(token) > MAX_TOKEN:
        raise TokenRefused("TOO_LONG")
    if not is_token(token):
        raise TokenRefused("FORM")
    try:
        header = _json_object(urlsafe_b64decode(token.partition(".")[0].encode()))
    except ValueError:
        raise TokenRefused("FORM") from None
    if "crit" in header or "b64" in header:
        raise TokenRefused("CRITICAL_HEADER")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise TokenRefused("TYPE")
    alg, kid = header.get("alg"), header.get("kid")
    if not isinstance(alg, str) or alg not in provider.algorithms:
        raise TokenRefused("ALGORITHM")
    if kid is not None and (not isinstance(kid, str) or len(kid) > IDENTITY_LENGTH):
        raise TokenRefused("KEY_ID")
    return TokenHeader(alg, kid)


def verify(token: str, key: Key, provider: Provider, now: datetime) -> Identity:
    """Return the identity that a token states; raises TokenRefused if it is invalid at `now`.

    `key` is the key that the token's header names.
    """
    registry = _Signatures(algorithms=sorted(provider.algorithms), strict_check_header=False)
    try:
        signed = deserialize_compact(token, key, registry=registry)
        claims = _json_object(signed.payload)
        _rules(provider, now).validate(claims)
    except JoseError as error:
        raise TokenRefused(error.error.upper()) from None
    except (ValueError, OverflowError):
        raise TokenRefused("FORM") from None
    if _text(claims["sub"]) != claims["sub"]:
        raise TokenRefused("SUBJECT")
    return Identity(
        issuer=provider.issuer,
        subject=claims["sub"],
        name=_text(claims.get("name")) or _text(claims.get("preferred_username")),
        email=_text(claims.get("email")),
        groups=_groups(claims.get(provider.groups_claim)),
        issued_at=_instant(claims["iat"]) if "iat" in claims else None,
        expires_at=_instant(claims["exp"]) + provider.leeway,
    )


def _rules(provider: Provider, now: datetime) -> JWTClaimsRegistry:
    return JWTClaimsRegistry(
        now=now.timestamp(),  # type: ignore[arg-type]  # claims have fractions of seconds too
        leeway=int(provider.leeway.total_seconds()),
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.audience},
        sub={"essential": True},
        exp={"essential": True},
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, FIRST_SECOND), LAST_SECOND), UTC)


def _json_object(text: bytes) -> dict[str, Any]:
    """Parse a JSON object without repeated names; raises ValueError."""
    try:
        found = json.loads(text.decode(), object_pairs_hook=_once, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("not an object")  # noqa: TRY004  # as for every other fault
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _text(claim: Any) -> str | None:
    """Return a claim as trimmed text of at most IDENTITY_LENGTH characters.

    None if it is blank, has control characters, or is not text.
    """
    if not isinstance(claim, str) or holds_controls(claim.strip()):
        return None
    return claim.strip()[:IDENTITY_LENGTH] or None


def _groups(claim: Any) -> frozenset[str]:
    """Return the names of groups in a claim, which may be one name or a list."""
    names = claim if isinstance(claim, list) else [claim]
    return frozenset(found for name in names[:MAX_GROUPS] if (found := _text(name)) is not None)
