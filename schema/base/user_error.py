"""The GraphQL type of an error that the user can fix."""

import strawberry
from graphql import GRAPHQL_MAX_INT

from models.rules.errors import Refusal, RefusalCode
from schema.base.descriptions import described_enum

UserErrorCode = described_enum(
    RefusalCode,
    "UserErrorCode",
    "The reason why a mutation was refused; a closed set.",
    {
        "REQUIRED": "A required value is missing.",
        "BLANK": "A text has no visible character.",
        "TOO_LONG": "A text has more than `limit` characters.",
        "CONTROL_CHARACTERS": "A text has control characters, or invisible ones, that cannot be"
        " stored.",
        "BAD_FORMAT": "A value is not written as its field needs it.",
        "OUT_OF_RANGE": "A number is less than `minimum` or more than `limit`, or a date is before"
        " `earliest` or after `latest`.",
        "IN_THE_FUTURE": "A date is after `latest`, the latest day that has begun anywhere.",
        "TOO_PRECISE": "An amount has more than `limit` decimal places.",
        "TOO_MANY_DIGITS": "An amount has more than `limit` digits before the decimal point.",
        "UNSUPPORTED_CURRENCY": "The code is not that of a currency of ISO 4217; `allowedValues`"
        " has them all.",
        "VALUE_NOT_ALLOWED": "The value is not one of `allowedValues`.",
        "TOO_FEW_ITEMS": "A list has fewer than `minimum` entries.",
        "TOO_MANY_ITEMS": "A list has more than `limit` entries.",
        "DUPLICATE_ITEM": "An entry is in two lists, or in two rows, and may be in one of them"
        " only.",
        "CONTRADICTORY_VALUES": "Two fields of the input contradict each other.",
        "NOT_APPLICABLE": "The field does not apply to this request; leave it out.",
        "CANNOT_CHANGE": "The value was set when the object was created, and never changes.",
        "NOT_FOUND": "The object does not exist, or you may not see it.",
        "ALREADY_EXISTS": "Another object already has the same name, number or identity; choose"
        " another.",
        "VERSION_CONFLICT": "The object was changed since you read it; read it again and repeat"
        " your change.",
        "ADMINISTER_REQUIRED": "The change needs the permission `customer_classes:administer`.",
        "INVALID_DISPLAY_CLASS": "The display class is not a list of CSS class names separated by"
        " single spaces.",
        "CONTRADICTORY_FLAGS": "`checkCompaniesHouse` cannot be combined with `isPersonalCustomer`"
        " or `isSoleTrader`.",
        "SHIPPED_CLASS_PROTECTED": "The class came with the platform: it cannot be deleted, and its"
        " name and flags can be changed only with `overrideReason`.",
        "CLASS_HAS_BEEN_USED": "The class cannot be deleted because a customer is or was in it;"
        " retire it instead.",
        "CLASS_REFERENCED": "The class cannot be deleted because the platform's default or a"
        " template names it.",
        "CLASS_HAS_CUSTOMERS": "The class has customers, so it cannot be retired without"
        " `replacementId`, the class to move them to.",
        "CLASS_RETIRED": "The class is retired and cannot be chosen; choose an active class.",
        "REPLACEMENT_IS_SAME_CLASS": "The replacement is the class that is to be retired; choose"
        " another class.",
        "CLASS_REQUIRED": "A customer needs a class: a new customer gets none if the platform has"
        " no default class, and an existing customer's class cannot be cleared. Send `classId` or"
        " `classCode`.",
        "CLASS_CHANGE_NEEDS_REASON": "The class of an existing customer can be changed only by"
        " `changeCustomerClass`, which takes a reason.",
        "INVALID_COMPANY_NUMBER": "The text is not a UK company number.",
        "INVALID_PARENT": "The parent must be another customer, in a class for resellers, that does"
        " not buy through this customer, directly or through others.",
        "CUSTOMER_HAS_CHILDREN": "Other customers buy through this one, so it must stay in a class"
        " for resellers.",
        "ENRICHMENT_NOT_APPLICABLE": "The customer's class is not checked at Companies House, so"
        " the customer is not looked up.",
        "NEEDS_COMPANY_NUMBER": "The customer has no company number to look up; save one first.",
        "SUGGESTION_SETTLED": "The suggestion has already been accepted, rejected or withdrawn.",
        "AFFIRMATION_REQUIRED": "You must affirm, with `isEmailingCovered`, that the document shown"
        " to the person who gave consent covers sending itemised bills and call records by email.",
        "IDEMPOTENCY_KEY_REUSED": "The idempotency key was used before, with another request; use a"
        " new key for each new request.",
        "CONSENT_ENTRY_CORRECTED": "The consent entry has already been corrected; correct the later"
        " entry instead.",
        "CONSENT_NOT_EDITABLE": "The consent of an existing customer cannot be saved with the"
        " customer; use `recordConsent` or `withdrawConsent`.",
        "INVALID_EMAIL": "The text is not an email address.",
        "EMAIL_MISSING": "The contact has no email address; save one first.",
        "EMAIL_NOT_VERIFIED": "The contact's email address is not verified; use"
        " `requestEmailVerification`.",
        "EMAIL_ALREADY_VERIFIED": "The contact's email address is verified already.",
        "CONTACT_INACTIVE": "The contact is inactive, and inactive contacts are sent nothing; make"
        " the contact active first.",
        "TOO_MANY_REQUESTS": "The same lookup or confirmation email was requested too often or too"
        " recently; repeat the request after `retryAfterSeconds`.",
        "RATE_LIMITED": "The hourly quota of emails is used up; repeat the request after"
        " `retryAfterSeconds`.",
        "NOT_FOR_PARTNERS": "Only the platform's staff may make this change, not a partner (a"
        " caller bound to a reseller).",
        "PERMISSION_NOT_HELD": "You cannot grant a permission that you do not have, give a token a"
        " permission that its user does not have, or let a webhook endpoint get events that you may"
        " not read.",
        "PERSONAL_DATA_NEEDED": "The change would show personal data that you may not see; it needs"
        " the permission `personal_data:read`.",
        "PERMISSION_IMPLIED": "The permission cannot be revoked because another permission, which"
        " stays, includes it; revoke the other one too.",
        "BEYOND_RESELLER": "A partner (a caller bound to a reseller) can administer the users and"
        " access tokens of its own reseller, but no user groups.",
        "INVALID_RESELLER": "The user or token cannot be bound to this customer, which is not in a"
        " class for resellers, or is not the reseller that the user works for.",
        "LAST_ADMINISTRATOR": "After this change nobody could sign in with the permission"
        " `access:administer`; grant it to another user first.",
        "USER_ACTIVE": "The name of an active user cannot be erased; disable the user first.",
        "USER_LIMIT": "The reseller of a partner (a caller bound to a reseller) already has the"
        " maximum number of active users; disable one first.",
        "USER_DISABLED": "The user is disabled, so they cannot have a valid token; enable the user"
        " first.",
        "TOKEN_ENDED": "The token was revoked, was rotated before or has expired, so it cannot be"
        " rotated; issue a new token.",
        "URL_NOT_HTTPS": "The URL does not begin with `https://`.",
        "URL_HAS_CREDENTIALS": "The URL has a user name or a password.",
        "URL_NOT_PUBLIC": "The URL does not name a public host: it has an IP address, or a local"
        " name.",
        "WEBHOOK_ENDPOINT_LIMIT": "The reseller, or the platform, already has `limit` webhook"
        " endpoints; delete one first.",
        "WEBHOOK_ENDPOINT_INACTIVE": "The webhook endpoint is not active, so nothing is sent to it;"
        " make it active first.",
        "SECRET_JUST_ROTATED": "The secret was rotated less than 24 hours ago, and the one before"
        " it is still valid; repeat the request after `retryAfterSeconds`.",
        "NOT_REDELIVERABLE": "The event cannot be sent again: the delivery has not ended yet, was a"
        " test, or its event was deleted.",
        "JOB_NOT_CHANGEABLE": "The job cannot be retried or discarded: its state does not allow it,"
        " its work is not needed any more, or another job does it.",
        "ACCESS_TOKEN_LIMIT": "The token's user, or its reseller if it has no user, already has the"
        " maximum number of valid tokens; revoke one first. Tokens that were rotated do not count.",
    },
)


@strawberry.type(
    description="An error that the user can fix. If a mutation returns any, nothing was changed; an"
    " error in a row of a bulk mutation is about that row (see `rowPolicy`)."
)
class UserError:
    code: UserErrorCode = strawberry.field(description="The kind of error, for programs.")  # type: ignore[valid-type]  # an enum with another name
    message: str = strawberry.field(description="What is wrong, for people, in English.")
    path: list[str] | None = strawberry.field(
        description="The path to the input field with the error, from the fields of `input` on,"
        " such as `profile`, `netAssets`, `value`; an entry of a list is named by its index,"
        " counted from 0. Null if the error is not about one field."
    )
    hint: str | None = strawberry.field(
        description="What to do about the error, in English; null if there is no advice."
    )
    retryable: bool = strawberry.field(
        description="Whether the same request may succeed later, or after reading the object again."
    )
    retry_after_seconds: int | None = strawberry.field(
        default=None,
        description="The seconds to wait before the same request may succeed; null if waiting does"
        " not help.",
    )

    limit: int | None = strawberry.field(
        default=None,
        description="The maximum that was exceeded: of the number, or of the characters, digits,"
        " decimal places, entries or requests, as the code says; null if there is none.",
    )
    minimum: int | None = strawberry.field(
        default=None,
        description="The minimum of the number, or of the entries of a list; null if there is"
        " none.",
    )
    earliest: str | None = strawberry.field(
        default=None,
        description="The earliest date or date-time that is allowed, written as the field is; null"
        " if there is none.",
    )
    latest: str | None = strawberry.field(
        default=None,
        description="The latest date or date-time that is allowed, written as the field is; null"
        " if there is none.",
    )
    allowed_values: list[str] | None = strawberry.field(
        default=None,
        description="The values that are allowed; null if they cannot be listed.",
    )

    @classmethod
    def of(cls, refusal: Refusal) -> "UserError":
        wait = refusal.retry_after_seconds
        bounds = refusal.bounds
        allowed_values = bounds.get("allowed_values")
        return cls(
            code=refusal.code,
            message=refusal.message,
            path=list(refusal.path) or None,
            hint=refusal.hint,
            retryable=refusal.retryable,
            retry_after_seconds=None if wait is None else min(wait, GRAPHQL_MAX_INT),
            limit=bounds.get("limit"),
            minimum=bounds.get("minimum"),
            earliest=bounds.get("earliest"),
            latest=bounds.get("latest"),
            allowed_values=None if allowed_values is None else list(allowed_values),
        )
