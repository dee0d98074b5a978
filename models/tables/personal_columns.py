"""Declares what each database column holds; a column that is not declared counts as personal.

So a column that somebody forgets to declare is protected: a GraphQL schema that shows it without a
mask cannot be built, a test fails until its values are erased with the person, and
`manage.py subject` searches it.
"""

from collections.abc import Mapping
from enum import Enum, auto, unique

from tortoise.fields.base import Field
from tortoise.fields.relational import RelationalField
from tortoise.models import Model


@unique
class Content(Enum):
    """What a column holds, and what follows for showing and erasing it."""

    PERSONAL = auto()
    """Data about a customer or a contact: masked where it is shown, and erased with them."""
    REFERENCE = auto()
    """A number or reference that identifies a customer: shown without a mask, and erased."""
    ACTOR = auto()
    """The name of the credential that did something: shown without a mask, kept in histories."""
    STAFF = auto()
    """Identifies a user: shown to callers with `access:read`, erased by `eraseActorNames`."""
    FILE = auto()
    """From a file that somebody sent, before it is about anybody stored: shown to whoever may see
    the import, and deleted when the import or its retention period ends."""
    OPEN = auto()
    """Contains no data about a person."""


_OPEN_EVERYWHERE = frozenset(("id", "created_at", "last_modified_at", "version"))

_DECLARED: Mapping[str, Mapping[Content, str]] = {
    "access_token": {
        Content.STAFF: "name",
        Content.OPEN: "shown_prefix hash scopes expires_at last_used_at revoked_at rotated_from_id",
    },
    "api_usage": {
        Content.OPEN: (
            "day credential_id user_id reseller_id operation operation_type calls points "
            "refusals user_errors limit_hits last_limited_at"
        ),
    },
    "app_user": {
        Content.STAFF: "name name_key search_key email issuer subject",
        Content.OPEN: "permissions disabled_at",
    },
    "audit_entry": {
        Content.ACTOR: "actor_name user_name",
        Content.OPEN: (
            "subject_kind operation subject_id customer_id is_override actor_id user_id "
            "reseller_id request_id at erased_at number"
        ),
    },
    "class_change": {
        Content.ACTOR: "changed_by",
        Content.OPEN: "crosses_individual_line changed_by_id changed_at",
    },
    "confirmation": {
        Content.ACTOR: "requested_by",
        Content.OPEN: (
            "documents kind customer_id requested_at requested_by_id is_requester_masked "
            "used_at voided_at void_reason entry_id mail_state mail_failure mail_sent_at "
            "held_at"
        ),
    },
    "confirmation_token": {
        Content.OPEN: "hash purpose expires_at used_at",
    },
    "consent_entry": {
        Content.ACTOR: "recorded_by",
        Content.OPEN: (
            "document_name document_version evidence_sha256 idempotency_key testimony_digest "
            "previous_hash hash sequence kind corrects_id basis effective_at recorded_at "
            "recorded_by_id method covers_emailing"
        ),
    },
    "consent_ledger": {
        Content.OPEN: "last_hash entry_count",
    },
    "consent_period": {
        Content.OPEN: "document_version matter from_at until_at basis entry_id",
    },
    "contact": {
        Content.REFERENCE: "external_reference reference_key",
        Content.OPEN: (
            "receives_bills receives_correspondence is_active email_verified_at mail_failure "
            "mail_failed_at is_mail_given_up changed_at deleted_at"
        ),
    },
    "contact_state": {
        Content.OPEN: (
            "customer_id at has_email is_verified receives_bills receives_correspondence "
            "is_active is_deleted"
        ),
    },
    "customer": {
        Content.REFERENCE: "account_number external_reference reference_key company_number",
        Content.OPEN: "enrichment_status consent_review_due_at refresh_due_at changed_at erased_at",
    },
    "customer_class": {
        Content.OPEN: (
            "code name name_key display_class display_position is_personal_customer "
            "is_sole_trader is_reseller check_companies_house retired_at"
        ),
    },
    "customer_import": {
        Content.ACTOR: "requested_by user_name",
        Content.OPEN: (
            "format sha256 byte_count columns on_conflict is_dry_run state failure row_count "
            "done_count stored_count failed_count fault_count started_at finished_at "
            "reseller_id caller live_caller earlier_import_id permissions requested_by_id user_id "
            "request_id"
        ),
    },
    "customer_template": {
        Content.OPEN: "name name_key",
    },
    "delivery_check": {
        Content.OPEN: "name upto last_customer_id",
    },
    "deprecated_use": {
        Content.OPEN: (
            "credential_id user_id reseller_id coordinate reason used_on use_count last_used_at"
        ),
    },
    "enrichment_run": {
        Content.REFERENCE: "company_number",
        Content.OPEN: (
            "source fields_read trigger status reason attempts requested_at finished_at "
            "next_attempt_at"
        ),
    },
    "event": {
        Content.OPEN: (
            "type payload subject_id customer_id customer_version reseller_id "
            "former_reseller_id is_for_everybody schema_version at number"
        ),
    },
    "event_consumer": {
        Content.OPEN: "name last_number",
    },
    "event_generation": {
        Content.OPEN: "sequence first_number secret identity",
    },
    "group_membership": {
        Content.OPEN: "joined_at",
    },
    "heartbeat": {
        Content.OPEN: "worker seen_at",
    },
    "idempotency": {
        # `id` is a digest of the key; without the key, `fingerprint` cannot be matched.
        Content.OPEN: "caller operation fingerprint outcome",
    },
    "import_failed_row": {
        Content.FILE: "content",
        Content.OPEN: "import_id line",
    },
    "import_fault": {
        Content.FILE: "column_name message",
        Content.OPEN: "import_id number line code",
    },
    "import_part": {
        Content.FILE: "content",
        Content.OPEN: "import_id number",
    },
    "job": {
        Content.OPEN: (
            "kind payload live_key owner state attempts due_at finished_at urgency "
            "reseller_id place calls_left started_at request_id reason"
        ),
    },
    "job_pause": {
        Content.OPEN: "kind paused_at",
    },
    "numbered_span": {
        Content.OPEN: "name first_number last_number from_at to_at",
    },
    "numbering": {
        Content.OPEN: "name last_number",
    },
    "preference_entry": {
        Content.ACTOR: "by",
        # Erasing a contact blanks their salt; without it, `address_digest` cannot be matched.
        Content.OPEN: "documents address_digest customer_id sequence kind at by_id",
    },
    "profile_change": {
        Content.OPEN: "field source filing_id run_id changed_at",
    },
    "queue_turn": {
        Content.OPEN: "kind urgency next_turn last_place",
    },
    "quota_use": {
        # For an hour, `key` holds a digest of an email address.
        Content.OPEN: "key subject at",
    },
    "rate_limit": {
        Content.OPEN: "key blocked_reason free_at blocked_at faults",
    },
    "suggestion": {
        Content.ACTOR: "settled_by",
        Content.OPEN: "field status settled_at",
    },
    "upstream_response": {
        Content.OPEN: "step retrieved_at",
    },
    "user_group": {
        Content.OPEN: "name name_key description external_name permissions",
    },
    "webhook_attempt": {
        # Receivers are sent ids only, so `answer` can name nobody by what they got from us.
        Content.OPEN: (
            "delivery_id endpoint_id reseller_id sequence started_at duration_ms status_code answer"
            " error"
        ),
    },
    "webhook_delivery": {
        Content.OPEN: (
            "endpoint_id reseller_id customer_id lane_id position event_id event_type number cause"
            " state attempts failing_since next_attempt_at finished_at"
        ),
    },
    "webhook_endpoint": {
        Content.OPEN: (
            "url description event_types customer_ids reseller_id is_active disabled_at"
            " disabled_reason secret old_secret old_secret_until last_number failures failing_since"
            " open_at noticed_at deleted_at"
        ),
    },
    "webhook_lane": {
        Content.OPEN: "endpoint_id due_at tail done owner not_before",
    },
}
"""The names of columns by table and content, separated by spaces."""


def columns_of(model: type[Model]) -> dict[str, Content]:
    """Return what each column of a model's table holds, by column name.

    Foreign keys, and the columns in _OPEN_EVERYWHERE, are left out: they hold no data of a person.
    """
    declared = {
        name: content
        for content, names in _DECLARED.get(str(model._meta.db_table), {}).items()
        for name in names.split()
    }
    return {
        name: declared.get(name, Content.PERSONAL)
        for name, column in model._meta.fields_map.items()
        if not (_is_reference(column) or name in _OPEN_EVERYWHERE)
    }


def columns_with(model: type[Model], *contents: Content) -> frozenset[str]:
    """Return the names of the columns of a model's table that hold one of `contents`."""
    return frozenset(name for name, found in columns_of(model).items() if found in contents)


def _is_reference(column: Field[object]) -> bool:
    """Return whether a column is a foreign key."""
    return column.reference is not None or isinstance(column, RelationalField)
