"""What settings mean to an operator, where `Settings` itself does not describe them."""

from collections.abc import Mapping
from types import MappingProxyType

DESCRIPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "host": "Address to listen on. `manage.py worker --health-port` listens on it too.",
        "port": "Port to listen on; 0 takes a free one. With 0, a `worker` that sends mails"
        " needs `PUBLIC_URL`.",
        "public_url": "Address at which people reach this service; links in mails begin with"
        " it. The default is `http://HOST:PORT`, with `localhost` where `HOST` means all"
        " addresses.",
        "most_connections": "Open connections of a process; further ones get 503 with"
        " Retry-After. The process needs as many open files.",
        "client_timeout_s": "Seconds in which a client must send the head of a request, send"
        " its body, and take each part of the answer.",
        "keep_alive_s": "Seconds that an idle connection stays open. A proxy must close idle"
        " connections sooner.",
        "drain_s": "Seconds after SIGTERM in which requests are still served while `/readyz`"
        " answers `draining`.",
        "stop_timeout_s": "Seconds after the draining in which running requests may finish.",
        "trusted_proxies": "Addresses and networks of proxies whose forwarded headers are"
        " believed, such as `10.0.0.0/8`, separated by commas or blanks.",
        "forwarded_by": "The headers that these proxies write: `x-forwarded`"
        " (`X-Forwarded-For`, `X-Forwarded-Proto`) or `forwarded` (RFC 7239).",
        "cors_origins": "Origins whose pages may use the API, such as `https://app.example`,"
        " separated by commas or blanks.",
        "database_url": "`sqlite://…` or `postgres://…`.",
        "database_pool_size": "PostgreSQL connections of a process; a third are for reads only.",
        "database_timeout_s": "Seconds that a statement may take on PostgreSQL.",
        "migration_lock_timeout_s": "Seconds that a migration waits for a lock before it gives"
        " up and names who holds it.",
        "database_pooler": "`transaction` if `DATABASE_URL` leads to a pooler in transaction"
        " mode, such as pgbouncer.",
        "database_direct_url": "The server's own address behind a pooler, for LISTEN and"
        " migrations; the default is `DATABASE_URL`.",
        "log_format": "Format of the log lines on standard error.",
        "log_level": "Least severe level that is logged.",
        "slow_operation_s": "Operations that take as many seconds are logged again, as a"
        " WARNING; 0 turns this off.",
        "running_requests": "Queries that a process runs at once.",
        "writing_requests": "Mutations that a process runs at once, beside the queries.",
        "waiting_requests": "Requests of all callers that may wait for a slot of the same"
        " kind; further ones get 503.",
        "caller_running_requests": "Queries of one user or partner that run at once; keep it"
        " below `RUNNING_REQUESTS`, so that others find a free slot.",
        "caller_writing_requests": "Mutations of one user or partner that run at once; keep it"
        " below `WRITING_REQUESTS`.",
        "caller_waiting_requests": "Requests of one user or partner that may wait; further"
        " ones get 429.",
        "query_timeout_s": "Seconds that a query may wait and run, and that a mutation may"
        " wait; 0 means no limit.",
        "max_request_bytes": "Bytes of a request, and of a WebSocket message.",
        "max_tokens": "Lexical tokens of a document.",
        "max_depth": "Levels of fields, and of fragments within fragments.",
        "max_fields": "Fields of an operation; the fields of a fragment count for each use.",
        "max_selection_fields": "Fields side by side in one selection.",
        "max_root_fields": "Root fields of an operation.",
        "max_aliases": "Aliases of an operation.",
        "max_directives": "Directives of an operation.",
        "max_field_directives": "Directives in one place.",
        "max_list_entries": "Entries of one list or object in arguments and variables.",
        "max_value_depth": "Levels of lists and objects in arguments and variables.",
        "max_variable_values": "Values within the lists and objects of all variables.",
        "introspection": "Whether signed-in callers may query the schema. If not, errors"
        " suggest no names either.",
        "trusted_documents": "Folder of `.graphql` files, or JSON file of texts by id; no"
        " other documents are executed.",
        "max_cost": "Points that one operation may request.",
        "cost_budget": "Points of a user or partner in a window; 0 means no budget, other"
        " values must be at least `MAX_COST`.",
        "cost_window_s": "Seconds in which a spent budget refills.",
        "connection_subscriptions": "Operations that run at once on a WebSocket.",
        "credential_subscriptions": "Operations that run at once on all WebSockets of a user or"
        " partner, in a process.",
        "credential_connections": "WebSockets of a user or partner, in a process.",
        "guesses": "Wrong tokens and links that a client address may try in a window; then it"
        " gets 429.",
        "guess_window_s": "Seconds of that window.",
        "worker_slots": "Jobs of each kind (lookups, mails) that a process runs at once.",
        "worker_lease_s": "Seconds after which another worker takes over the jobs of a worker"
        " that gives no sign of life.",
        "keep_jobs_days": "Days for which ended jobs are kept; 0 keeps them for good, here and"
        " below.",
        "keep_events_days": "Days for which events are kept.",
        "keep_runs_days": "Days for which ended lookups are kept; a customer's newest lookup"
        " stays.",
        "keep_confirmations_days": "Days for which confirmations are kept once none of their"
        " links works.",
        "keep_tokens_days": "Days for which access tokens are kept once they were revoked or"
        " have expired.",
        "keep_budgets_days": "Days for which cost budgets are kept once they are full again.",
        "keep_audit_days": "Days for which audit entries are kept: 0, or at least 2192, which"
        " is six years.",
        "consent_age_days": "Age in days from which consent carries the advisory"
        " `CONSENT_OUTDATED`.",
        "consent_needs_verified_address": "Whether the consent of an account counts only for"
        " verified email addresses.",
        "personal_data_needs_scope": "Whether personal data is masked for callers without the"
        " permission `personal_data:read`.",
        "companies_house_api_key": "A REST API key. Without a key, another address or the"
        " sandbox, lookups wait.",
        "companies_house_url": "Address of the public data API, for a sandbox of your own.",
        "companies_house_document_url": "Address of the document API; the default is"
        " `COMPANIES_HOUSE_URL` if set.",
        "companies_house_sandbox": "Whether this process runs a sandbox and fills customers"
        " with its made-up data.",
        "companies_house_limit": "Requests that the key may make in a window; 97.5 % of them"
        " are used.",
        "companies_house_window_s": "Seconds of that window.",
        "company_searches": "Searches by name that a partner, or else a user, may make in a"
        " minute, in a process.",
        "bulk_lookup_cooldown_s": "Seconds until `requestEnrichment` may look up the same class"
        " again, and until `restartEnrichments` may restart a lookup that ended as `PARTIAL` or"
        " `NOT_FOUND`; 0 means no limit.",
        "smtp_url": "The mail server: `smtps://user:password@host` (TLS, port 465),"
        " `smtp+starttls://…` (TLS required, port 587) or `smtp://…` (TLS if offered, port 25;"
        " required with a password unless the host is this machine). Write special characters"
        " of user and password as `%2F`. Without a server, mails are files in `MAILBOX`.",
        "smtp_timeout_s": "Seconds in which the server must accept a mail; a slower server gets"
        " the mail again.",
        "mail_from": "Sender of the mails, as `Name <address>`; the default is `no-reply@` the"
        " host of `PUBLIC_URL`.",
        "mailbox": "Folder to which mails are written where no mail server is set.",
        "mails_per_partner_hour": "Mails that a partner may cause in any hour.",
        "mails_per_hour": "Mails that all callers together may cause in any hour.",
        "mails_per_mailbox_hour": "Mails that an email address gets in any hour, whoever causes"
        " them; further ones wait.",
        "confirmation_hours": "Hours for which a link in a mail can confirm, from the sending.",
        "withdrawal_days": "Days for which a link in a mail can withdraw.",
        "oidc_issuer": "Issuer URL of the OpenID Connect provider whose tokens sign in, exactly"
        " as the provider writes it.",
        "oidc_audience": "Audience that its tokens must name; needed with `OIDC_ISSUER`.",
        "oidc_algorithms": "Signature algorithms that are accepted, separated by commas: RS256,"
        " RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, Ed25519 and EdDSA.",
        "oidc_leeway_s": "Seconds by which the provider's clock may be off.",
        "oidc_groups_claim": "The claim that names the user's groups.",
        "oidc_jwks_url": "Address of the provider's keys; the default is discovered.",
        "oidc_keys_lifetime_s": "Seconds after which keys are fetched again, in the background.",
        "oidc_keys_grace_s": "Further seconds for which old keys are used while the provider is"
        " down.",
        "oidc_keys_pause_s": "Least seconds between two fetches of the keys.",
    }
)
