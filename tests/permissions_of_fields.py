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
    "platform_defaults": PICKS_CLASSES,
    "company_search": READS_CUSTOMERS,
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
    "change_customer_class": WRITES_CUSTOMERS,
    "delete_customer": WRITES_CUSTOMERS,
    "save_contact": WRITES_CONTACTS,
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
    "customer_enriched": READS_CUSTOMERS,
    "consent_evidence": {Scope.CONSENT_READ},
    "verify_consent_ledger": {Scope.CONSENT_READ},
    "consent_advisory_counts": READS_CUSTOMERS,
    "record_consent": {Scope.CONSENT_WRITE},
    "withdraw_consent": {Scope.CONSENT_WRITE},
    "correct_consent": {Scope.CONSENT_WRITE},
    "request_non_itemised_bills": {Scope.CONSENT_WRITE},
    "withdraw_non_itemised_bills_request": {Scope.CONSENT_WRITE},
    "permissions": set(),
    "users": {Scope.ACCESS_READ},
    "user_groups": {Scope.ACCESS_READ},
    "access_tokens": {Scope.ACCESS_READ},
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
}
"""By root field: scopes of which the caller needs one; empty if any valid token is enough (R93)."""
