"""The form in which each document is emailed: a truth table, and rules for all combinations."""

from dataclasses import asdict, replace
from itertools import chain, combinations, product

import pytest

from models.rules.delivery import (
    AUTHORITIES,
    FORMS,
    POLICY,
    PREFERENCE_RELEASES,
    BillSection,
    DeliveryOutcome,
    DeliveryPolicy,
    DeliveryReason,
    Facts,
    Step,
    StepRange,
    after,
    decide,
    range_of,
)
from models.rules.delivery_labels import (
    CONTENTS,
    MUTATIONS,
    MY_ACCOUNT,
    instruction_of,
    sentence_of,
)
from models.rules.document import Document

BILL, ZIP, USAGE = Document
ALL = frozenset(Document)
NONE: frozenset[Document] = frozenset()

FULL = (DeliveryOutcome.ITEMISED, DeliveryOutcome.PLAIN, DeliveryOutcome.SENT)
REDUCED = (DeliveryOutcome.SHORT, DeliveryOutcome.PASSWORD_PROTECTED, DeliveryOutcome.WITHHELD)
NOTHING = (DeliveryOutcome.NOT_ADDRESSED,) * 3

R = DeliveryReason
VERIFIED_ONLY = DeliveryPolicy(needs_verified_email=True)
NARROW = DeliveryPolicy(preference_releases=frozenset({BILL, ZIP}))

# fmt: off
C, P, N = (R.ACCOUNT_CONSENT,), (R.CONTACT_PREFERENCE,), (R.NO_CONSENT,)
U, Q = (R.EMAIL_NOT_VERIFIED,), (R.NON_ITEMISED_REQUESTED,)
OFF, OUT, NO_ADDRESS = (R.DOES_NOT_RECEIVE_BILLS,), (R.CONTACT_INACTIVE,), (R.EMAIL_MISSING,)
ADDRESSED, UNVERIFIED = (1, 1, 1, 1), (1, 1, 1, 0)
BILL_ONLY = (FULL[0], *REDUCED[1:])
ZIP_ONLY = (REDUCED[0], FULL[1], REDUCED[2])
USAGE_ONLY = (*REDUCED[:2], FULL[2])
NO_USAGE = (*FULL[:2], REDUCED[2])

TRUTH_TABLE = (
    # consent, reg 9, preference, (listed, active, address, verified) | policy, outcomes, reasons
    ((0, 0, NONE, ADDRESSED), POLICY, REDUCED, 3 * N),  # the defaults (R68)
    ((1, 0, NONE, ADDRESSED), POLICY, FULL, 3 * C),  # the account's flag (R69)
    ((0, 0, ALL, ADDRESSED), POLICY, FULL, 3 * P),  # this contact alone, usage too (R70, A1)
    ((1, 0, ALL, ADDRESSED), POLICY, FULL, 3 * C),  # the flag, preference or no (R65)
    ((0, 0, {BILL}, ADDRESSED), POLICY, BILL_ONLY, P + 2 * N),  # asked for the bill only (A1)
    ((0, 0, {ZIP}, ADDRESSED), POLICY, ZIP_ONLY, N + P + N),  # for the ZIP only (A1)
    ((0, 0, {USAGE}, ADDRESSED), POLICY, USAGE_ONLY, 2 * N + P),  # for the files only (A1)
    ((1, 0, {BILL}, ADDRESSED), POLICY, FULL, 3 * C),  # the flag is for all three (R65)
    ((0, 1, NONE, ADDRESSED), POLICY, REDUCED, 3 * Q),  # regulation 9 alone (A16)
    ((1, 1, NONE, ADDRESSED), POLICY, REDUCED, 3 * Q),  # it overrides the flag (A16)
    ((0, 1, ALL, ADDRESSED), POLICY, REDUCED, 3 * Q),  # it overrides a preference (A16)
    ((1, 1, ALL, ADDRESSED), POLICY, REDUCED, 3 * Q),  # it overrides both (A16)
    ((0, 0, NONE, UNVERIFIED), POLICY, REDUCED, 3 * N),  # needs no verified address (R71)
    ((1, 0, NONE, UNVERIFIED), POLICY, FULL, 3 * C),  # the flag reaches every address (A13)
    ((0, 0, ALL, UNVERIFIED), POLICY, REDUCED, 3 * U),  # a preference does not (R61)
    ((1, 0, ALL, UNVERIFIED), POLICY, FULL, 3 * C),  # nor does it limit the flag (A13)
    ((1, 1, NONE, UNVERIFIED), POLICY, REDUCED, 3 * Q),  # regulation 9 comes first (A16)
    ((0, 0, NONE, UNVERIFIED), VERIFIED_ONLY, REDUCED, 3 * N),  # policy on: as before (A13)
    ((1, 0, NONE, UNVERIFIED), VERIFIED_ONLY, REDUCED, 3 * U),  # no effect until verified (A13)
    ((1, 0, NONE, ADDRESSED), VERIFIED_ONLY, FULL, 3 * C),  # and has an effect once verified (A13)
    ((1, 0, ALL, UNVERIFIED), VERIFIED_ONLY, REDUCED, 3 * U),  # until verified, neither (A13, R61)
    ((1, 1, NONE, UNVERIFIED), VERIFIED_ONLY, REDUCED, 3 * Q),  # regulation 9 comes first (A16)
    ((0, 0, ALL, ADDRESSED), NARROW, NO_USAGE, 2 * P + N),  # the narrow reading of A1
    ((1, 0, ALL, ADDRESSED), NARROW, FULL, 3 * C),  # which leaves the flag alone (R69)
    ((0, 0, NONE, (0, 1, 1, 1)), POLICY, NOTHING, 3 * OFF),  # not on the list (R77)
    ((1, 0, ALL, (0, 1, 1, 1)), POLICY, NOTHING, 3 * OFF),  # even with consent and preference (A14)
    ((0, 0, NONE, (1, 0, 1, 1)), POLICY, NOTHING, 3 * OUT),  # not active (R77)
    ((1, 0, ALL, (1, 0, 1, 1)), POLICY, NOTHING, 3 * OUT),  # even with consent and preference (R77)
    ((0, 0, NONE, (1, 1, 0, 0)), POLICY, NOTHING, 3 * NO_ADDRESS),  # without an address (R77)
    ((1, 0, NONE, (1, 1, 0, 0)), POLICY, NOTHING, 3 * NO_ADDRESS),  # even with the flag (R77)
    ((1, 1, ALL, (0, 1, 1, 1)), POLICY, NOTHING, 3 * OFF),  # regulation 9 is about what is sent
    ((1, 0, ALL, (0, 0, 0, 0)), POLICY, NOTHING, 3 * OUT),  # of several reasons, the most general
    ((1, 0, ALL, (0, 0, 1, 1)), POLICY, NOTHING, 3 * OUT),  # inactive before unlisted
    ((1, 0, ALL, (1, 0, 0, 0)), POLICY, NOTHING, 3 * OUT),  # inactive before no address
    ((1, 0, ALL, (0, 1, 0, 0)), POLICY, NOTHING, 3 * OFF),  # unlisted before no address
)
# fmt: on

BITS = (False, True)
PREFERENCES = [frozenset(chosen) for size in range(4) for chosen in combinations(Document, size)]
EVERY_FACTS = [
    Facts(consent, requested, documents, *contact)
    for consent, requested, documents in product(BITS, BITS, PREFERENCES)
    for contact in product(BITS, repeat=4)
]
RELEASES = (ALL, frozenset({BILL, ZIP}), NONE)
POLICIES = [DeliveryPolicy(releases, required) for releases, required in product(RELEASES, BITS)]
EVERY = list(product(Document, EVERY_FACTS, POLICIES))


@pytest.mark.parametrize(("given", "policy", "outcomes", "reasons"), TRUTH_TABLE)
def test_every_document_goes_out_as_the_source_says(
    given: tuple[int, int, set[Document], tuple[int, int, int, int]],
    policy: DeliveryPolicy,
    outcomes: tuple[DeliveryOutcome, ...],
    reasons: tuple[DeliveryReason, ...],
) -> None:
    """R64, R65, R68, R69, R70, R71, R77, A1, A13, A14, A16."""
    consent, requested, documents, contact = given
    facts = Facts(
        bool(consent), bool(requested), frozenset(documents), *(bool(bit) for bit in contact)
    )
    decisions = [decide(document, facts, policy) for document in Document]
    assert tuple(one.outcome for one in decisions) == outcomes
    assert tuple(one.reason for one in decisions) == reasons


def test_all_combinations_are_tried() -> None:
    assert len(EVERY_FACTS) == 2 * 2 * 8 * 16
    assert len(set(EVERY)) == len(EVERY) == 3 * 512 * 6


def test_the_rule_has_no_place_for_a_class() -> None:
    """R75, R76: the rule does not receive the class, so it cannot depend on it."""
    assert set(Facts.__slots__) == {
        "is_consent_given",
        "is_non_itemised_requested",
        "preference_documents",
        "receives_bills",
        "is_active",
        "has_email",
        "is_email_verified",
    }


def test_a_listed_contact_always_gets_a_bill_and_a_zip_in_some_form() -> None:
    """R71, R77: a contact that is unlisted, inactive or without an address gets nothing."""
    for document, facts, policy in EVERY:
        outcome = decide(document, facts, policy).outcome
        is_addressed = facts.receives_bills and facts.is_active and facts.has_email
        forms = FORMS[document]
        expected = {forms.full, forms.reduced} if is_addressed else {DeliveryOutcome.NOT_ADDRESSED}
        assert outcome in expected


def test_detail_goes_out_on_authority_only() -> None:
    """R68, R78: the reason of a full form is an authority; that of another form is not."""
    for document, facts, policy in EVERY:
        decision = decide(document, facts, policy)
        assert decision.is_full == (decision.reason in AUTHORITIES)
        if decision.reason is R.ACCOUNT_CONSENT:
            assert facts.is_consent_given
        if decision.reason is R.CONTACT_PREFERENCE:
            assert document in facts.preference_documents & policy.preference_releases
            assert facts.is_email_verified
        if decision.is_full:
            assert not facts.is_non_itemised_requested


def test_regulation_9_leaves_no_detail_in_any_email() -> None:
    """A16."""
    for document, facts, policy in EVERY:
        if facts.is_non_itemised_requested:
            assert not decide(document, facts, policy).is_full


def test_consent_or_preference_more_never_sends_less() -> None:
    for document, facts, policy in EVERY:
        if decide(document, facts, policy).is_full:
            for more in (
                replace(facts, is_consent_given=True),
                replace(facts, preference_documents=ALL),
                replace(facts, is_email_verified=True),
            ):
                assert decide(document, more, policy).is_full


def test_a_document_depends_on_its_own_preference_alone() -> None:
    """A1."""
    for document, facts, policy in EVERY:
        own = replace(facts, preference_documents=facts.preference_documents & {document})
        assert decide(document, own, policy) == decide(document, facts, policy)


def test_a_short_bill_has_every_section_but_the_calls() -> None:
    """R72."""
    short = ("SUMMARY_TOTALS", "LINE_RENTALS", "RECURRING_CHARGES", "FEATURES")
    for document, facts, policy in EVERY:
        decision = decide(document, facts, policy)
        expected = {
            DeliveryOutcome.SHORT: short,
            DeliveryOutcome.ITEMISED: (*short, "ITEMISED_CALLS"),
        }.get(decision.outcome, ())
        assert decision.sections == expected
    assert set(CONTENTS) == set(BillSection)


def test_a_password_is_needed_for_the_protected_zip_alone() -> None:
    """R73."""
    for document, facts, policy in EVERY:
        decision = decide(document, facts, policy)
        is_protected = decision.outcome is DeliveryOutcome.PASSWORD_PROTECTED
        assert decision.is_password_needed == is_protected
        assert not is_protected or document is ZIP


def test_every_remedy_does_what_it_says() -> None:
    """The outcome stated in a remedy is the rule's outcome after the step."""
    for document, facts, policy in EVERY:
        for remedy in decide(document, facts, policy).remedies:
            assert (
                remedy.outcome
                is decide(document, after(remedy.step, document, facts), policy).outcome
            )


def test_who_takes_the_steps_gets_the_document_in_full() -> None:
    """Also under regulation 9. Steps that the policy makes ineffective are not remedies."""
    for document, facts, policy in EVERY:
        now = facts
        for _ in Step:
            decision = decide(document, now, policy)
            if decision.is_full:
                break
            now = after(decision.remedies[0].step, document, now)
        assert decide(document, now, policy).is_full


def test_the_remedies_of_what_goes_out_in_full_hold_it_back() -> None:
    for document, facts, policy in EVERY:
        decision = decide(document, facts, policy)
        if decision.is_full:
            steps = [remedy.step for remedy in decision.remedies]
            assert steps[-1] is Step.REQUEST_NON_ITEMISED_BILLS
            now = facts
            for step in steps[:-1]:
                now = after(step, document, now)
            assert not decide(document, now, policy).is_full


REMEDIES = (
    (Facts(), BILL, [(Step.RECORD_CONSENT, FULL[0]), (Step.CONFIRM_PREFERENCE, FULL[0])]),
    (
        Facts(is_non_itemised_requested=True),
        ZIP,
        [
            (Step.WITHDRAW_NON_ITEMISED_REQUEST, REDUCED[1]),
            (Step.RECORD_CONSENT, REDUCED[1]),
            (Step.CONFIRM_PREFERENCE, REDUCED[1]),
        ],
    ),
    (
        Facts(is_consent_given=True, is_non_itemised_requested=True),
        USAGE,
        [(Step.WITHDRAW_NON_ITEMISED_REQUEST, FULL[2])],
    ),
    (
        Facts(preference_documents=ALL, is_email_verified=False),
        BILL,
        [(Step.VERIFY_EMAIL, FULL[0])],
    ),
    (Facts(is_active=False), BILL, [(Step.ACTIVATE_CONTACT, REDUCED[0])]),
    (
        Facts(is_consent_given=True, receives_bills=False, has_email=False),
        BILL,
        [(Step.SET_RECEIVES_BILLS, NOTHING[0]), (Step.ADD_EMAIL, NOTHING[0])],
    ),
    (
        Facts(is_consent_given=True, preference_documents=ALL),
        BILL,
        [
            (Step.WITHDRAW_CONSENT, FULL[0]),
            (Step.WITHDRAW_PREFERENCE, FULL[0]),
            (Step.REQUEST_NON_ITEMISED_BILLS, REDUCED[0]),
        ],
    ),
)


@pytest.mark.parametrize(("facts", "document", "expected"), REMEDIES)
def test_the_remedies_name_the_steps_that_lead_on(
    facts: Facts, document: Document, expected: list[tuple[Step, DeliveryOutcome]]
) -> None:
    remedies = decide(document, facts).remedies
    assert [(remedy.step, remedy.outcome) for remedy in remedies] == expected


def test_every_decision_is_put_in_words_of_its_own() -> None:
    said = {}
    for document, facts, policy in EVERY:
        decision = decide(document, facts, policy)
        key = (document, decision.outcome, decision.reason)
        said[key] = sentence_of(decision)
    assert len(set(said.values())) == len(said)
    assert said[BILL, REDUCED[0], R.NO_CONSENT] == (
        "The bill is emailed without the list of calls: the customer's consent is not in force, and"
        " no confirmed attachment preference of this contact covers the document."
    )
    assert said[ZIP, NOTHING[0], R.EMAIL_MISSING] == (
        "The CDR ZIP is not emailed to this contact: the contact has no email address."
    )
    assert {instruction_of(step)[-1] for step in Step} == {"."}
    assert set(MUTATIONS) == set(Step)
    assert set(MY_ACCOUNT) == set(Document)


@pytest.mark.parametrize("step", Step)
def test_a_step_for_the_account_changes_what_every_address_gets(step: Step) -> None:
    """R64, R65: it changes a fact of the account; all other steps change a fact of the contact."""
    account = ("is_consent_given", "is_non_itemised_requested")
    changed = set()
    for given, requested in product((False, True), repeat=2):
        facts = Facts(
            is_consent_given=given,
            is_non_itemised_requested=requested,
            preference_documents=ALL if given else frozenset(),
            receives_bills=requested,
            is_active=requested,
            has_email=requested,
            is_email_verified=requested,
        )
        now = after(step, BILL, facts)
        changed |= {one for one in asdict(facts) if asdict(facts)[one] != asdict(now)[one]}
    assert changed
    assert changed.issubset(account) is (range_of(step) is StepRange.ACCOUNT)


def test_every_outcome_and_every_reason_occurs() -> None:
    decisions = [decide(*one) for one in EVERY]
    assert {one.outcome for one in decisions} == set(DeliveryOutcome)
    assert {one.reason for one in decisions} == set(DeliveryReason)
    steps = chain.from_iterable(one.remedies for one in decisions)
    assert {remedy.step for remedy in steps} == set(Step)


def test_the_choices_that_the_source_leaves_are_made_in_one_place() -> None:
    """A1, A13."""
    assert PREFERENCE_RELEASES == ALL
    assert DeliveryPolicy(preference_releases=ALL, needs_verified_email=False) == POLICY
