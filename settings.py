"""The settings, read from environment variables: immutable, with secrets that are not printed."""

import os
import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

import setting_values as values

ROOT = Path(__file__).resolve().parent
LOCAL_ORIGINS = ("http://localhost:*", "http://127.0.0.1:*")
SANDBOX_KEY = "sandbox"  # sent to a sandbox if no API key is set


class Settings(BaseSettings):
    """The settings; each is read from the environment variable with its name in capitals."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", use_attribute_docstrings=True
    )

    host: str = "127.0.0.1"
    """IP address to listen on, also for `worker --health-port`. `0.0.0.0` is every interface."""
    port: int = Field(default=8000, ge=0, le=65535)
    """TCP port to listen on; 0 picks a free one, and a worker then needs `PUBLIC_URL` for mails."""
    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """TCP port of `/metrics`; 0 picks a free one, and `PORT` makes it public. Unset: no metrics."""
    metrics_host: str = "127.0.0.1"
    """IP address on which `METRICS_PORT` listens. Only your monitoring should reach it."""
    database_url: str = f"sqlite://{ROOT / 'var' / 'customer-classes.sqlite3'}"
    """Database to use: `sqlite://<path>` for one machine, `postgres://…` for production."""
    database_pool_size: int = Field(default=12, ge=6, le=100)
    """Maximum PostgreSQL connections of each process; a third of them are used for reads only."""
    database_timeout_s: float = Field(default=60, ge=1, le=3_600)
    """Seconds after which a PostgreSQL statement is cancelled."""
    migration_lock_timeout_s: float = Field(default=10, ge=0.1, le=3_600)
    """Seconds that a migration waits for a lock before it fails and names the lock's holder."""
    database_pooler: Literal["none", "transaction"] = "none"
    """Set to `transaction` if `DATABASE_URL` leads to a pooler in that mode, such as pgbouncer."""
    database_direct_url: str | None = None
    """URL of the PostgreSQL server if `DATABASE_URL` is a pooler, for LISTEN and migrations.

    Unset: `DATABASE_URL`. Required with `DATABASE_POOLER=transaction`.
    """
    log_format: Literal["readable", "json"] = "readable"
    """Format of log lines on standard error: text for people, or one JSON object per line."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level of log lines that are written."""
    traces: bool = False
    """Whether to export traces by OpenTelemetry, as the variables `OTEL_…` say (extra `otel`)."""
    slow_operation_s: float = Field(default=0, ge=0, le=3_600)
    """Operations that take this number of seconds or more are logged as warnings; 0 logs none."""
    running_requests: int = Field(default=6, ge=1, le=64)
    """Maximum number of queries that one process runs at the same time."""
    writing_requests: int = Field(default=8, ge=1, le=64)
    """Maximum number of mutations that one process runs at the same time, beside the queries."""
    waiting_requests: int = Field(default=512, ge=1, le=100_000)
    """Maximum number of waiting requests, of all callers together; more are answered with 503."""
    caller_running_requests: int = Field(default=4, ge=1, le=64)
    """Maximum running queries of one user or partner; set it lower than `RUNNING_REQUESTS`."""
    caller_writing_requests: int = Field(default=6, ge=1, le=64)
    """Maximum running mutations of one user or partner; set it lower than `WRITING_REQUESTS`."""
    caller_waiting_requests: int = Field(default=128, ge=1, le=100_000)
    """Maximum waiting requests of one user or partner; more are answered with 429."""
    max_request_bytes: int = Field(default=1_000_000, ge=1_000, le=100_000_000)
    """Maximum size of a request body, and of a WebSocket message, in bytes."""
    max_tokens: int = Field(default=5_000, ge=10, le=100_000)
    """Maximum number of lexical tokens (names, values, punctuation) in a GraphQL document."""
    max_depth: int = Field(default=20, ge=1, le=200)
    """Maximum depth to which fields, and fragments within fragments, may be nested."""
    max_fields: int = Field(default=2_000, ge=1)
    """Maximum number of fields in an operation; a fragment's count each time that it is used."""
    max_selection_fields: int = Field(default=200, ge=1)
    """Maximum number of fields in a selection set (one pair of braces)."""
    max_root_fields: int = Field(default=50, ge=1, le=10_000)
    """Maximum number of root fields in an operation."""
    max_aliases: int = Field(default=100, ge=0, le=10_000)
    """Maximum number of aliases in an operation."""
    max_directives: int = Field(default=100, ge=0, le=10_000)
    """Maximum number of directives in an operation."""
    max_field_directives: int = Field(default=4, ge=0, le=100)
    """Maximum number of directives in one place, such as on one field."""
    max_list_entries: int = Field(default=1_000, ge=1, le=100_000)
    """Maximum number of entries of a list or an object in arguments and variables."""
    max_value_depth: int = Field(default=12, ge=2, le=100)
    """Maximum depth to which lists and objects in arguments and variables may be nested."""
    max_variable_values: int = Field(default=10_000, ge=1, le=1_000_000)
    """Maximum number of values in all lists and objects of the variables together."""
    max_cost: int = Field(default=100_000, ge=1, le=10**9)
    """Maximum cost of an operation, in points. An object costs about one point."""
    cost_budget: int = Field(default=10_000_000, ge=0, le=10**12)
    """Points that a user or partner may spend in `COST_WINDOW_S` seconds; 0 is no limit."""
    cost_window_s: float = Field(default=60, ge=1, le=86_400)
    """Seconds in which a spent budget of points is filled up again."""
    query_timeout_s: float = Field(default=30, ge=0, le=3_600)
    """Maximum seconds for a query to wait and run, or for a mutation to wait; 0 is no limit."""
    introspection: bool = True
    """Whether signed-in callers may read the schema. If false, errors suggest no names either."""
    trusted_documents: Path | None = None
    """Folder or JSON file with the GraphQL documents that may be executed. Unset: any may."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose web pages may call the API, such as `https://app.example,http://localhost:*`."""
    playground: bool = False
    """Whether to serve a start page at `/`, the playground, and the docs if they are built."""
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Proxies whose forwarded headers are believed: addresses and networks, as `10.0.0.0/8`."""
    forwarded_by: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    """Headers that trusted proxies set: `X-Forwarded-For` and `-Proto`, or RFC 7239 `Forwarded`."""
    auth_failure_limit: int = Field(default=30, ge=1, le=100_000)
    """Wrong tokens and links that an IP address may try in `AUTH_FAILURE_WINDOW_S` seconds."""
    auth_failure_window_s: float = Field(default=60, ge=1, le=86_400)
    """Seconds in which the failures of an IP address are counted for `AUTH_FAILURE_LIMIT`."""
    max_connections: int = Field(default=10_000, ge=1)
    """Maximum client connections of a process; more are answered with 503 and Retry-After."""
    client_timeout_s: float = Field(default=30, gt=0, le=3600)
    """Seconds in which a client must send a head, go on with a body, or go on reading an answer."""
    keep_alive_s: int = Field(default=75, ge=1, le=3600)
    """Seconds that an idle connection is kept; set the idle timeout of proxies lower than this."""
    drain_s: float = Field(default=0, ge=0, le=600)
    """Seconds after SIGTERM in which requests are still served, while `/readyz` says `draining`."""
    stop_timeout_s: int = Field(default=30, ge=1, le=3600)
    """Seconds after `DRAIN_S` in which running requests must end."""
    worker_slots: int = Field(default=4, ge=1, le=32)
    """Maximum number of jobs of each kind (lookups, mails) that a process runs at the same time."""
    worker_lease_s: float = Field(default=15, ge=1, le=600)
    """Seconds after which another worker takes the jobs of a worker that has stopped."""
    keep_jobs_days: float = Field(default=14, ge=0, le=36_500)
    """Days after which finished jobs are deleted; 0 keeps them for ever."""
    keep_events_days: float = Field(default=30, ge=0, le=36_500)
    """Days for which the feed of events and subscriptions reach back; 0 keeps events for ever."""
    keep_runs_days: float = Field(default=730, ge=0, le=36_500)
    """Days after which lookups are deleted, but not a customer's newest; 0 keeps them for ever."""
    keep_confirmations_days: float = Field(default=1_095, ge=0, le=36_500)
    """Days after which confirmations without a working link are deleted; 0 keeps them for ever."""
    keep_tokens_days: float = Field(default=730, ge=0, le=36_500)
    """Days after which expired or revoked access tokens are deleted; 0 keeps them for ever."""
    keep_budgets_days: float = Field(default=7, ge=0, le=36_500)
    """Days after which budgets of points that are full again are deleted; 0 keeps them for ever."""
    keep_imports_days: float = Field(default=30, ge=0, le=36_500)
    """Days after which ended imports, their faults and failed rows are deleted; 0: for ever."""
    import_max_bytes: int = Field(default=100_000_000, ge=1_000, le=2 * 10**9)
    """Maximum size in bytes of a file with customers to import."""
    keep_idempotency_days: float = Field(default=2, ge=1, le=365)
    """Days for which a mutation with an idempotency key can be repeated without running again."""
    keep_webhooks_days: float = Field(default=30, ge=1, le=36_500)
    """Days for which ended deliveries of webhooks, and their attempts, are kept."""
    idempotency_secret: SecretStr | None = None
    """Secret of all processes that protects fingerprints of requests. Unset: the keys alone do."""
    export_secret: SecretStr | None = None
    """Secret of all processes that encrypts links to exports. Unset: one kept in the database."""
    export_link_s: int = Field(default=300, ge=10, le=3600)
    """Seconds for which a link to an export works."""
    keep_usage_days: float = Field(default=400, ge=0, le=36_500)
    """Days for which counts of API calls are kept; 0 keeps them for ever."""
    keep_audit_days: float = Field(default=0, ge=0, le=36_500)
    """Days after which audit entries are deleted, at least 2192 (six years); 0: kept for ever."""
    consent_age_days: int = Field(default=730, ge=1, le=36_500)
    """Age in days from which a consent has the advisory `CONSENT_OUTDATED`."""
    companies_house_api_key: SecretStr | None = None
    """REST API key of Companies House. Without a key, a URL or the sandbox, lookups wait."""
    companies_house_url: str | None = None
    """Origin of the Public Data API. Unset: that of Companies House. Set it to use a sandbox."""
    companies_house_sandbox: bool = False
    """Whether to fill customers with made-up data from a sandbox in this process (development)."""
    companies_house_document_url: str | None = None
    """Origin of the Document API. Unset: `COMPANIES_HOUSE_URL`, or that of Companies House."""
    companies_house_limit: int = Field(default=600, ge=1, le=1_000_000)
    """Requests that the API key may send in `COMPANIES_HOUSE_WINDOW_S`; 97.5 % of them are used."""
    companies_house_window_s: float = Field(default=300, gt=0, le=86_400)
    """Length in seconds of the window of time to which `COMPANIES_HOUSE_LIMIT` applies."""
    company_searches: int = Field(default=30, ge=1, le=10_000)
    """Maximum searches by company name of one user or partner, per minute and process."""
    bulk_lookup_cooldown_s: float = Field(default=3_600, ge=0, le=30 * 86_400)
    """Seconds until `requestEnrichment` may look up all customers of a class again; 0 is no limit.

    `restartEnrichments` repeats a lookup that ended as PARTIAL or NOT_FOUND only after this time.
    """
    refresh_days: float = Field(default=30, ge=0, le=3_650)
    """Days after which a company is looked up again at Companies House at the latest; 0: never."""
    refresh_grace_days: float = Field(default=1, ge=0, le=365)
    """Days after a company's accounts fell due until they are looked for."""
    consent_needs_verified_email: bool = False
    """Whether an account's consent covers only contacts whose email address is verified."""
    personal_data_needs_scope: bool = False
    """Whether personal data is masked for tokens without the scope `personal_data:read`."""
    public_url: str | None = None
    """URL at which people reach this service; links in mails begin with it.

    Unset: `http://HOST:PORT`, with `localhost` if `HOST` is every interface.
    """
    organisation_name: str | None = Field(default=None, max_length=100)
    """Name of your organisation, for mails to contacts and for pages. Unset: neutral words."""
    organisation_privacy_url: str | None = Field(default=None, max_length=500)
    """URL (http or https) of your privacy notice, linked in mails and pages. Unset: no link."""
    organisation_contact: str | None = Field(default=None, max_length=500)
    """Email address or URL for questions, shown in mails and pages. Unset: none is shown."""
    smtp_url: SecretStr | None = None
    """Mail server: `smtp://user:password@host:port`, or with `smtp+starttls` or `smtps` as scheme.

    Unset: mails are not sent, but written to files in `MAILBOX`.
    """
    smtp_timeout_s: float = Field(default=10, ge=1, le=600)
    """Seconds in which the mail server must accept a mail; otherwise it is sent again later."""
    mail_from: str | None = None
    """Sender of mails, as `Name <address>`. Unset: `no-reply@` the host of `PUBLIC_URL`."""
    mailbox: Path = ROOT / "var" / "mailbox"
    """Folder to which mails are written if `SMTP_URL` is not set."""
    mails_per_partner_hour: int = Field(default=100, ge=1, le=1_000_000)
    """Maximum number of mails that one partner may request in any hour."""
    mails_per_hour: int = Field(default=2_000, ge=1, le=1_000_000)
    """Maximum number of mails that all callers together may request in any hour."""
    mails_per_mailbox_hour: int = Field(default=5, ge=1, le=10_000)
    """Maximum number of mails that one recipient gets in any hour; further mails wait."""
    confirmation_hours: float = Field(default=72, gt=0, le=24 * 90)
    """Hours for which a link to confirm works after its mail was sent."""
    withdrawal_days: float = Field(default=730, gt=0, le=3650)
    """Days for which a link to withdraw works after its mail was sent."""
    webhook_keys: SecretStr | None = None
    """Keys that encrypt the secrets of webhooks, as `new,old`: the first encrypts, all decrypt.

    Unset: these secrets are stored unencrypted. Set the same keys for all processes.
    """
    webhook_slots: int = Field(default=64, ge=1, le=1_000)
    """Maximum number of webhooks that one process posts at the same time."""
    webhook_private_targets: bool = False
    """Whether webhooks may go to `http://` and to addresses that are not public (development)."""
    webhook_disable_days: float = Field(default=3, ge=0.01, le=365)
    """Days without any success after which a failing webhook endpoint is disabled."""
    webhook_notice_address: str | None = None
    """Email address to tell if a webhook endpoint fails for 6 hours or is disabled. Unset: none."""
    oidc_issuer: str | None = None
    """Issuer whose OpenID Connect tokens are accepted, exactly as the provider names itself."""
    oidc_audience: str | None = None
    """Audience (`aud`) that tokens of `OIDC_ISSUER` must have; required with it."""
    oidc_algorithms: str = "RS256,ES256"
    """Signature algorithms to accept: RS, PS or ES with 256, 384 or 512, or Ed25519, or EdDSA."""
    oidc_leeway_s: int = Field(default=60, ge=0, le=600)
    """Seconds by which the identity provider's clock may differ from ours."""
    oidc_groups_claim: str = "groups"
    """Claim in the provider's tokens that lists the groups of a user."""
    oidc_jwks_url: str | None = None
    """URL of the identity provider's signing keys. Unset: as its discovery document says."""
    oidc_keys_lifetime_s: float = Field(default=600, ge=10, le=86_400)
    """Seconds after which the provider's signing keys are fetched again, in the background."""
    oidc_keys_grace_s: float = Field(default=7_200, ge=0, le=7 * 86_400)
    """Seconds for which keys older than `OIDC_KEYS_LIFETIME_S` are used if the provider is down."""
    oidc_keys_pause_s: float = Field(default=10, ge=1, le=3_600)
    """Minimum seconds between two fetches of the provider's signing keys."""
    connection_subscriptions: int = Field(default=50, ge=1, le=10_000)
    """Maximum number of operations that one WebSocket runs at the same time."""
    credential_subscriptions: int = Field(default=500, ge=1, le=100_000)
    """Maximum operations that the WebSockets of one user or partner run at once, per process."""
    credential_connections: int = Field(default=100, ge=1, le=100_000)
    """Maximum number of WebSockets of one user or partner, per process."""

    @field_validator("database_url", "database_direct_url")
    @classmethod
    def _known_database(cls, url: str | None, field: ValidationInfo) -> str | None:
        return None if url is None else values.known_database(url, str(field.field_name))

    @field_validator("keep_audit_days")
    @classmethod
    def _legal_period(cls, days: float) -> float:
        return values.legal_period(days)

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _origins(cls, given: object) -> object:
        return values.split(given) if isinstance(given, str) else given

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, given: object) -> object:
        return values.networks(given) if isinstance(given, str) else given

    @field_validator("public_url")
    @classmethod
    def _plain_origin(cls, url: str | None) -> str | None:
        return None if url is None else values.plain_origin(url)

    @field_validator("webhook_notice_address")
    @classmethod
    def _email_address(cls, address: str | None, field: ValidationInfo) -> str | None:
        return None if address is None else values.email_address(address, str(field.field_name))

    @field_validator("organisation_name", "organisation_privacy_url", "organisation_contact")
    @classmethod
    def _can_be_shown(cls, text: str | None, field: ValidationInfo) -> str | None:
        return None if text is None else values.shown_text(text, str(field.field_name))

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        pooler = None if self.database_pooler == "none" else self.database_pooler
        values.check_pooler(self.database_url, pooler, self.database_direct_url)
        if 0 < self.cost_budget < self.max_cost:
            raise ValueError("COST_BUDGET must be 0, for no limit, or at least MAX_COST")
        if (self.oidc_issuer is None) != (self.oidc_audience is None):
            raise ValueError("OIDC_ISSUER and OIDC_AUDIENCE must be set together, or neither")
        sandbox = self.companies_house_sandbox and self._names_register
        values.check_register(
            self.companies_house_url, self.companies_house_document_url, is_named_twice=sandbox
        )
        return self

    @property
    def are_metrics_public(self) -> bool:
        """Whether a server answers `/metrics` on the port of the API."""
        return self.metrics_port == self.port != 0

    @property
    def has_register(self) -> bool:
        """Whether companies can be looked up, at Companies House or in a sandbox."""
        return self._names_register or self.companies_house_sandbox

    @property
    def _names_register(self) -> bool:
        return self.companies_house_api_key is not None or self.companies_house_url is not None

    @property
    def for_development(self) -> Self:
        """A copy of the settings for local pages, with a sandbox if no key and no URL is set."""
        origins = (*self.cors_origins, *LOCAL_ORIGINS)
        more = {"companies_house_sandbox": not self._names_register, "cors_origins": origins}
        return self.model_copy(update={**more, "playground": True, "webhook_private_targets": True})

    @property
    def api_key(self) -> str:
        """The API key to send to Companies House, or to a sandbox, which accepts any."""
        key = self.companies_house_api_key
        return SANDBOX_KEY if key is None else key.get_secret_value()

    @property
    def webhook_key_texts(self) -> tuple[str, ...]:
        """The keys that encrypt the secrets of webhooks."""
        keys = self.webhook_keys
        return () if keys is None else tuple(values.split(keys.get_secret_value()))

    @property
    def smtp_address(self) -> str | None:
        """The URL of the mail server with the password; None if mails are written to files."""
        return None if self.smtp_url is None else self.smtp_url.get_secret_value()

    @property
    def links_begin_with(self) -> str:
        """The beginning of links in mails: PUBLIC_URL, or else a URL of this machine."""
        host = "localhost" if values.is_unspecified(self.host) else self.host
        host = f"[{host}]" if ":" in host else host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def has_links(self) -> bool:
        """Whether the beginning of links in mails is known; not if a free port is to be picked."""
        return self.public_url is not None or self.port != 0

    @property
    def own_origin(self) -> str | None:
        """The origin of PUBLIC_URL as browsers send it; None if PUBLIC_URL is not set."""
        return values.origin_of(self.public_url or "")

    @property
    def link_lifetimes(self) -> tuple[timedelta, timedelta]:
        """How long links in mails work: those to confirm, and those to withdraw."""
        return timedelta(hours=self.confirmation_hours), timedelta(days=self.withdrawal_days)

    @property
    def retention(self) -> dict[str, timedelta | None]:
        """How long rows of each kind are kept; None (0 days) means for ever."""
        names = re.findall(r"\bkeep_([a-z]+)_days\b", " ".join(type(self).model_fields))
        days = {name: getattr(self, f"keep_{name}_days") for name in names}
        return {name: timedelta(days=kept) if kept else None for name, kept in days.items()}


def environment_names() -> frozenset[str]:
    """Return the names of all environment variables that are set to a text."""
    return frozenset(name for name, value in os.environ.items() if value)


def wanted_log_format() -> Literal["readable", "json"]:
    """Return LOG_FORMAT, even if other settings are invalid, so that this can be reported."""
    try:
        return _LogFormat().log_format
    except ValueError:
        return "readable"


class _LogFormat(BaseSettings):
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")
    log_format: Literal["readable", "json"] = "readable"
