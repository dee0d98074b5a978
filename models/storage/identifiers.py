"""Makes the identifiers of rows: TypeIDs, sortable by time, with a prefix for their type."""

from typing import Any
from uuid import UUID

from typeid import TypeID

ID_LENGTH = 32
"""Length of id columns: a prefix of up to five characters, `_`, and 26 base 32 characters."""


def new_class_id() -> str:
    """Identify a customer class."""
    return str(TypeID(prefix="cls"))


def new_class_change_id() -> str:
    """Identify a row of a customer's class history."""
    return str(TypeID(prefix="chg"))


def new_customer_id() -> str:
    """Identify a customer."""
    return str(TypeID(prefix="cus"))


def new_template_id() -> str:
    """Identify a customer template."""
    return str(TypeID(prefix="tpl"))


def new_run_id() -> str:
    """Identify an enrichment run."""
    return str(TypeID(prefix="run"))


def new_suggestion_id() -> str:
    """Identify a suggestion."""
    return str(TypeID(prefix="sug"))


def new_job_id() -> str:
    """Identify a job."""
    return str(TypeID(prefix="job"))


def new_token_id() -> str:
    """Identify an access token."""
    return str(TypeID(prefix="tok"))


def new_audit_id() -> str:
    """Identify an audit entry."""
    return str(TypeID(prefix="aud"))


def new_consent_entry_id() -> str:
    """Identify an entry of the consent ledger."""
    return str(TypeID(prefix="cns"))


def new_testimony_id() -> str:
    """Identify what was said of a consent entry."""
    return str(TypeID(prefix="tsm"))


def testimony_id_for(digest: str) -> str:
    """Identify what was said of a consent entry by a request's hexadecimal digest.

    The same request has the same id, so that the primary key keeps it from being stored twice; of
    all identifiers, this one does not sort by time.
    """
    number: Any = UUID(digest[:32])  # typed as that of the library's own choice
    return str(TypeID.from_uuid(number, prefix="tsm"))


def new_contact_id() -> str:
    """Identify a contact."""
    return str(TypeID(prefix="con"))


def new_preference_entry_id() -> str:
    """Identify an entry of a contact's preference history."""
    return str(TypeID(prefix="prf"))


def new_confirmation_id() -> str:
    """Identify a confirmation that a contact is asked for."""
    return str(TypeID(prefix="cfm"))


def new_user_id() -> str:
    """Identify a user."""
    return str(TypeID(prefix="usr"))


def new_group_id() -> str:
    """Identify a user group."""
    return str(TypeID(prefix="grp"))


def new_membership_id() -> str:
    """Identify a membership of a user in a group."""
    return str(TypeID(prefix="mem"))


def viewer_id(principal_id: str) -> str:
    """Return the id of a viewer; unlike the credential's id, it names no stored row."""
    return f"vwr_{principal_id.rpartition('_')[2]}"


def credential_id(principal_id: str) -> str:
    """Return the id of a principal's credential; it differs from the token's and the user's id."""
    return f"crd_{principal_id.rpartition('_')[2]}"


def prefix_of(identifier: str) -> str:
    """Return the prefix of an identifier, empty when it has none."""
    return identifier.partition("_")[0] if "_" in identifier else ""
