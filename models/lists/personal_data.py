"""Masks personal data for callers without the permission to read it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from models.rules.classification import ClassFlags, is_legal_individual
from models.rules.errors import RefusalCode, refuse
from models.rules.profile import Profile
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext

MASK = "***"
"""Replaces a masked text where null is not allowed."""

IMPERSONAL_KINDS = frozenset({"cls", "tpl", "platform", "grp", "whe", "job"})
"""Kinds of audit subjects (prefixes of their ids) that have no personal data."""

IMPERSONAL_VALUES = frozenset(
    {
        "company_number",
        "confirmation_id",
        "customer_class_id",
        "disabled_at",
        "documents",
        "effective_at",
        "enrichment_status",
        "entries",
        "entry_id",
        "expires_at",
        "group_id",
        "is_active",
        "kind",
        "mail_failure",
        "mail_state",
        "parent_id",
        "permissions",
        "receives_bills",
        "receives_correspondence",
        "reseller_id",
        "revoked_at",
        "scopes",
        "successor_id",
        "suggestion_id",
        "user_id",
    }
)
"""Names of those values in audit entries that are not personal; all other values are masked."""

PERSONAL_ENTRIES = frozenset({"registered_address"})
"""Entries of a company profile that tell where a person lives or works."""

IDENTITY = ("company_name", "previous_names")
"""Details of a company profile that name a person."""


def is_masked(principal: Principal | None, *, needs_scope: bool) -> bool:
    """Return whether personal data is masked for a principal.

    `needs_scope` says whether the platform requires the permission `personal_data:read` for it.
    """
    return needs_scope and not (principal is not None and principal.may(Scope.PERSONAL_DATA_READ))


def refuse_unmasking(act: ActorContext, old: ClassFlags, new: ClassFlags) -> None:
    """Refuse to turn individuals into organisations if the caller sees masked data (R93).

    The current flags decide whether names are masked, so the change, or a dry run of it, would
    reveal the names.
    """
    if act.is_masked and old.is_legal_individual and not new.is_legal_individual:
        raise refuse(
            RefusalCode.PERSONAL_DATA_NEEDED,
            "Turning individuals into organisations reveals their names, so it needs the"
            f" permission {Scope.PERSONAL_DATA_READ}.",
            hint="Ask a user who has this permission to make the change.",
        )


def unseen(act: ActorContext, written: Iterable[str], personal: Collection[str]) -> frozenset[str]:
    """Return the fields in `written` and `personal`, if personal data is masked for the principal.

    Setting one counts as a change even if the value stays the same. Otherwise the version, the
    history, or what a change resets would tell whether the principal guessed the value.
    """
    return frozenset(written).intersection(personal) if act.is_masked else frozenset()


def masked_name(name: str, is_personal: bool, is_sole_trader: bool) -> str:
    """Return a customer's name, or MASK if the class flags mean a legal individual (R5)."""
    return MASK if is_legal_individual(is_personal, is_sole_trader) else name


def masked_profile(profile: Profile, is_personal: bool, is_sole_trader: bool) -> Profile:
    """Return a profile, for legal individuals without names and addresses."""
    if not is_legal_individual(is_personal, is_sole_trader):
        return profile
    masked: dict[str, Any] = {
        name: entry for name, entry in profile.items() if name not in PERSONAL_ENTRIES
    }
    if "details" in masked:
        details = masked["details"].items()
        masked["details"] = {name: value for name, value in details if name not in IDENTITY}
    return masked


def masked_values(values: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return the values of an audit entry, by name, with MASK in place of personal ones.

    Permissions are shown; names of users and tokens are masked. `kind` is the kind of the entry's
    subject, the prefix of its id.
    """
    if kind in IMPERSONAL_KINDS:
        return values
    return {name: value if name in IMPERSONAL_VALUES else MASK for name, value in values.items()}


def masked_reason(reason: str | None, kind: str) -> str | None:
    """Return the reason of an audit entry; None if a subject of this kind may be a person."""
    return reason if kind in IMPERSONAL_KINDS else None
