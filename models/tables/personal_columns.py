"""Which text columns hold personal data: every one that is not declared to hold something else.

A column that is forgotten here counts as personal: a schema that shows it without a mask is not
built, a test fails until it is erased, and `manage.py subject` looks through it.
"""

from collections.abc import Mapping
from enum import Enum, auto, unique

from tortoise import fields
from tortoise.fields.base import Field
from tortoise.fields.data import CharEnumFieldInstance
from tortoise.models import Model


@unique
class Content(Enum):
    """What a text column holds."""

    PERSONAL = auto()
    """Says something of a customer or a contact: masked where it is shown, and erased."""
    REFERENCE = auto()
    """Identifies a customer by a number or a reference: shown, and erased."""
    ACTOR = auto()
    """The name of the credential that did something: shown, and kept in the histories."""
    STAFF = auto()
    """Says who a user is: shown to those who hold `access:read`, erased by `eraseActorNames`."""
    OPEN = auto()
    """Says nothing of a person."""


TEXTS = (fields.CharField, fields.TextField, fields.JSONField, fields.BinaryField)

_DECLARED: Mapping[str, Mapping[Content, tuple[str, ...]]] = {
    "access_token": {
        Content.STAFF: ("name",),
        Content.OPEN: ("shown_prefix", "hash", "scopes"),
    },
    "app_user": {
        Content.STAFF: ("name", "name_key", "email", "issuer", "subject"),
        Content.OPEN: ("permissions",),
    },
    "audit_entry": {
        Content.ACTOR: ("actor_name", "user_name"),
        Content.OPEN: ("subject_kind", "operation"),
    },
    "class_change": {Content.ACTOR: ("changed_by",)},
    "confirmation": {Content.ACTOR: ("requested_by",), Content.OPEN: ("documents",)},
    "confirmation_token": {Content.OPEN: ("hash",)},
    "consent_entry": {
        Content.ACTOR: ("recorded_by",),
        Content.OPEN: (
            *("document_name", "document_version", "evidence_sha256", "idempotency_key"),
            *("testimony_digest", "previous_hash", "hash"),
        ),
    },
    "consent_ledger": {Content.OPEN: ("last_hash",)},
    "consent_period": {Content.OPEN: ("document_version",)},
    "customer": {Content.REFERENCE: ("account_number", "external_reference", "company_number")},
    "customer_class": {Content.OPEN: ("code", "name", "name_key", "display_class")},
    "customer_template": {Content.OPEN: ("name", "name_key")},
    "enrichment_run": {
        Content.REFERENCE: ("company_number",),
        Content.OPEN: ("source", "fields_read"),
    },
    "event": {Content.OPEN: ("kind", "payload")},
    "heartbeat": {Content.OPEN: ("worker",)},
    "job": {Content.OPEN: ("kind", "payload", "live_key", "owner")},
    "numbered_span": {Content.OPEN: ("name",)},
    "numbering": {Content.OPEN: ("name",)},
    "preference_entry": {
        Content.ACTOR: ("by",),
        # Without the salt of its contact, which is erased, the digest says nothing.
        Content.OPEN: ("documents", "address_digest"),
    },
    "queue_turn": {Content.OPEN: ("kind",)},
    "quota_use": {Content.OPEN: ("key", "subject")},  # a digest of an email address, for an hour
    "rate_limit": {Content.OPEN: ("key", "blocked_reason")},
    "suggestion": {Content.ACTOR: ("settled_by",), Content.OPEN: ("field",)},
    "upstream_response": {Content.OPEN: ("step",)},
    "user_group": {
        Content.OPEN: ("name", "name_key", "description", "external_name", "permissions")
    },
}


def text_columns(model: type[Model]) -> dict[str, Content]:
    """Return the columns of a table that hold text or JSON, and what each holds.

    Ids and columns with a closed set of values are none of these.
    """
    declared = {
        name: content
        for content, names in _DECLARED.get(str(model._meta.db_table), {}).items()
        for name in names
    }
    return {
        name: declared.get(name, Content.PERSONAL)
        for name, column in model._meta.fields_map.items()
        if _is_text(name, column)
    }


def columns_with(model: type[Model], *contents: Content) -> frozenset[str]:
    """Return the columns of a table that hold one of these contents."""
    return frozenset(name for name, found in text_columns(model).items() if found in contents)


def _is_text(name: str, column: Field[object]) -> bool:
    is_closed = isinstance(column, CharEnumFieldInstance)
    return isinstance(column, TEXTS) and not is_closed and name != "id" and name[-3:] != "_id"
