"""Which callers see personal data, and what other callers see instead."""

from dataclasses import replace

import pytest

from models.lists.personal_data import (
    is_masked,
    masked_name,
    masked_profile,
    masked_reason,
    masked_values,
    refuse_unmasking,
)
from models.rules.classification import ClassFlags
from models.rules.errors import RefusalCode, Refused
from models.rules.profile import Profile
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext

SEES = Principal("tok_1", "Sees", frozenset({Scope.PERSONAL_DATA_READ}))
SEES_NOT = Principal("tok_2", "Sees not", frozenset(Scope) - {Scope.PERSONAL_DATA_READ})


@pytest.mark.parametrize(
    ("principal", "needs_scope", "wanted"),
    [
        # If personal data needs no scope, no caller is masked.
        (SEES, False, False),
        (SEES_NOT, False, False),
        (None, False, False),
        # If it needs the scope, all callers without it are masked; other scopes do not imply it.
        (SEES, True, False),
        (SEES_NOT, True, True),
        (None, True, True),
    ],
)
def test_personal_data_is_masked_only_where_it_needs_a_scope_that_is_not_held(
    principal: Principal | None, needs_scope: bool, wanted: bool
) -> None:
    assert is_masked(principal, needs_scope=needs_scope) is wanted


@pytest.mark.parametrize(
    ("is_personal", "is_sole_trader", "wanted"),
    [
        (False, False, "Acme"),  # an organisation
        (True, False, "***"),  # a private individual
        (False, True, "***"),  # a sole trader, whom the law treats as an individual (R5)
        (True, True, "***"),
    ],
)
def test_names_of_individuals_are_masked(
    is_personal: bool, is_sole_trader: bool, wanted: str
) -> None:
    assert masked_name("Acme", is_personal, is_sole_trader) == wanted


def test_profiles_of_individuals_lose_address_and_names_and_nothing_else() -> None:
    profile: Profile = {
        "registered_address": {"value": {"locality": "Leeds"}, "source": "USER"},
        "employees": {"value": 3, "source": "USER"},
        "details": {"company_name": "A", "previous_names": [{"name": "B"}], "company_type": "ltd"},
    }
    assert masked_profile(profile, False, False) is profile
    assert masked_profile(profile, False, True) == {
        "employees": {"value": 3, "source": "USER"},
        "details": {"company_type": "ltd"},
    }
    assert masked_profile({}, True, False) == {}


def test_values_of_entries_are_masked_unless_they_are_known_to_be_harmless() -> None:
    values = {"name": "Al", "is_active": True, "something_new": 1, "profile": {"a": "b"}}
    masked = {"name": "***", "is_active": True, "something_new": "***", "profile": "***"}
    for kind in ("cus", "con", "usr", "tok", "", "anything"):
        assert masked_values(values, kind) == masked
        assert masked_reason("Ann asked", kind) is None
    for kind in ("cls", "tpl", "platform", "grp"):
        assert masked_values(values, kind) == values
        assert masked_reason("Merged", kind) == "Merged"


def test_what_somebody_may_do_is_shown_and_how_they_are_called_is_not() -> None:
    """R93."""
    user = {"name": "Uma", "email": "u@a.example", "issuer": "https://id.example", "subject": "7"}
    assert masked_values(user, "usr") == dict.fromkeys(user, "***")
    permitted = {"permissions": ["customers:read"], "disabled_at": None, "group_id": "grp_1"}
    assert masked_values(permitted, "usr") == permitted
    token = {"scopes": ["customers:read"], "user_id": "usr_1", "reseller_id": None}
    token |= {"expires_at": None, "revoked_at": None, "successor_id": "tok_2"}
    assert masked_values({"name": "Uma's laptop", **token}, "tok") == {"name": "***", **token}


PERSON, TRADER = ClassFlags(is_personal_customer=True), ClassFlags(is_sole_trader=True)
ORGANISATION = ClassFlags(is_reseller=True)


@pytest.mark.parametrize(
    ("is_masked", "old", "new", "is_refused"),
    [
        (True, PERSON, ORGANISATION, True),
        (True, TRADER, ORGANISATION, True),
        (True, PERSON, TRADER, False),  # still an individual
        (True, ORGANISATION, TRADER, False),  # the change hides data that was visible
        (True, ORGANISATION, ClassFlags(), False),
        (False, PERSON, ORGANISATION, False),
    ],
)
def test_who_is_masked_takes_nobody_from_individual_to_organisation(
    act: ActorContext, is_masked: bool, old: ClassFlags, new: ClassFlags, is_refused: bool
) -> None:
    """R93."""
    codes = []
    try:
        refuse_unmasking(replace(act, is_masked=is_masked), old, new)
    except Refused as refused:
        codes = [refusal.code for refusal in refused.refusals]
    assert codes == ([RefusalCode.PERSONAL_DATA_NEEDED] if is_refused else [])
