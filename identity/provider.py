"""The settings of the identity provider: issuer, audience, algorithms and refresh times."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from yarl import URL

from models.rules.loopback import is_loopback
from models.tables.user import IDENTITY_LENGTH

KEY_TYPES = {
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "Ed25519": ("OKP", "Ed25519"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""The signature algorithms that may be allowed, each with the type and the curve of its keys.

Algorithms with a shared secret are excluded: with such a secret, each service that checks tokens
could also create them.
"""


@dataclass(frozen=True, slots=True)
class KeyRefreshPolicy:
    """How often keys of the identity provider are fetched, and how long they are used."""

    lifetime: timedelta = timedelta(minutes=10)
    """Time after which keys are fetched again; known keys are used meanwhile."""
    grace: timedelta = timedelta(hours=2)
    """Additional time for which known keys are used while the provider is down."""
    pause: timedelta = timedelta(seconds=10)
    """Minimum time between two fetches, so that tokens with false key ids cause few."""
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID Connect issuer whose tokens are accepted; raises ValueError if a value is invalid.

    `leeway` is the allowed difference between clocks, and `groups_claim` the claim that lists a
    user's groups.
    """

    issuer: str
    audience: str
    algorithms: frozenset[str] = frozenset({"RS256", "ES256"})
    leeway: timedelta = timedelta(seconds=60)
    groups_claim: str = "groups"
    jwks_url: str | None = None
    """The URL of the issuer's keys; if None, it is read from the issuer's discovery document."""
    key_refresh: KeyRefreshPolicy = KeyRefreshPolicy()

    def __post_init__(self) -> None:
        parts = checked_url(self.issuer, "OIDC_ISSUER")
        if parts.query_string or parts.fragment or "?" in self.issuer or "#" in self.issuer:
            raise ValueError("OIDC_ISSUER must not have a query or a fragment")
        if len(self.issuer) > IDENTITY_LENGTH:
            raise ValueError(f"OIDC_ISSUER may have at most {IDENTITY_LENGTH} characters")
        if self.jwks_url is not None:
            self.trusted(self.jwks_url, "OIDC_JWKS_URL")
        if not self.audience:
            raise ValueError(
                "OIDC_AUDIENCE is missing: set it to the audience (claim aud) that the provider's"
                " tokens must have"
            )
        unknown = sorted(self.algorithms - KEY_TYPES.keys())
        if unknown or not self.algorithms:
            raise ValueError(
                "OIDC_ALGORITHMS must be one or more of these, separated by commas:"
                f" {', '.join(KEY_TYPES)}"
            )

    @property
    def discovery_url(self) -> URL:
        """URL of the discovery document (OpenID Connect Discovery, 4)."""
        path = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        return URL(path, encoded=True)

    def trusted(self, address: str, name: str) -> URL:
        """Return the URL of keys, parsed; raises ValueError if it is not allowed.

        Plain http is allowed only if the issuer is on this machine. `name` is what the error calls
        the URL.
        """
        url = checked_url(address, name)
        if url.scheme == "http" and not is_loopback(URL(self.issuer).host or ""):
            raise ValueError(f"{name} must be https, because OIDC_ISSUER is https")
        return url


class ProviderSettings(Protocol):
    """The settings of the identity provider; `settings.py` describes them."""

    @property
    def oidc_issuer(self) -> str | None:
        """Issuer as the provider names itself; None without a provider."""

    @property
    def oidc_audience(self) -> str | None:
        """Audience that tokens must have."""

    @property
    def oidc_algorithms(self) -> str:
        """Allowed algorithms, separated by commas."""

    @property
    def oidc_leeway_s(self) -> int:
        """Seconds by which clocks may differ."""

    @property
    def oidc_groups_claim(self) -> str:
        """Claim that lists groups."""

    @property
    def oidc_jwks_url(self) -> str | None:
        """URL of the keys; None means that the discovery document says it."""

    @property
    def oidc_keys_lifetime_s(self) -> float:
        """Seconds after which keys are fetched again."""

    @property
    def oidc_keys_grace_s(self) -> float:
        """Seconds for which older keys are still used while the provider is down."""

    @property
    def oidc_keys_pause_s(self) -> float:
        """Minimum time between two fetches of keys, in seconds."""


def provider_of(settings: ProviderSettings) -> Provider | None:
    """Return the identity provider in the settings; None if no issuer is set.

    Raises ValueError if the settings are invalid.
    """
    if settings.oidc_issuer is None:
        return None
    return Provider(
        settings.oidc_issuer,
        settings.oidc_audience or "",
        algorithms=frozenset(name.strip() for name in settings.oidc_algorithms.split(",")),
        leeway=timedelta(seconds=settings.oidc_leeway_s),
        groups_claim=settings.oidc_groups_claim,
        jwks_url=settings.oidc_jwks_url,
        key_refresh=KeyRefreshPolicy(
            timedelta(seconds=settings.oidc_keys_lifetime_s),
            timedelta(seconds=settings.oidc_keys_grace_s),
            timedelta(seconds=settings.oidc_keys_pause_s),
        ),
    )


def checked_url(text: str, name: str) -> URL:
    """Return an absolute https URL, parsed; raises ValueError for any other text.

    Plain http is allowed for this machine only. `name` is the setting that the error names.
    """
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise ValueError(f"{name} must not contain spaces or special characters")
    url = URL(text, encoded=True)
    host = url.host or ""
    if url.scheme not in {"http", "https"} or not host or url.user or url.password:
        raise ValueError(
            f"{name} must begin with https://, followed by a host, without a user name or password"
        )
    if url.scheme == "http" and not is_loopback(host):
        raise ValueError(
            f"{name} must be https; plain http is allowed only for servers on this machine"
        )
    return url
