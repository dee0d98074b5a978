"""The permissions that each root field of the schema needs."""

from models.tables.access import Scope

READS_CUSTOMERS = {Scope.CUSTOMERS_READ}


READS_CLASSES = {Scope.CUSTOMER_CLASSES_READ}


PICKS_CLASSES = {Scope.CUSTOMER_CLASSES_READ, Scope.CUSTOMERS_READ}


WRITES_CUSTOMERS = {Scope.CUSTOMERS_WRITE}


WRITES_CONTACTS = {Scope.CONTACTS_WRITE}


WRITES_CLASSES = {Scope.CUSTOMER_CLASSES_WRITE}


PERMISSIONS: dict[str, set[Scope]] = {
    "viewer": set(),
    "node": set(),
    "nodes": set(),
    "customer_class": READS_CLASSES,
    "customer_classes": PICKS_CLASSES,
    "customer": READS_CUSTOMERS,
    "customers": READS_CUSTOMERS,
    "customer_templates": PICKS_CLASSES,
    "customer_template": PICKS_CLASSES,
    "contact": {Scope.CONTACTS_READ},
    "contacts": {Scope.CONTACTS_READ},
    "suggestion": READS_CUSTOMERS,
    "enrichment_run": READS_CUSTOMERS,
    "user": {Scope.ACCESS_READ},
    "user_group": {Scope.ACCESS_READ},
    "access_token": {Scope.ACCESS_READ},
    "platform_defaults": PICKS_CLASSES,
    "company_search": READS_CUSTOMERS,
    "events": {
        *(Scope.CUSTOMERS_READ, Scope.CONTACTS_READ, Scope.CONSENT_READ),
        *(Scope.CUSTOMER_CLASSES_READ, Scope.ACCESS_READ, Scope.WEBHOOKS_READ),
    },
    "event_types": set(),
    "delivery_exposure": READS_CUSTOMERS,
    "delivery_rules": set(),
    "save_customer_class": WRITES_CLASSES,
    "retire_customer_class": WRITES_CLASSES,
    "reactivate_customer_class": WRITES_CLASSES,
    "delete_customer_class": {Scope.CUSTOMER_CLASSES_ADMINISTER},
    "save_customer_template": WRITES_CLASSES,
    "delete_customer_template": WRITES_CLASSES,
    "save_platform_defaults": WRITES_CLASSES,
    "save_customer": WRITES_CUSTOMERS,
    "save_customers": WRITES_CUSTOMERS,
    "change_customer_class": WRITES_CUSTOMERS,
    "delete_customer": WRITES_CUSTOMERS,
    "save_contact": WRITES_CONTACTS,
    "save_contacts": WRITES_CONTACTS,
    "delete_contact": WRITES_CONTACTS,
    "erase_contact": WRITES_CONTACTS,
    "request_email_verification": WRITES_CONTACTS,
    "request_attachment_preference": WRITES_CONTACTS,
    "withdraw_attachment_preference": WRITES_CONTACTS,
    "enrichment_backlog": {Scope.CUSTOMERS_READ},
    "request_enrichment": {Scope.ENRICHMENT_RUN},
    "restart_enrichments": {Scope.ENRICHMENT_RUN},
    "accept_suggestion": WRITES_CUSTOMERS,
    "reject_suggestion": WRITES_CUSTOMERS,
    "accept_suggestions": WRITES_CUSTOMERS,
    "reject_suggestions": WRITES_CUSTOMERS,
    "customer_enriched": READS_CUSTOMERS,
    "contact_confirmed": {Scope.CONTACTS_READ},
    "consent_evidence": {Scope.CONSENT_READ},
    "verify_consent_ledger": {Scope.CONSENT_READ},
    "consent_advisory_counts": READS_CUSTOMERS,
    "customer_report": READS_CUSTOMERS,
    "customers_over_time": READS_CUSTOMERS,
    "record_consent": {Scope.CONSENT_WRITE},
    "record_consents": {Scope.CONSENT_WRITE},
    "withdraw_consent": {Scope.CONSENT_WRITE},
    "correct_consent": {Scope.CONSENT_WRITE},
    "request_non_itemised_bills": {Scope.CONSENT_WRITE},
    "withdraw_non_itemised_bills_request": {Scope.CONSENT_WRITE},
    "import_job": WRITES_CUSTOMERS,
    "imports": WRITES_CUSTOMERS,
    "cancel_import": WRITES_CUSTOMERS,
    "import_progressed": WRITES_CUSTOMERS,
    "permissions": set(),
    "users": {Scope.ACCESS_READ},
    "user_groups": {Scope.ACCESS_READ},
    "access_tokens": {Scope.ACCESS_READ},
    "deprecated_uses": {Scope.ACCESS_READ},
    "job": {Scope.JOBS_ADMINISTER},
    "jobs": {Scope.JOBS_ADMINISTER},
    "retry_jobs": {Scope.JOBS_ADMINISTER},
    "discard_jobs": {Scope.JOBS_ADMINISTER},
    "pause_jobs": {Scope.JOBS_ADMINISTER},
    "resume_jobs": {Scope.JOBS_ADMINISTER},
    "usage": {Scope.ACCESS_READ},
    "save_user": {Scope.ACCESS_ADMINISTER},
    "disable_user": {Scope.ACCESS_ADMINISTER},
    "enable_user": {Scope.ACCESS_ADMINISTER},
    "save_user_group": {Scope.ACCESS_ADMINISTER},
    "delete_user_group": {Scope.ACCESS_ADMINISTER},
    "change_group_members": {Scope.ACCESS_ADMINISTER},
    "grant_permissions": {Scope.ACCESS_ADMINISTER},
    "revoke_permissions": {Scope.ACCESS_ADMINISTER},
    "issue_access_token": {Scope.ACCESS_ADMINISTER},
    "rotate_access_token": {Scope.ACCESS_ADMINISTER},
    "revoke_access_token": {Scope.ACCESS_ADMINISTER},
    "audit_trail": {Scope.AUDIT_READ},
    "erase_actor_names": {Scope.AUDIT_ERASE},
    "create_export": {
        *(Scope.CUSTOMERS_READ, Scope.CONTACTS_READ, Scope.CONSENT_READ),
        *(Scope.CUSTOMER_CLASSES_READ, Scope.ACCESS_READ, Scope.AUDIT_READ),
    },
    "webhook_endpoint": {Scope.WEBHOOKS_READ},
    "webhook_endpoints": {Scope.WEBHOOKS_READ},
    "webhook_deliveries": {Scope.WEBHOOKS_READ},
    "save_webhook_endpoint": {Scope.WEBHOOKS_WRITE},
    "rotate_webhook_secret": {Scope.WEBHOOKS_WRITE},
    "delete_webhook_endpoint": {Scope.WEBHOOKS_WRITE},
    "ping_webhook_endpoint": {Scope.WEBHOOKS_WRITE},
    "redeliver_webhooks": {Scope.WEBHOOKS_WRITE},
}
"""By root field: scopes of which the caller needs one; empty if any valid token is enough (R93)."""
