"""Texts about each error code: its meaning, what a client should do, and whether to retry."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

NO = "no"
LATER = "yes, after `retryAfterSeconds`"
SMALLER = "Ask for less in one request, or split it."


@dataclass(frozen=True, slots=True)
class Advice:
    """What a client should do about an error code, and whether to send the same request again."""

    action: str
    retry: str = NO


@dataclass(frozen=True, slots=True)
class ErrorMeaning:
    """The meaning of a top-level error code, and the advice about it."""

    meaning: str
    action: str
    retry: str = NO


def _too_much(what: str) -> ErrorMeaning:
    return ErrorMeaning(f"{what} The error carries `limit`, and `actual` where known.", SMALLER)


TOP_LEVEL: Mapping[str, ErrorMeaning] = MappingProxyType(
    {
        "BAD_REQUEST": ErrorMeaning(
            "The HTTP request or WebSocket message cannot be used: its method, headers, JSON or"
            " parameters are wrong.",
            "Correct the client; the message says what is wrong.",
        ),
        "BAD_USER_INPUT": ErrorMeaning(
            "An argument of a field has a value that is not allowed, such as a damaged cursor or a"
            " page that is too large.",
            "Correct the argument of the field at `path`.",
        ),
        "COMPANIES_HOUSE_UNAVAILABLE": ErrorMeaning(
            "Companies House cannot be searched at present.",
            "Save the customer without a search, or search again later.",
            "yes, after `retryAfterSeconds` if it is not null",
        ),
        "DOCUMENT_NOT_TRUSTED": ErrorMeaning(
            "This server executes registered documents only, and this one is not registered.",
            "Ask the operator to register the document.",
        ),
        "FORBIDDEN": ErrorMeaning(
            "The caller lacks a permission for the field at `path`; `requiredScopes` names those of"
            " which one is enough. Some fields are not available to partners at all.",
            "Use a token with the permission, or do not select the field.",
        ),
        "FRAGMENTS_TOO_DEEP": _too_much("Fragments are nested too deeply."),
        "INTERNAL_ERROR": ErrorMeaning(
            "A fault in the server. At the path of a mutation it means that the change was not"
            " stored, and below that path that it was stored; without a path this is not known.",
            "Look at the data, then report the `requestId`.",
            "once, for queries",
        ),
        "INTROSPECTION_DISABLED": ErrorMeaning(
            "The operator has turned queries of the schema off.",
            "Use the schema file of your release.",
        ),
        "INVALID_OPERATION": ErrorMeaning(
            "The document is not valid GraphQL, does not fit the schema, or its variables do not.",
            "Correct the document or the variables; `locations` says where.",
        ),
        "LIST_TOO_LONG": _too_much("A list or object of an argument has too many entries."),
        "NOT_FOUND": ErrorMeaning(
            "There is no such address, or the object does not exist or is outside of what the"
            " caller may see.",
            "Check the address and the id.",
        ),
        "OVERLOADED": ErrorMeaning(
            "Too many requests of all callers are waiting. Nothing was done.",
            "Wait, then send the same request.",
            LATER,
        ),
        "PERSISTED_QUERY_NOT_FOUND": ErrorMeaning(
            "The server does not know the document of this hash, or no longer does.",
            "Send the document's text together with the hash.",
            "yes, with the text",
        ),
        "QUERY_TOO_COSTLY": _too_much("The operation requests more points than allowed."),
        "QUERY_TOO_DEEP": _too_much("The operation has too many levels of fields."),
        "RATE_LIMITED": ErrorMeaning(
            "The caller has used up a limit of its own: points, waiting requests, searches, or"
            " failed sign-ins of its address. Nothing was done.",
            "Wait, then send the same request; send fewer at once.",
            LATER,
        ),
        "REQUEST_TOO_LARGE": _too_much("The body or WebSocket message has too many bytes."),
        "SELECTION_TOO_WIDE": _too_much("A selection has too many fields side by side."),
        "SIGN_IN_UNAVAILABLE": ErrorMeaning(
            "The token cannot be checked at present, because the identity provider's keys cannot"
            " be fetched.",
            "Wait, then send the same request.",
            LATER,
        ),
        "TIMEOUT": ErrorMeaning(
            "The query took too long, or the request waited too long. A mutation with this error"
            " was not started.",
            "Ask for less at once.",
            "yes, later or with a smaller query",
        ),
        "TOO_MANY_ALIASES": _too_much("The operation has too many aliases."),
        "TOO_MANY_COMPARISONS": ErrorMeaning(
            "Too many fields answer under the same name, so they take too long to compare.",
            "Give the fields different aliases, or select them once.",
        ),
        "TOO_MANY_DIRECTIVES": _too_much("The operation, or one place of it, has too many."),
        "TOO_MANY_FIELDS": _too_much("The operation has too many fields, those of fragments too."),
        "TOO_MANY_ROOT_FIELDS": _too_much("The operation has too many root fields."),
        "TOO_MANY_SUBSCRIPTIONS": ErrorMeaning(
            "Too many operations run on this WebSocket, or on all of this user or partner.",
            "Complete another operation first.",
            "yes, once another operation has ended",
        ),
        "TOO_MANY_TOKENS": _too_much("The document has too many lexical tokens."),
        "UNAUTHENTICATED": ErrorMeaning(
            "There is no valid token: it is missing, unknown, expired or revoked, or its user is"
            " disabled.",
            "Sign in again with another token.",
        ),
        "UNAVAILABLE": ErrorMeaning(
            "The database cannot serve the request; `reason` says why. Nothing was done, unless"
            " `outcomeUnknown` is true.",
            "Wait, then send the same request. With `outcomeUnknown`, look at the data first.",
            LATER,
        ),
        "VALUE_TOO_DEEP": _too_much("Lists and objects of an argument are nested too deeply."),
        "VARIABLES_TOO_LARGE": _too_much("The variables hold too many values."),
    }
)
"""Texts by the code of a top-level error; each member of `ErrorCode` must have an entry."""

FILL_IN = Advice("Show the message at the input field that `path` names.")
CHOOSE_CLASS = Advice("Choose another class.")
ASK_ADMINISTRATOR = Advice("Ask somebody who has the permission.")
WAIT = Advice("Wait, then send the same request.", LATER)

USER_ERRORS: Mapping[str, Advice] = MappingProxyType(
    {
        "REQUIRED": FILL_IN,
        "INVALID": FILL_IN,
        "NOT_FOUND": Advice("Read the list again; the object may have been deleted."),
        "ALREADY_EXISTS": Advice("Choose another name or number, or edit the existing object."),
        "VERSION_CONFLICT": Advice(
            "Read the object in the payload, apply the change to it, and send its version.",
            "yes, with the new version",
        ),
        "REASON_REQUIRED": Advice("Ask the user for a reason, and send it as `reason`."),
        "ADMINISTER_REQUIRED": ASK_ADMINISTRATOR,
        "INVALID_DISPLAY_CLASS": FILL_IN,
        "CONTRADICTORY_FLAGS": Advice("Turn one of the flags off."),
        "SHIPPED_CLASS_PROTECTED": Advice("Send `override` with a reason, or add a class instead."),
        "CLASS_HAS_BEEN_USED": Advice("Retire the class instead of deleting it."),
        "CLASS_REFERENCED": Advice("Change the template or the platform default first."),
        "CLASS_HAS_CUSTOMERS": Advice("Name a replacement class for the customers."),
        "CLASS_RETIRED": CHOOSE_CLASS,
        "REPLACEMENT_IS_SAME_CLASS": CHOOSE_CLASS,
        "CLASS_REQUIRED": Advice("Send `classId` or `classCode`."),
        "CLASS_CHANGE_NEEDS_REASON": Advice("Call `changeCustomerClass` with a reason."),
        "INVALID_COMPANY_NUMBER": FILL_IN,
        "INVALID_PARENT": Advice("Choose another customer that is in a reseller class."),
        "CUSTOMER_HAS_CHILDREN": Advice("Give the customers below it another parent first."),
        "ENRICHMENT_NOT_APPLICABLE": Advice("Move the customer to a class that is checked."),
        "NEEDS_COMPANY_NUMBER": Advice("Save a company number; `companySearch` offers some."),
        "SUGGESTION_SETTLED": Advice("Read the customer again."),
        "AFFIRMATION_REQUIRED": Advice("Let the user affirm it, and send `coversEmailing: true`."),
        "IDEMPOTENCY_KEY_REUSED": Advice("Use a new key for each different request."),
        "CONSENT_ENTRY_CORRECTED": Advice("Correct the newest entry of the chain of corrections."),
        "CONSENT_NOT_EDITABLE": Advice("Call `recordConsent` or `withdrawConsent`."),
        "INVALID_EMAIL": FILL_IN,
        "EMAIL_MISSING": Advice("Save an email address first."),
        "EMAIL_NOT_VERIFIED": Advice("Call `requestEmailVerification` first."),
        "EMAIL_ALREADY_VERIFIED": Advice("Nothing needs to be done."),
        "CONTACT_INACTIVE": Advice("Activate the contact first."),
        "TOO_MANY_REQUESTS": WAIT,
        "RATE_LIMITED": WAIT,
        "NOT_FOR_PARTNERS": Advice("Ask the platform to do it."),
        "PERMISSION_NOT_HELD": ASK_ADMINISTRATOR,
        "PERSONAL_DATA_NEEDED": ASK_ADMINISTRATOR,
        "PERMISSION_IMPLIED": Advice("Revoke the stronger permission too."),
        "BEYOND_RESELLER": Advice("Ask the platform to do it."),
        "INVALID_RESELLER": Advice("Name a customer that is in a reseller class, or leave it out."),
        "LAST_ADMINISTRATOR": Advice("Let another user administer access first."),
        "USER_ACTIVE": Advice("Call `disableUser` first."),
        "USER_DISABLED": Advice("Call `enableUser` first, or choose another user."),
        "TOKEN_ENDED": Advice("Issue a new token."),
        "TOO_MANY_TOKENS": Advice("Revoke tokens that are no longer needed."),
    }
)
"""Advice by the code of a user error; each value of `UserErrorCode` must have an entry."""
