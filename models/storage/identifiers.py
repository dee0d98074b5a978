"""Makes ids of rows: TypeIDs, which sort by time and have a prefix for the type of the row."""

from typing import Any
from uuid import UUID

from typeid import TypeID

ID_LENGTH = 32
"""Length of id columns: a prefix of up to five characters, `_`, and 26 base 32 characters."""


def new_class_id() -> str:
    """Return a new id for a customer class."""
    return str(TypeID(prefix="cls"))


def new_class_change_id() -> str:
    """Return a new id for an entry of a customer's class history."""
    return str(TypeID(prefix="chg"))


def new_customer_id() -> str:
    return str(TypeID(prefix="cus"))


def new_template_id() -> str:
    """Return a new id for a customer template."""
    return str(TypeID(prefix="tpl"))


def new_run_id() -> str:
    """Return a new id for an enrichment run."""
    return str(TypeID(prefix="run"))


def new_suggestion_id() -> str:
    return str(TypeID(prefix="sug"))


def new_profile_change_id() -> str:
    """Return a new id for a change of a company profile."""
    return str(TypeID(prefix="pch"))


def new_job_id() -> str:
    return str(TypeID(prefix="job"))


def new_token_id() -> str:
    """Return a new id for an access token."""
    return str(TypeID(prefix="tok"))


def new_audit_id() -> str:
    """Return a new id for an audit entry."""
    return str(TypeID(prefix="aud"))


def new_deprecated_use_id() -> str:
    """Return a new id for the count of uses of a deprecated part of the schema."""
    return str(TypeID(prefix="dpu"))


def new_event_id() -> str:
    """Return a new id for an event."""
    return str(TypeID(prefix="evt"))


def new_consent_entry_id() -> str:
    """Return a new id for an entry of the consent ledger."""
    return str(TypeID(prefix="cns"))


def new_testimony_id() -> str:
    """Return a new id for a statement about a consent entry (`ConsentTestimony`)."""
    return str(TypeID(prefix="tsm"))


def testimony_id_for(digest: str) -> str:
    """Return the id of a statement about a consent entry, made from its request's digest.

    `digest` is hexadecimal. Because a repeated request gets the same id, the primary key prevents
    storing its statement twice. Unlike other ids, this one does not sort by time.
    """
    number: Any = UUID(digest[:32])  # the library expects the UUID type of another package
    return str(TypeID.from_uuid(number, prefix="tsm"))


def new_contact_id() -> str:
    return str(TypeID(prefix="con"))


def new_preference_entry_id() -> str:
    """Return a new id for an entry of a contact's preference history."""
    return str(TypeID(prefix="prf"))


def new_confirmation_id() -> str:
    """Return a new id for a confirmation request to a contact."""
    return str(TypeID(prefix="cfm"))


def new_user_id() -> str:
    return str(TypeID(prefix="usr"))


def new_group_id() -> str:
    """Return a new id for a user group."""
    return str(TypeID(prefix="grp"))


def new_membership_id() -> str:
    """Return a new id for the membership of a user in a group."""
    return str(TypeID(prefix="mem"))


def new_webhook_endpoint_id() -> str:
    return str(TypeID(prefix="whe"))


def new_webhook_delivery_id() -> str:
    """Return a new id for the delivery of an event to a webhook endpoint."""
    return str(TypeID(prefix="whd"))


def new_webhook_attempt_id() -> str:
    """Return a new id for an attempt to deliver an event."""
    return str(TypeID(prefix="wha"))


def new_import_id() -> str:
    """Return a new id for an import of customers from a file."""
    return str(TypeID(prefix="imp"))


def viewer_id(principal_id: str) -> str:
    """Return the id of the viewer object of a principal (a user or a token)."""
    return f"vwr_{principal_id.rpartition('_')[2]}"


def credential_id(principal_id: str) -> str:
    """Return the id of the credential object of a principal (a user or a token)."""
    return f"crd_{principal_id.rpartition('_')[2]}"


def prefix_of(identifier: str) -> str:
    """Return the part of an identifier before the first `_`; empty if there is no `_`."""
    return identifier.partition("_")[0] if "_" in identifier else ""
