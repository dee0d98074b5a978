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
        "REQUIRED": "A required value is missing or blank.",
        "INVALID": "A value has the wrong form: it is too long, out of range, or holds characters"
        " that cannot be stored.",
        "NOT_FOUND": "The object does not exist, or you may not see it.",
        "ALREADY_EXISTS": "Another object has the same name, number or identity.",
        "VERSION_CONFLICT": "The object was changed since you read it; read it again and repeat"
        " your change.",
        "REASON_REQUIRED": "The change needs a reason.",
        "ADMINISTER_REQUIRED": "The change needs the permission `customer_classes:administer`.",
        "INVALID_DISPLAY_CLASS": "The display class is not a list of CSS class names.",
        "CONTRADICTORY_FLAGS": "Check Companies House cannot be combined with Personal Customer or"
        " Sole Trader.",
        "SHIPPED_CLASS_PROTECTED": "The name and flags of a shipped class change only by an"
        " override with a reason, and it cannot be deleted.",
        "CLASS_HAS_BEEN_USED": "The class cannot be deleted because a customer is or was in it;"
        " retire it instead.",
        "CLASS_REFERENCED": "The class cannot be deleted because the platform defaults or a"
        " template name it.",
        "CLASS_HAS_CUSTOMERS": "The class has customers and cannot be retired without a"
        " replacement.",
        "CLASS_RETIRED": "The class is retired and cannot be chosen.",
        "REPLACEMENT_IS_SAME_CLASS": "The replacement is the class that is retired.",
        "CLASS_REQUIRED": "A new customer needs a class: give one, as there is no default.",
        "CLASS_CHANGE_NEEDS_REASON": "The class of a customer changes only by"
        " `changeCustomerClass`, which takes a reason.",
        "INVALID_COMPANY_NUMBER": "The text cannot be a UK company number.",
        "INVALID_PARENT": "A parent must be another customer in a reseller class, and no customer"
        " may be above itself.",
        "CUSTOMER_HAS_CHILDREN": "Other customers buy through this one, so it must stay in a"
        " reseller class.",
        "ENRICHMENT_NOT_APPLICABLE": "The customer's class is not checked at Companies House.",
        "NEEDS_COMPANY_NUMBER": "The customer has no company number to look up.",
        "SUGGESTION_SETTLED": "The suggestion was accepted, rejected or withdrawn before.",
        "AFFIRMATION_REQUIRED": "You must affirm that the document covers sending itemised bills"
        " and call records by email.",
        "IDEMPOTENCY_KEY_REUSED": "The idempotency key was used before, with another request.",
        "CONSENT_ENTRY_CORRECTED": "The consent entry was corrected before; correct the later"
        " entry.",
        "CONSENT_NOT_EDITABLE": "The consent of an existing customer changes only by"
        " `recordConsent` and `withdrawConsent`.",
        "INVALID_EMAIL": "The text is not an email address.",
        "EMAIL_MISSING": "The contact has no email address.",
        "EMAIL_NOT_VERIFIED": "The contact's email address is not verified; use"
        " `requestEmailVerification`.",
        "EMAIL_ALREADY_VERIFIED": "The contact's email address is verified already.",
        "CONTACT_INACTIVE": "The contact is inactive, and inactive contacts are sent nothing.",
        "TOO_MANY_REQUESTS": "The same request was made too often or too recently; see"
        " `retryAfterSeconds`.",
        "RATE_LIMITED": "The hourly quota of mails is used up; see `retryAfterSeconds`.",
        "NOT_FOR_PARTNERS": "Only the platform may do this, not a partner.",
        "PERMISSION_NOT_HELD": "You cannot grant a permission that you, or the token's owner, do"
        " not have.",
        "PERSONAL_DATA_NEEDED": "The change would show personal data that you may not see; it needs"
        " the permission `personal_data:read`.",
        "PERMISSION_IMPLIED": "The permission cannot be revoked because another permission, which"
        " stays, includes it.",
        "BEYOND_RESELLER": "A partner can administer only the access tokens of its own reseller.",
        "INVALID_RESELLER": "The user or token cannot be bound to this customer.",
        "LAST_ADMINISTRATOR": "After this change nobody could sign in to administer access.",
        "USER_ACTIVE": "The name of an active user cannot be erased; disable the user first.",
        "USER_DISABLED": "The user is disabled, so they cannot have a valid token.",
        "TOKEN_ENDED": "The token was revoked or rotated, or has expired.",
        "TOO_MANY_TOKENS": "The owner has the maximum number of valid tokens; tokens that were"
        " rotated do not count.",
    },
)


@strawberry.type(
    description="An error that the user can fix. If a mutation returns any, nothing was changed."
)
class UserError:
    code: UserErrorCode = strawberry.field(description="The reason, for programs.")  # type: ignore[valid-type]  # an enum with another name
    message: str = strawberry.field(description="The reason, for people, in English.")
    path: list[str] | None = strawberry.field(
        description="The path to the input field with the error, such as `profile`, `netAssets`;"
        " null if the error is not about one field."
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

    @classmethod
    def of(cls, refusal: Refusal) -> "UserError":
        wait = refusal.retry_after_seconds
        return cls(
            code=refusal.code,
            message=refusal.message,
            path=list(refusal.path) or None,
            hint=refusal.hint,
            retryable=refusal.retryable,
            retry_after_seconds=None if wait is None else min(wait, GRAPHQL_MAX_INT),
        )
