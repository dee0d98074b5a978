"""Each recorded change is an event, or has a reason why not; the catalogue describes all events."""

import pytest

from models.rules.audit_operation import AuditOperation
from models.rules.audited_events import EVENTS, SUBJECT_IDS, WITH_FIELDS, WITHOUT_EVENT, events_of
from models.rules.event_type import CATALOGUE, CHANGED_FIELDS, EventType, readable
from models.rules.permission import FOR_PARTNERS, Scope

BESIDE = {
    EventType.CUSTOMER_HANDED_OVER,
    EventType.CUSTOMER_SUGGESTION_OPENED,
    EventType.DELIVERY_PROFILE_CHANGED,
}
"""Types that no operation of the audit trail stands for alone."""


def test_each_change_has_an_event_or_a_reason_why_it_has_none() -> None:
    """Edit `models/rules/audited_events.py` if this fails."""
    assert set(AuditOperation) == EVENTS.keys() | WITHOUT_EVENT.keys()
    assert not EVENTS.keys() & WITHOUT_EVENT.keys()
    assert all(reason.endswith(".") for reason in WITHOUT_EVENT.values())


def test_the_catalogue_describes_each_type_that_happens() -> None:
    assert set(EventType) == CATALOGUE.keys() == set(EVENTS.values()) | BESIDE
    for entry in CATALOGUE.values():
        assert entry.when.endswith(".")
        names = [one.name for one in entry.payload]
        assert len(set(names)) == len(names)
        assert (CHANGED_FIELDS in names) is (
            entry.type in WITH_FIELDS or entry.type is EventType.CUSTOMER_SUGGESTION_OPENED
        )


@pytest.mark.parametrize("operation", EVENTS)
def test_a_payload_has_no_member_that_the_catalogue_does_not_describe(
    operation: AuditOperation,
) -> None:
    stored = dict.fromkeys(("entry_id", "suggestion_id", "customer_class_id"), "x")
    after = {**stored, "mail_state": "UNDELIVERABLE", "name": "Ann"}
    for prefix in ("cus", "con", "cls", "tok", "whe", "imp"):
        for kind, payload in events_of(operation, f"{prefix}_1", stored, after):
            told = {one.name for one in CATALOGUE[kind].payload}
            assert payload.keys() - told <= {SUBJECT_IDS.get(prefix)}
            assert "Ann" not in str(payload)


CREATED, EDITED = AuditOperation.CUSTOMER_CREATED, AuditOperation.CUSTOMER_EDITED


@pytest.mark.parametrize(
    ("operation", "subject", "before", "after", "events"),
    [
        # names in the API's words, without values
        (
            CREATED,
            "cus_1",
            {},
            {"customer_class_id": "cls_1", "name": "Ann"},
            [("customer.created", {"changedFields": ["classId", "name"]})],
        ),
        # a value that is gone has changed too
        (
            EDITED,
            "cus_1",
            {"external_reference": "X"},
            {"external_reference": None},
            [("customer.updated", {"changedFields": ["externalReference"]})],
        ),
        # another parent and nothing else
        (
            EDITED,
            "cus_1",
            {"parent_id": "cus_2"},
            {"parent_id": "cus_3"},
            [("customer.handed_over", {})],
        ),
        # another parent and another name: the former reseller's last event comes first
        (
            EDITED,
            "cus_1",
            {"parent_id": "cus_2", "name": "A"},
            {"parent_id": None, "name": "B"},
            [("customer.handed_over", {}), ("customer.updated", {"changedFields": ["name"]})],
        ),
        (
            AuditOperation.CUSTOMER_CLASS_CHANGED,
            "cus_1",
            {"customer_class_id": "cls_1"},
            {"customer_class_id": "cls_2"},
            [
                (
                    "customer.class_changed",
                    {"changedFields": ["classId"], "fromClassId": "cls_1", "toClassId": "cls_2"},
                )
            ],
        ),
        # a mail that is tried again is no event, and one that is given up is
        (AuditOperation.CONFIRMATION_MAIL, "con_1", {}, {"mail_state": "RETRYING"}, []),
        (
            AuditOperation.CONFIRMATION_MAIL,
            "con_1",
            {},
            {"mail_state": "UNDELIVERABLE"},
            [("contact.mail_failed", {"contactId": "con_1"})],
        ),
        (
            AuditOperation.PREFERENCE_CONFIRMED,
            "con_1",
            {},
            {"entry_id": "prf_1", "documents": ["BILL"]},
            [
                (
                    "contact.preference_confirmed",
                    {"contactId": "con_1", "preferenceEntryId": "prf_1"},
                )
            ],
        ),
        (AuditOperation.USER_CREATED, "usr_1", {}, {"name": "Ann"}, []),
    ],
)
def test_the_events_of_a_change(
    operation: AuditOperation,
    subject: str,
    before: dict[str, object],
    after: dict[str, object],
    events: list[tuple[str, dict[str, object]]],
) -> None:
    assert events_of(operation, subject, before, after) == events


def test_a_caller_reads_the_types_that_its_permissions_show() -> None:
    assert readable({Scope.CONSENT_READ}) == [
        EventType.CONSENT_RECORDED,
        EventType.CONSENT_WITHDRAWN,
        EventType.CONSENT_CORRECTED,
        EventType.NON_ITEMISED_BILLS_REQUESTED,
        EventType.NON_ITEMISED_BILLS_WITHDRAWN,
    ]
    wanted = [EventType.TOKEN_REVOKED, EventType.CONSENT_RECORDED, EventType.CONSENT_RECORDED]
    assert readable({Scope.CONSENT_READ}, wanted) == [EventType.CONSENT_RECORDED]
    assert readable(set(), None) == []
    assert {entry.scope for entry in CATALOGUE.values()} <= FOR_PARTNERS
