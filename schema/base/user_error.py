"""What a mutation answers when the user can mend it."""

import strawberry
from graphql import GRAPHQL_MAX_INT

from models.rules.errors import Refusal, RefusalCode
from schema.base.descriptions import described_enum

UserErrorCode = described_enum(
    RefusalCode,
    "UserErrorCode",
    "Why a mutation was refused; a closed set.",
    {
        "REQUIRED": "A value is missing or blank.",
        "INVALID": "A value is too long, or holds characters that can't be stored.",
        "NOT_FOUND": "There is no such object, or it is out of your reach.",
        "ALREADY_EXISTS": "Another object has this name or number.",
        "VERSION_CONFLICT": "Somebody changed the object since you read it (R101).",
        "REASON_REQUIRED": "This change must say why it is made (R27).",
        "ADMINISTER_REQUIRED": "This needs the administer level of the permission (A20).",
        "INVALID_DISPLAY_CLASS": "A display class is not a list of CSS class names (R4).",
        "CONTRADICTORY_FLAGS": "Companies House has no individuals (R7).",
        "SHIPPED_CLASS_PROTECTED": "A shipped class is changed by an override only (R14, R38).",
        "CLASS_HAS_BEEN_USED": "A class that was ever used can't be deleted (R33, R36).",
        "CLASS_REFERENCED": "A default or template names the class (R37).",
        "CLASS_HAS_CUSTOMERS": "Customers are left in the class (R42).",
        "CLASS_RETIRED": "A retired class can't be picked (R26, R43).",
        "REPLACEMENT_IS_SAME_CLASS": "A class can't replace itself (R43).",
        "CLASS_REQUIRED": "A customer sits in exactly one class (R24).",
        "CLASS_CHANGE_NEEDS_REASON": "Use changeCustomerClass, which records why (R27).",
        "INVALID_COMPANY_NUMBER": "That can't be a company number (R88).",
        "INVALID_PARENT": "A parent is another customer, in a reseller class (R32).",
        "CUSTOMER_HAS_CHILDREN": "Other customers buy through this one (R32).",
        "ENRICHMENT_NOT_APPLICABLE": "The class is not checked at Companies House (R81).",
        "NEEDS_COMPANY_NUMBER": "There is no company number to look up (A11).",
        "SUGGESTION_SETTLED": "Somebody decided on the suggestion before.",
        "AFFIRMATION_REQUIRED": "The document must cover sending call records by email (R53).",
        "IDEMPOTENCY_KEY_REUSED": "The key came with another request before (R57).",
        "CONSENT_ENTRY_CORRECTED": "The entry was corrected before; correct the correction (R55).",
        "CONSENT_NOT_EDITABLE": "An existing customer's consent is recorded, not edited (R52).",
        "INVALID_EMAIL": "That is no email address.",
        "EMAIL_MISSING": "The contact has no email address to write to.",
        "EMAIL_NOT_VERIFIED": "The address is not verified; use requestEmailVerification (R61).",
        "EMAIL_ALREADY_VERIFIED": "The address is verified; there is nothing to ask.",
        "CONTACT_INACTIVE": "An inactive contact is sent nothing (R77).",
        "TOO_MANY_REQUESTS": "This was requested too often, or too recently; see"
        " `retryAfterSeconds` and the hint.",
        "RATE_LIMITED": "A quota of an hour is used up; see `retryAfterSeconds`.",
        "NOT_FOR_PARTNERS": "Only the platform does this, not a partner (R99).",
        "PERMISSION_NOT_HELD": "Nobody passes on what they, or a token's owner, do not hold (R93).",
        "PERSONAL_DATA_NEEDED": "It would unmask individuals to one who may not see them (R93).",
        "PERMISSION_IMPLIED": "The permission comes with another one that stays.",
        "BEYOND_RESELLER": "A partner's credential administers its own reseller's tokens (R99).",
        "INVALID_RESELLER": "A credential can't be bound to this customer (R99).",
        "LAST_ADMINISTRATOR": "Nobody could administer access any more but the operator.",
        "USER_ACTIVE": "The names of an active user can't be erased; disable it first.",
        "USER_DISABLED": "A disabled user has no use for a token.",
        "TOKEN_ENDED": "The token was revoked or rotated, or has expired.",
        "TOO_MANY_TOKENS": "Its owner has as many valid tokens as one may have; those that were"
        " rotated do not count.",
    },
)


@strawberry.type(description="Something that the user can mend; nothing was changed.")
class UserError:
    """One refusal."""

    code: UserErrorCode = strawberry.field(description="Why, for programs.")  # type: ignore[valid-type]  # an enum with another name
    message: str = strawberry.field(description="Why, for people, in English.")
    path: list[str] | None = strawberry.field(
        description="The field of the input that is at fault, where there is one."
    )
    hint: str | None = strawberry.field(description="What would help.")
    retryable: bool = strawberry.field(
        description="Whether the same request may succeed later, or after reading the object again."
    )
    retry_after_seconds: int | None = strawberry.field(
        default=None,
        description="Seconds after which the same request may succeed; null where waiting does not"
        " help.",
    )

    @classmethod
    def of(cls, refusal: Refusal) -> "UserError":
        """Show a refusal of the domain."""
        wait = refusal.retry_after_seconds
        return cls(
            code=refusal.code,
            message=refusal.message,
            path=list(refusal.path) or None,
            hint=refusal.hint,
            retryable=refusal.retryable,
            retry_after_seconds=None if wait is None else min(wait, GRAPHQL_MAX_INT),
        )
