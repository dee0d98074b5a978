"""The catalogue of events: when each type happens, what its payload holds, who may read it. PURE.

`models/rules/audited_events.py` says which recorded change is which event.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType

from models.rules.permission import Scope, with_implied

SCHEMA_VERSION = 1
"""The version of the payloads. It increases only if a member is removed or its meaning changes."""


@unique
class EventType(StrEnum):
    """The type of an event; the value is what an event row stores."""

    CUSTOMER_CREATED = "customer.created"
    CUSTOMER_UPDATED = "customer.updated"
    CUSTOMER_CLASS_CHANGED = "customer.class_changed"
    CUSTOMER_ENRICHED = "customer.enriched"
    CUSTOMER_ENRICHMENT_FAILED = "customer.enrichment_failed"
    CUSTOMER_SUGGESTION_OPENED = "customer.suggestion_opened"
    CUSTOMER_SUGGESTION_REJECTED = "customer.suggestion_rejected"
    CUSTOMER_HANDED_OVER = "customer.handed_over"
    CUSTOMER_ERASED = "customer.erased"
    CONTACT_CREATED = "contact.created"
    CONTACT_UPDATED = "contact.updated"
    CONTACT_DELETED = "contact.deleted"
    CONTACT_ERASED = "contact.erased"
    CONTACT_EMAIL_VERIFIED = "contact.email_verified"
    CONTACT_PREFERENCE_REQUESTED = "contact.preference_requested"
    CONTACT_PREFERENCE_CONFIRMED = "contact.preference_confirmed"
    CONTACT_PREFERENCE_WITHDRAWN = "contact.preference_withdrawn"
    CONTACT_PREFERENCE_RESET = "contact.preference_reset"
    CONTACT_MAIL_FAILED = "contact.mail_failed"
    CONSENT_RECORDED = "consent.recorded"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    CONSENT_CORRECTED = "consent.corrected"
    NON_ITEMISED_BILLS_REQUESTED = "non_itemised_bills.requested"
    NON_ITEMISED_BILLS_WITHDRAWN = "non_itemised_bills.withdrawn"
    DELIVERY_PROFILE_CHANGED = "delivery_profile.changed"
    CUSTOMER_CLASS_CREATED = "customer_class.created"
    CUSTOMER_CLASS_UPDATED = "customer_class.updated"
    CUSTOMER_CLASS_RETIRED = "customer_class.retired"
    CUSTOMER_CLASS_REACTIVATED = "customer_class.reactivated"
    CUSTOMER_CLASS_DELETED = "customer_class.deleted"
    TOKEN_ISSUED = "token.issued"  # noqa: S105  # a name, no secret
    TOKEN_ROTATED = "token.rotated"  # noqa: S105  # see above
    TOKEN_REVOKED = "token.revoked"  # noqa: S105  # see above
    WEBHOOK_ENDPOINT_DISABLED = "webhook_endpoint.disabled"
    IMPORT_FINISHED = "import.finished"


FOR_EVERYBODY = frozenset(
    {
        EventType.CUSTOMER_CLASS_CREATED,
        EventType.CUSTOMER_CLASS_UPDATED,
        EventType.CUSTOMER_CLASS_RETIRED,
        EventType.CUSTOMER_CLASS_REACTIVATED,
        EventType.CUSTOMER_CLASS_DELETED,
    }
)
"""Types of events about objects that all partners may see."""


@dataclass(frozen=True, slots=True)
class PayloadField:
    """A member of the payload of a type of event."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class EventDescription:
    """An entry of the catalogue.

    `when` says when the event happens, and what its subject is unless that is the customer.
    `scope` is the permission to read it.
    """

    type: EventType
    when: str
    scope: Scope
    payload: tuple[PayloadField, ...] = ()


CHANGED_FIELDS = "changedFields"

_CHANGED = PayloadField(
    CHANGED_FIELDS, "The names of the changed fields, as in this API; not their values."
)
_RUN = PayloadField("enrichmentRunId", "The id of the lookup.")
_CONTACT = PayloadField("contactId", "The id of the contact.")
_PREFERENCE = PayloadField("preferenceEntryId", "The id of the entry in the preference history.")
_CONSENT = PayloadField("consentEntryId", "The id of the new entry in the consent ledger.")
_CLASS = PayloadField("classId", "The id of the customer class.")
_TOKEN = PayloadField("accessTokenId", "The id of the access token.")
_SUGGESTION = PayloadField("suggestionId", "The id of the suggestion.")

_IMPORT = PayloadField("importId", "The id of the import from a file that made the change.")

_T, _S = EventType, Scope
CATALOGUE: Mapping[EventType, EventDescription] = MappingProxyType(
    {
        entry.type: entry
        for entry in (
            EventDescription(
                _T.CUSTOMER_CREATED,
                "A customer was created.",
                _S.CUSTOMERS_READ,
                (_CHANGED, _IMPORT),
            ),
            EventDescription(
                _T.CUSTOMER_UPDATED,
                "Fields of a customer were changed: by a user, by accepting a suggestion, or by a"
                " lookup at Companies House that has not ended yet.",
                _S.CUSTOMERS_READ,
                (
                    _CHANGED,
                    PayloadField(_SUGGESTION.name, "The id of the suggestion that was accepted."),
                    PayloadField(_RUN.name, "The id of the lookup that found the values."),
                    _IMPORT,
                ),
            ),
            EventDescription(
                _T.CUSTOMER_CLASS_CHANGED,
                "A customer was moved to another class.",
                _S.CUSTOMERS_READ,
                (
                    _CHANGED,
                    PayloadField("fromClassId", "The id of the class before the change."),
                    PayloadField("toClassId", "The id of the class after the change."),
                ),
            ),
            EventDescription(
                _T.CUSTOMER_ENRICHED,
                "A lookup of a customer at Companies House ended with values.",
                _S.CUSTOMERS_READ,
                (_CHANGED, _RUN),
            ),
            EventDescription(
                _T.CUSTOMER_ENRICHMENT_FAILED,
                "A lookup of a customer at Companies House ended without values; its status says"
                " why.",
                _S.CUSTOMERS_READ,
                (_RUN,),
            ),
            EventDescription(
                _T.CUSTOMER_SUGGESTION_OPENED,
                "A lookup found a value that differs from the one that a user typed.",
                _S.CUSTOMERS_READ,
                (_CHANGED, _SUGGESTION, _RUN),
            ),
            EventDescription(
                _T.CUSTOMER_SUGGESTION_REJECTED,
                "A suggested value was rejected; the user's value stays.",
                _S.CUSTOMERS_READ,
                (_SUGGESTION,),
            ),
            EventDescription(
                _T.CUSTOMER_HANDED_OVER,
                "A customer got another parent, or none. For the former reseller it is the last"
                " event about the customer, who is then out of reach. For the new one it is the"
                " first; list the customer with its contacts and consent then.",
                _S.CUSTOMERS_READ,
            ),
            EventDescription(
                _T.CUSTOMER_ERASED,
                "A customer was deleted, and its personal data and that of its contacts erased."
                " Erase your copies.",
                _S.CUSTOMERS_READ,
            ),
            EventDescription(
                _T.CONTACT_CREATED,
                "A contact was created. The subject is the contact.",
                _S.CONTACTS_READ,
                (_CONTACT, _CHANGED, _IMPORT),
            ),
            EventDescription(
                _T.CONTACT_UPDATED,
                "Fields of a contact were changed. The subject is the contact.",
                _S.CONTACTS_READ,
                (_CONTACT, _CHANGED, _IMPORT),
            ),
            EventDescription(
                _T.CONTACT_DELETED,
                "A contact was deleted. The subject is the contact.",
                _S.CONTACTS_READ,
                (_CONTACT,),
            ),
            EventDescription(
                _T.CONTACT_ERASED,
                "A contact was deleted, if it was not yet, and its personal data erased. Erase your"
                " copies. The subject is the contact.",
                _S.CONTACTS_READ,
                (_CONTACT,),
            ),
            EventDescription(
                _T.CONTACT_EMAIL_VERIFIED,
                "A contact confirmed their email address. The subject is the contact.",
                _S.CONTACTS_READ,
                (_CONTACT,),
            ),
            EventDescription(
                _T.CONTACT_PREFERENCE_REQUESTED,
                "A contact was asked to confirm an attachment preference. The subject is the"
                " contact.",
                _S.CONTACTS_READ,
                (_CONTACT, _PREFERENCE),
            ),
            EventDescription(
                _T.CONTACT_PREFERENCE_CONFIRMED,
                "A contact confirmed an attachment preference. The subject is the contact.",
                _S.CONTACTS_READ,
                (_CONTACT, _PREFERENCE),
            ),
            EventDescription(
                _T.CONTACT_PREFERENCE_WITHDRAWN,
                "A contact's attachment preference, or the request for one, was withdrawn. The"
                " subject is the contact.",
                _S.CONTACTS_READ,
                (_CONTACT, _PREFERENCE),
            ),
            EventDescription(
                _T.CONTACT_PREFERENCE_RESET,
                "A contact's attachment preference ended, because the email address changed. The"
                " subject is the contact.",
                _S.CONTACTS_READ,
                (_CONTACT, _PREFERENCE),
            ),
            EventDescription(
                _T.CONTACT_MAIL_FAILED,
                "An email that asks a contact for a confirmation could not be delivered, and is not"
                " tried again. The subject is the contact.",
                _S.CONTACTS_READ,
                (_CONTACT,),
            ),
            EventDescription(
                _T.CONSENT_RECORDED,
                "A customer's consent was recorded; it may take effect later.",
                _S.CONSENT_READ,
                (_CONSENT, _IMPORT),
            ),
            EventDescription(
                _T.CONSENT_WITHDRAWN,
                "The withdrawal of a customer's consent was recorded; it may take effect later.",
                _S.CONSENT_READ,
                (_CONSENT,),
            ),
            EventDescription(
                _T.CONSENT_CORRECTED,
                "An entry of a customer's consent ledger was corrected by a new entry.",
                _S.CONSENT_READ,
                (_CONSENT,),
            ),
            EventDescription(
                _T.NON_ITEMISED_BILLS_REQUESTED,
                "A customer's request for bills without a list of calls was recorded; it may take"
                " effect later.",
                _S.CONSENT_READ,
                (_CONSENT,),
            ),
            EventDescription(
                _T.NON_ITEMISED_BILLS_WITHDRAWN,
                "The end of a customer's request for bills without a list of calls was recorded; it"
                " may take effect later.",
                _S.CONSENT_READ,
                (_CONSENT,),
            ),
            EventDescription(
                _T.DELIVERY_PROFILE_CHANGED,
                "What a contact is emailed, or in which form, changed, whatever the cause: a"
                " consent, a preference, a request for non-itemised bills, the contact's fields, or"
                " an entry with a future date that took effect. The subject is the contact.",
                _S.CONTACTS_READ,
                (
                    _CONTACT,
                    PayloadField(
                        "deliveries",
                        "The documents whose outcome changed: each with `document`,"
                        " `outcomeBefore` and `outcomeAfter`, values of the enums `Document` and"
                        " `DeliveryOutcome`.",
                    ),
                    _IMPORT,
                ),
            ),
            EventDescription(
                _T.CUSTOMER_CLASS_CREATED,
                "A customer class was created. The subject is the class.",
                _S.CUSTOMER_CLASSES_READ,
                (_CLASS, _CHANGED),
            ),
            EventDescription(
                _T.CUSTOMER_CLASS_UPDATED,
                "Fields of a customer class were changed. The subject is the class.",
                _S.CUSTOMER_CLASSES_READ,
                (_CLASS, _CHANGED),
            ),
            EventDescription(
                _T.CUSTOMER_CLASS_RETIRED,
                "A customer class was retired. The subject is the class. Each customer that was"
                " moved to another class has an event of its own.",
                _S.CUSTOMER_CLASSES_READ,
                (_CLASS,),
            ),
            EventDescription(
                _T.CUSTOMER_CLASS_REACTIVATED,
                "A retired customer class was made active again. The subject is the class.",
                _S.CUSTOMER_CLASSES_READ,
                (_CLASS,),
            ),
            EventDescription(
                _T.CUSTOMER_CLASS_DELETED,
                "A customer class was deleted. The subject is the class.",
                _S.CUSTOMER_CLASSES_READ,
                (_CLASS,),
            ),
            EventDescription(
                _T.TOKEN_ISSUED,
                "An access token was issued. The subject is the token.",
                _S.ACCESS_READ,
                (_TOKEN,),
            ),
            EventDescription(
                _T.TOKEN_ROTATED,
                "An access token was replaced by a new one, which has an event of its own. The"
                " subject is the old token.",
                _S.ACCESS_READ,
                (_TOKEN,),
            ),
            EventDescription(
                _T.TOKEN_REVOKED,
                "An access token was revoked. The subject is the token.",
                _S.ACCESS_READ,
                (_TOKEN,),
            ),
            EventDescription(
                _T.WEBHOOK_ENDPOINT_DISABLED,
                "The platform disabled a webhook endpoint, because it accepted no delivery for days"
                " or answered that it is gone. The subject is the endpoint.",
                _S.WEBHOOKS_READ,
                (PayloadField("webhookEndpointId", "The id of the webhook endpoint."),),
            ),
            EventDescription(
                _T.IMPORT_FINISHED,
                "An import from a file ended: all its rows were decided, it failed, or it was"
                " cancelled. The subject is the import.",
                _S.CUSTOMERS_WRITE,
                (
                    PayloadField(_IMPORT.name, "The id of the import."),
                    PayloadField(
                        "state",
                        "How it ended: `DONE`, `FAILED` or `CANCELLED`, values of the enum"
                        " `ImportState`.",
                    ),
                    PayloadField("isDryRun", "Whether the file was only checked."),
                    PayloadField("storedRowCount", "The number of rows that were stored."),
                    PayloadField("failedRowCount", "The number of rows that were refused."),
                ),
            ),
        )
    }
)
"""All types of events."""

_SHOWING = {entry.scope for entry in CATALOGUE.values()}
SCOPES = tuple(sorted(one for one in _SHOWING if with_implied({one}) & _SHOWING == {one}))
"""The permissions of which each shows some types of events, without those that imply another."""


def readable(
    permissions: Collection[Scope], wanted: Iterable[EventType] | None = None
) -> list[EventType]:
    """Return the types of events that these permissions show, of the `wanted` ones if not None."""
    types = CATALOGUE if wanted is None else dict.fromkeys(wanted)
    return [one for one in types if CATALOGUE[one].scope in permissions]
