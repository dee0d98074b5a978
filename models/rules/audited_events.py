"""Says for each recorded change which events it is, or why it is none. PURE."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from models.rules.api_name import api_name
from models.rules.audit_operation import AuditOperation
from models.rules.event_type import CHANGED_FIELDS, EventType

_A, _T = AuditOperation, EventType

EVENTS: Mapping[AuditOperation, EventType] = MappingProxyType(
    {
        _A.CUSTOMER_CREATED: _T.CUSTOMER_CREATED,
        _A.CUSTOMER_EDITED: _T.CUSTOMER_UPDATED,
        _A.CUSTOMER_DELETED: _T.CUSTOMER_ERASED,
        _A.CUSTOMER_CLASS_CHANGED: _T.CUSTOMER_CLASS_CHANGED,
        _A.CUSTOMER_LOOKUP_ENDED: _T.CUSTOMER_ENRICHMENT_FAILED,
        _A.CUSTOMER_ENRICHED: _T.CUSTOMER_ENRICHED,
        _A.SUGGESTION_ACCEPTED: _T.CUSTOMER_UPDATED,
        _A.SUGGESTION_REJECTED: _T.CUSTOMER_SUGGESTION_REJECTED,
        _A.CONSENT_RECORDED: _T.CONSENT_RECORDED,
        _A.CONSENT_WITHDRAWN: _T.CONSENT_WITHDRAWN,
        _A.CONSENT_CORRECTED: _T.CONSENT_CORRECTED,
        _A.NON_ITEMISED_BILLS_REQUESTED: _T.NON_ITEMISED_BILLS_REQUESTED,
        _A.NON_ITEMISED_BILLS_WITHDRAWN: _T.NON_ITEMISED_BILLS_WITHDRAWN,
        _A.CONTACT_CREATED: _T.CONTACT_CREATED,
        _A.CONTACT_EDITED: _T.CONTACT_UPDATED,
        _A.CONTACT_DELETED: _T.CONTACT_DELETED,
        _A.CONTACT_ERASED: _T.CONTACT_ERASED,
        _A.CONTACT_EMAIL_VERIFIED: _T.CONTACT_EMAIL_VERIFIED,
        _A.CONFIRMATION_MAIL: _T.CONTACT_MAIL_FAILED,
        _A.PREFERENCE_REQUESTED: _T.CONTACT_PREFERENCE_REQUESTED,
        _A.PREFERENCE_CONFIRMED: _T.CONTACT_PREFERENCE_CONFIRMED,
        _A.PREFERENCE_WITHDRAWN: _T.CONTACT_PREFERENCE_WITHDRAWN,
        _A.PREFERENCE_RESET: _T.CONTACT_PREFERENCE_RESET,
        _A.CLASS_CREATED: _T.CUSTOMER_CLASS_CREATED,
        _A.CLASS_EDITED: _T.CUSTOMER_CLASS_UPDATED,
        _A.CLASS_RETIRED: _T.CUSTOMER_CLASS_RETIRED,
        _A.CLASS_REACTIVATED: _T.CUSTOMER_CLASS_REACTIVATED,
        _A.CLASS_DELETED: _T.CUSTOMER_CLASS_DELETED,
        _A.TOKEN_ISSUED: _T.TOKEN_ISSUED,
        _A.TOKEN_ROTATED: _T.TOKEN_ROTATED,
        _A.TOKEN_REVOKED: _T.TOKEN_REVOKED,
        _A.WEBHOOK_ENDPOINT_DISABLED: _T.WEBHOOK_ENDPOINT_DISABLED,
        _A.IMPORT_CANCELLED: _T.IMPORT_FINISHED,
        _A.IMPORT_FINISHED: _T.IMPORT_FINISHED,
    }
)
"""The event of each change that has one."""

_IN_PROGRESS = "The lookup has an event when it ends; until then, its progress is polled."
_MAIL = "The contact's answer, and the final failure of the mail, have events."
_DEFAULTS = "Only forms for new customers use it, and they read it when they open."
_STAFF = "Users, groups and permissions are administered here, and mirrored nowhere."
_WEBHOOKS = "Endpoints are administered here, and mirrored nowhere."
_FILE = "Each change that an import makes has an event, and so has its end."
_JOBS = "What a job does, or its end, has an event; the queue itself is the platform's own."
_TRAIL = "Only the history of changes is affected, no object."

WITHOUT_EVENT: Mapping[AuditOperation, str] = MappingProxyType(
    {
        _A.CUSTOMER_LOOKUP_REQUESTED: _IN_PROGRESS,
        _A.CUSTOMER_LOOKUP_CANCELLED: "The change that cancels a lookup has an event.",
        _A.CLASS_LOOKUP_REQUESTED: _IN_PROGRESS,
        _A.CONFIRMATION_REQUESTED: _MAIL,
        _A.CONFIRMATION_MAIL_HELD: "A partner must not learn that a mail is held back.",
        _A.TEMPLATE_SAVED: _DEFAULTS,
        _A.TEMPLATE_DELETED: _DEFAULTS,
        _A.PLATFORM_DEFAULTS_SAVED: _DEFAULTS,
        _A.DEFAULT_REPOINTED: _DEFAULTS,
        _A.USER_CREATED: _STAFF,
        _A.USER_EDITED: _STAFF,
        _A.USER_DISABLED: _STAFF,
        _A.USER_ENABLED: _STAFF,
        _A.USER_PROVISIONED: _STAFF,
        _A.USER_REFRESHED: _STAFF,
        _A.USER_JOINED_GROUP: _STAFF,
        _A.USER_LEFT_GROUP: _STAFF,
        _A.GROUP_CREATED: _STAFF,
        _A.GROUP_EDITED: _STAFF,
        _A.GROUP_DELETED: _STAFF,
        _A.GROUP_MEMBER_ADDED: _STAFF,
        _A.GROUP_MEMBER_REMOVED: _STAFF,
        _A.PERMISSIONS_GRANTED: _STAFF,
        _A.PERMISSIONS_REVOKED: _STAFF,
        _A.WEBHOOK_ENDPOINT_CREATED: _WEBHOOKS,
        _A.WEBHOOK_ENDPOINT_EDITED: _WEBHOOKS,
        _A.WEBHOOK_ENDPOINT_DELETED: _WEBHOOKS,
        _A.WEBHOOK_SECRET_ROTATED: _WEBHOOKS,
        _A.WEBHOOK_PINGED: _WEBHOOKS,
        _A.WEBHOOKS_REDELIVERED: _WEBHOOKS,
        _A.ACTOR_NAMES_ERASED: _TRAIL,
        _A.MENTIONS_ERASED: _TRAIL,
        _A.IMPORT_REQUESTED: _FILE,
        _A.JOB_RETRIED: _JOBS,
        _A.JOB_DISCARDED: _JOBS,
        _A.JOBS_PAUSED: _JOBS,
        _A.JOBS_RESUMED: _JOBS,
        _A.AUDIT_EXPIRED: _TRAIL,
        _A.EXPORT_LINK_CREATED: "A link expires within minutes and changes no object.",
    }
)
"""The changes without an event, each with the reason."""

UNDELIVERABLE = "UNDELIVERABLE"
"""The only state of a mail that is an event."""

PARENT = "parent_id"
REFERENCE = "external_reference"

WITH_FIELDS = frozenset(
    {
        _T.CUSTOMER_CREATED,
        _T.CUSTOMER_UPDATED,
        _T.CUSTOMER_CLASS_CHANGED,
        _T.CUSTOMER_ENRICHED,
        _T.CONTACT_CREATED,
        _T.CONTACT_UPDATED,
        _T.CUSTOMER_CLASS_CREATED,
        _T.CUSTOMER_CLASS_UPDATED,
    }
)
"""The types whose payload names the changed fields."""

SUBJECT_IDS = {
    "con": "contactId",
    "cls": "classId",
    "tok": "accessTokenId",
    "whe": "webhookEndpointId",
    "imp": "importId",
}
"""By the prefix of a subject's id: the member of the payload that holds the id."""

_CONSENT, _PREFERENCE = ("entry_id", "consentEntryId"), ("entry_id", "preferenceEntryId")
OWN_IDS: Mapping[EventType, tuple[str, str]] = MappingProxyType(
    {
        _T.CONSENT_RECORDED: _CONSENT,
        _T.CONSENT_WITHDRAWN: _CONSENT,
        _T.CONSENT_CORRECTED: _CONSENT,
        _T.NON_ITEMISED_BILLS_REQUESTED: _CONSENT,
        _T.NON_ITEMISED_BILLS_WITHDRAWN: _CONSENT,
        _T.CONTACT_PREFERENCE_REQUESTED: _PREFERENCE,
        _T.CONTACT_PREFERENCE_CONFIRMED: _PREFERENCE,
        _T.CONTACT_PREFERENCE_WITHDRAWN: _PREFERENCE,
        _T.CONTACT_PREFERENCE_RESET: _PREFERENCE,
        _T.CUSTOMER_SUGGESTION_REJECTED: ("suggestion_id", "suggestionId"),
    }
)
"""By type, the recorded value that is an id, and the member of the payload that holds it."""

Draft = tuple[EventType, dict[str, Any]]
"""The type and the payload of an event."""


def events_of(
    operation: AuditOperation, subject_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[Draft]:
    """Return the events of a recorded change, in their order.

    `before` and `after` are the changed values by stored names.
    """
    kind = EVENTS.get(operation)
    if kind is None:
        return []
    if kind is _T.CONTACT_MAIL_FAILED and after.get("mail_state") != UNDELIVERABLE:
        return []
    changed = before.keys() | after.keys()
    drafts: list[Draft] = []
    if kind is _T.CUSTOMER_UPDATED and PARENT in changed:
        # First, as the former reseller must not be told of the other fields.
        drafts.append((_T.CUSTOMER_HANDED_OVER, {}))
        changed = changed - {PARENT}
        if after.get(REFERENCE) is None:  # a hand-over clears the former reseller's reference
            changed = changed - {REFERENCE}
        if not changed:
            return drafts
    payload: dict[str, Any] = {}
    prefix = subject_id.partition("_")[0]
    if prefix in SUBJECT_IDS:
        payload[SUBJECT_IDS[prefix]] = subject_id
    if kind in WITH_FIELDS:
        payload[CHANGED_FIELDS] = sorted(map(api_name, changed))
    if kind in OWN_IDS:
        stored, name = OWN_IDS[kind]
        payload[name] = after[stored]
    if kind is _T.CUSTOMER_CLASS_CHANGED:
        payload["fromClassId"] = before["customer_class_id"]
        payload["toClassId"] = after["customer_class_id"]
    drafts.append((kind, payload))
    return drafts
