"""The GraphQL enum of the kinds of changes in the audit trail."""

from models.rules.audit_operation import AuditOperation
from schema.base.descriptions import described_enum

AuditOperationEnum = described_enum(
    AuditOperation,
    "AuditOperation",
    "The kind of change that an audit entry records.",
    {
        "CUSTOMER_CREATED": "A customer was created.",
        "CUSTOMER_EDITED": "Fields of a customer were changed.",
        "CUSTOMER_DELETED": "A customer was deleted, and its personal data erased.",
        "CUSTOMER_CLASS_CHANGED": "A customer was moved to another class.",
        "CUSTOMER_LOOKUP_REQUESTED": "A lookup of a customer at Companies House was requested.",
        "CUSTOMER_LOOKUP_CANCELLED": "A lookup of a customer was cancelled.",
        "CUSTOMER_LOOKUP_ENDED": "A lookup of a customer ended without values.",
        "CUSTOMER_ENRICHED": "Values from Companies House were stored for a customer.",
        "SUGGESTION_ACCEPTED": "A suggested value from Companies House was accepted.",
        "SUGGESTION_REJECTED": "A suggested value from Companies House was rejected.",
        "CONSENT_RECORDED": "A customer's consent was recorded.",
        "CONSENT_WITHDRAWN": "A customer's consent was withdrawn.",
        "CONSENT_CORRECTED": "An entry of a consent ledger was corrected.",
        "NON_ITEMISED_BILLS_REQUESTED": "A customer's request for bills without a list of calls was"
        " recorded.",
        "NON_ITEMISED_BILLS_WITHDRAWN": "A customer's request for bills without a list of calls was"
        " withdrawn.",
        "CONTACT_CREATED": "A contact was created.",
        "CONTACT_EDITED": "Fields of a contact were changed.",
        "CONTACT_DELETED": "A contact was deleted.",
        "CONTACT_ERASED": "The personal data of a contact was erased.",
        "CONTACT_EMAIL_VERIFIED": "A contact confirmed their email address.",
        "CONFIRMATION_REQUESTED": "A contact was asked by email for a confirmation.",
        "CONFIRMATION_MAIL": "The state of an email that asks for a confirmation changed.",
        "CONFIRMATION_MAIL_HELD": "An email that asks for a confirmation was held back, because the"
        " email address had received as many as it may.",
        "PREFERENCE_REQUESTED": "A contact was asked to confirm an attachment preference.",
        "PREFERENCE_CONFIRMED": "A contact confirmed an attachment preference.",
        "PREFERENCE_WITHDRAWN": "A contact's attachment preference was withdrawn.",
        "PREFERENCE_RESET": "A contact's attachment preference ended, because the email address"
        " changed.",
        "CLASS_CREATED": "A customer class was created.",
        "CLASS_EDITED": "Fields of a customer class were changed.",
        "CLASS_RETIRED": "A customer class was retired.",
        "CLASS_REACTIVATED": "A retired customer class was made active again.",
        "CLASS_DELETED": "A customer class was deleted.",
        "CLASS_LOOKUP_REQUESTED": "Lookups of many customers, such as those of a class, were"
        " requested.",
        "TEMPLATE_SAVED": "A template for new customers was created or changed.",
        "TEMPLATE_DELETED": "A template for new customers was deleted.",
        "PLATFORM_DEFAULTS_SAVED": "The platform's defaults were changed.",
        "DEFAULT_REPOINTED": "The class or parent in a template, or the platform's default class,"
        " was replaced because it can no longer be used.",
        "USER_CREATED": "A user was created.",
        "USER_EDITED": "Fields of a user were changed.",
        "USER_DISABLED": "A user was disabled.",
        "USER_ENABLED": "A disabled user was enabled.",
        "USER_PROVISIONED": "A user was created when they first signed in at the identity"
        " provider.",
        "USER_REFRESHED": "A user's name or email address was updated from the identity provider.",
        "USER_JOINED_GROUP": "A user was added to a group; the subject is the user.",
        "USER_LEFT_GROUP": "A user was removed from a group; the subject is the user.",
        "GROUP_CREATED": "A user group was created.",
        "GROUP_EDITED": "Fields of a user group were changed.",
        "GROUP_DELETED": "A user group was deleted.",
        "GROUP_MEMBER_ADDED": "A user was added to a group; the subject is the group.",
        "GROUP_MEMBER_REMOVED": "A user was removed from a group; the subject is the group.",
        "PERMISSIONS_GRANTED": "Permissions were granted to a user or user group.",
        "PERMISSIONS_REVOKED": "Permissions were revoked from a user or user group.",
        "TOKEN_ISSUED": "An access token was issued.",
        "TOKEN_ROTATED": "An access token was replaced by a new one.",
        "TOKEN_REVOKED": "An access token was revoked.",
        "WEBHOOK_ENDPOINT_CREATED": "A webhook endpoint was created.",
        "WEBHOOK_ENDPOINT_EDITED": "Fields of a webhook endpoint were changed.",
        "WEBHOOK_ENDPOINT_DELETED": "A webhook endpoint was deleted.",
        "WEBHOOK_ENDPOINT_DISABLED": "The platform disabled a webhook endpoint, because it accepted"
        " no delivery for days or answered that it is gone.",
        "WEBHOOK_SECRET_ROTATED": "The secret of a webhook endpoint was replaced by a new one.",
        "WEBHOOK_PINGED": "A test event was sent to a webhook endpoint.",
        "WEBHOOKS_REDELIVERED": "Events were sent to a webhook endpoint again.",
        "ACTOR_NAMES_ERASED": "The name of a user or access token was erased from the audit trail.",
        "MENTIONS_ERASED": "Reasons and values that mention a person were erased.",
        "IMPORT_REQUESTED": "A file of customers was sent to be imported, or to be checked.",
        "IMPORT_CANCELLED": "An import from a file was cancelled.",
        "IMPORT_FINISHED": "An import from a file ended by itself: its rows were decided, or it"
        " failed.",
        "AUDIT_EXPIRED": "Audit entries were deleted at the end of their retention period.",
        "EXPORT_LINK_CREATED": "A link to download a whole list was created; the subject is the"
        " access token or user that created it.",
    },
)
