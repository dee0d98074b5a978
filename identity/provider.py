"""The identity provider as it is set: whose tokens count, for whom, and signed how."""

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
"""Every algorithm that may be allowed, with the type and the curve of its keys.

None of them shares a secret: whoever can check a token must not be able to make one.
"""


@dataclass(frozen=True, slots=True)
class Cadence:
    """How often the provider is asked, and how long an answer counts."""

    lifetime: timedelta = timedelta(minutes=10)
    """Keys are asked for again after this long; the known ones serve meanwhile."""
    grace: timedelta = timedelta(hours=2)
    """For this long more they serve while the provider is down."""
    pause: timedelta = timedelta(seconds=10)
    """Between two questions, whatever tokens come: made-up key ids cause no flood."""
    timeout_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Provider:
    """An OpenID Connect issuer whose tokens sign in; raises ValueError for what makes no sense."""

    issuer: str
    audience: str
    algorithms: frozenset[str] = frozenset({"RS256", "ES256"})
    leeway: timedelta = timedelta(seconds=60)
    groups_claim: str = "groups"
    jwks_url: str | None = None
    """Where the keys are; without it, where the issuer's discovery document says."""
    cadence: Cadence = Cadence()

    def __post_init__(self) -> None:
        parts = checked_url(self.issuer, "OIDC_ISSUER")
        if parts.query_string or parts.fragment or "?" in self.issuer or "#" in self.issuer:
            raise ValueError("OIDC_ISSUER has no query and no fragment")
        if len(self.issuer) > IDENTITY_LENGTH:
            raise ValueError(f"OIDC_ISSUER has {IDENTITY_LENGTH} characters at most")
        if self.jwks_url is not None:
            self.trusted(self.jwks_url, "OIDC_JWKS_URL")
        if not self.audience:
            raise ValueError("OIDC_AUDIENCE says for whom tokens must be; it is missing")
        unknown = sorted(self.algorithms - KEY_TYPES.keys())
        if unknown or not self.algorithms:
            raise ValueError(f"OIDC_ALGORITHMS is a choice of {', '.join(KEY_TYPES)}")

    @property
    def discovery_url(self) -> URL:
        """Give where the issuer describes itself (OpenID Connect Discovery, 4)."""
        path = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        return URL(path, encoded=True)

    def trusted(self, address: str, name: str) -> URL:
        """Check an address of keys: this machine's only for an issuer on this machine."""
        url = checked_url(address, name)
        if url.scheme == "http" and not is_loopback(URL(self.issuer).host or ""):
            raise ValueError(f"{name} is https, as the issuer is")
        return url


class ProviderSettings(Protocol):
    """What an operator may set about the provider; the README says more."""

    @property
    def oidc_issuer(self) -> str | None:
        """Give what the provider calls itself; none if there is none."""

    @property
    def oidc_audience(self) -> str | None:
        """Give whom tokens must be for."""

    @property
    def oidc_algorithms(self) -> str:
        """Give the algorithms that are allowed, with commas between."""

    @property
    def oidc_leeway_s(self) -> int:
        """Give how far clocks may differ, in seconds."""

    @property
    def oidc_groups_claim(self) -> str:
        """Give the claim that names groups."""

    @property
    def oidc_jwks_url(self) -> str | None:
        """Give where the keys are, if not where the provider says."""

    @property
    def oidc_keys_lifetime_s(self) -> float:
        """Give after how many seconds keys are fetched again."""

    @property
    def oidc_keys_grace_s(self) -> float:
        """Give for how many more they serve in an outage."""

    @property
    def oidc_keys_pause_s(self) -> float:
        """Give how many lie between two fetches at least."""


def provider_of(settings: ProviderSettings) -> Provider | None:
    """Give the provider that is set, if one is; raises ValueError for what makes no sense."""
    if settings.oidc_issuer is None:
        return None
    return Provider(
        settings.oidc_issuer,
        settings.oidc_audience or "",
        algorithms=frozenset(name.strip() for name in settings.oidc_algorithms.split(",")),
        leeway=timedelta(seconds=settings.oidc_leeway_s),
        groups_claim=settings.oidc_groups_claim,
        jwks_url=settings.oidc_jwks_url,
        cadence=Cadence(
            timedelta(seconds=settings.oidc_keys_lifetime_s),
            timedelta(seconds=settings.oidc_keys_grace_s),
            timedelta(seconds=settings.oidc_keys_pause_s),
        ),
    )


def checked_url(text: str, name: str) -> URL:
    """Read an absolute https address; plain http is for this machine only."""
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise ValueError(f"{name} must hold no spaces and no special characters")
    url = URL(text, encoded=True)
    host = url.host or ""
    if url.scheme not in {"http", "https"} or not host or url.user or url.password:
        raise ValueError(f"{name} is https:// and a host, without a login")
    if url.scheme == "http" and not is_loopback(host):
        raise ValueError(f"{name} is https; plain http is for this machine only")
    return url
