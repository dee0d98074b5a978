"""Who sees personal data where that takes a scope of its own, and what others see in its place."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from models.rules.classification import ClassFlags, is_legal_individual
from models.rules.errors import RefusalCode, refuse
from models.rules.profile import Profile
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext

MASK = "***"
"""What stands in the place of a text that can't be null."""

OPEN_KINDS = frozenset({"cls", "tpl", "platform", "grp"})
"""Subjects of audit entries that are no persons, and have none."""

OPEN_VALUES = frozenset(
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
"""Values in audit entries that say nothing of a person; whatever is not named here may."""

PERSONAL_ENTRIES = frozenset({"registered_address"})
"""Entries of a profile that say where the one behind it is."""

IDENTITY = ("company_name", "previous_names")
"""Details of a profile that name the one behind it."""


def is_masked(principal: Principal | None, *, needs_scope: bool) -> bool:
    """Return whether personal data is masked: only where it needs a scope, which is not held."""
    return needs_scope and not (principal is not None and principal.may(Scope.PERSONAL_DATA_READ))


def refuse_unmasking(act: ActorContext, old: ClassFlags, new: ClassFlags) -> None:
    """Refuse to let who is masked make organisations of individuals: names would show (R93).

    What a customer is masked by is its class as it stands, in a dry run too.
    """
    if act.is_masked and old.is_legal_individual and not new.is_legal_individual:
        raise refuse(
            RefusalCode.PERSONAL_DATA_NEEDED,
            f"Making organisations of individuals shows who they are: {Scope.PERSONAL_DATA_READ}"
            " is needed.",
            hint="Ask somebody to do it who holds that permission.",
        )


def unseen(act: ActorContext, written: Iterable[str], personal: Collection[str]) -> frozenset[str]:
    """Return the written fields whose stored values the principal may not see.

    Writing these counts as a change even if the value stays the same. Otherwise the version, the
    history, or what a change resets would tell whether the principal guessed the value.
    """
    return frozenset(written).intersection(personal) if act.is_masked else frozenset()


def masked_name(name: str, is_personal: bool, is_sole_trader: bool) -> str:
    """Mask the name of a customer that the law treats as an individual (R5)."""
    return MASK if is_legal_individual(is_personal, is_sole_trader) else name


def masked_profile(profile: Profile, is_personal: bool, is_sole_trader: bool) -> Profile:
    """Take names and address out of the profile of such a customer."""
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
    """Mask what an audit entry about a person, or about a customer, says; the names of fields stay.

    What somebody may do is shown, and by what credential; how a user or a token is called is not.
    `kind` is that of the entry's subject.
    """
    if kind in OPEN_KINDS:
        return values
    return {name: value if name in OPEN_VALUES else MASK for name, value in values.items()}


def masked_reason(reason: str | None, kind: str) -> str | None:
    """Leave out the reason of such an entry: it is in somebody's own words."""
    return reason if kind in OPEN_KINDS else None
