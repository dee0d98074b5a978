"""Texts about error codes: the meaning of each, what a client should do, whether to retry."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

NO = "no"
LATER = "yes, after `retryAfterSeconds`"
SMALLER = "Send a smaller request, or split it into several."


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
            "The HTTP request or WebSocket message cannot be read: its method, headers, JSON or"
            " parameters are wrong.",
            "Correct the client; the message says what is wrong.",
        ),
        "BAD_USER_INPUT": ErrorMeaning(
            "A field has an argument whose value is not allowed, such as a damaged cursor, or a"
            " page size beyond the maximum; or variables have values of the wrong types, which"
            " `faults` lists with variable, path and code.",
            "Correct the argument of the field at `path`, or the variables.",
        ),
        "COMPANIES_HOUSE_UNAVAILABLE": ErrorMeaning(
            "Companies House cannot be searched at present, because it does not answer or refuses"
            " requests.",
            "Save the customer without a search, or search again later.",
            "yes, after `retryAfterSeconds` if it is not null",
        ),
        "CURSOR_EXPIRED": ErrorMeaning(
            "Events after the cursor were deleted, or the database was restored to an earlier"
            " state, so going on could miss events.",
            "List your objects anew, and then follow the feed from `newestCursor` of the error. To"
            " read what is left of the feed, use `oldestCursor`.",
            "yes, from one of these cursors",
        ),
        "DOCUMENT_NOT_TRUSTED": ErrorMeaning(
            "This server runs only registered documents, and the request's document is not"
            " registered.",
            "Ask the server's operator to register the document.",
        ),
        "FORBIDDEN": ErrorMeaning(
            "The caller lacks a permission for the field at `path`; `requiredScopes` names the"
            " permissions, of which one is enough. Some fields are not available to partners at"
            " all.",
            "Use a token with the permission, or do not select the field.",
        ),
        "FRAGMENTS_TOO_DEEP": _too_much("Fragments of the document are nested too deeply."),
        "IDEMPOTENCY_IN_PROGRESS": ErrorMeaning(
            "A request with the same idempotency key is running now, so this one did nothing.",
            "Wait, then send the same request with the same key, to get its result.",
            LATER,
        ),
        "IDEMPOTENCY_KEY_CONFLICT": ErrorMeaning(
            "A mutation has two idempotency keys, or two mutations of the request have the same"
            " one; or the header and the directive have different keys.",
            "Send one key for each mutation, by the header or by the directive.",
        ),
        "IDEMPOTENCY_KEY_INVALID": ErrorMeaning(
            "An idempotency key is empty, too long or has characters that are not allowed; or the"
            " header is sent twice.",
            "Send a key of 1 to 255 visible ASCII characters, such as a UUID.",
        ),
        "IDEMPOTENCY_KEY_MISPLACED": ErrorMeaning(
            "`@idempotent` is on a field that is not a mutation; or the header is in a request that"
            " does not have exactly one mutation.",
            "Put `@idempotent` on the fields of the mutation, and the header on requests with one"
            " mutation.",
        ),
        "IDEMPOTENCY_KEY_REUSED": ErrorMeaning(
            "The caller used the idempotency key for another request, so this one did nothing.",
            "Use a new key for each new request, and the same key only to repeat a request.",
        ),
        "IMPORT_RUNNING": ErrorMeaning(
            "An earlier import from a file by the same user or partner has not ended; one runs at a"
            " time.",
            "Wait until the earlier import has ended, or cancel it by `cancelImport`.",
            "yes, when the earlier import has ended",
        ),
        "INTERNAL_ERROR": ErrorMeaning(
            "A fault in the server. If `path` is that of a mutation, the change was not stored. If"
            " `path` is below a mutation, the change was stored. Without `path`, it is not known"
            " whether a change was stored.",
            "Look at the data to see whether a change was stored, then report the `requestId`.",
            "once, for queries",
        ),
        "INTROSPECTION_DISABLED": ErrorMeaning(
            "The server's operator has turned introspection (queries of the schema) off.",
            "Use the schema file of your release.",
        ),
        "INVALID_OPERATION": ErrorMeaning(
            "The document is not valid GraphQL, or does not fit the schema.",
            "Correct the document; `locations` says where.",
        ),
        "LIST_TOO_LONG": _too_much("A list or an object in an argument has too many entries."),
        "NOT_FOUND": ErrorMeaning(
            "The URL does not exist on this server; or the object does not exist, or the caller may"
            " not see it.",
            "Check the URL and the id in it.",
        ),
        "OVERLOADED": ErrorMeaning(
            "Too many requests of all callers together are waiting. Nothing was done.",
            "Wait, then send the same request.",
            LATER,
        ),
        "PERSISTED_QUERY_NOT_FOUND": ErrorMeaning(
            "The server does not know a document with the hash in the request, or no longer does.",
            "Send the document's text together with the hash.",
            "yes, with the text",
        ),
        "QUERY_TOO_COSTLY": _too_much("The operation costs more points than one request may."),
        "QUERY_TOO_DEEP": _too_much("The operation has too many levels of fields."),
        "RATE_LIMITED": ErrorMeaning(
            "The caller has used up one of their limits: points, waiting requests, searches, or"
            " failed sign-ins from their network address. Nothing was done.",
            "Wait, then send the same request. Send fewer requests at once.",
            LATER,
        ),
        "REQUEST_TOO_LARGE": _too_much(
            "The body of the request, or the WebSocket message, has too many bytes."
        ),
        "SELECTION_TOO_WIDE": _too_much("One selection of the operation has too many fields."),
        "SIGN_IN_UNAVAILABLE": ErrorMeaning(
            "The caller's token cannot be checked at present, because the identity provider's keys"
            " cannot be fetched.",
            "Wait, then send the same request.",
            LATER,
        ),
        "TIMEOUT": ErrorMeaning(
            "The query took too long, or the request waited too long to be started. A mutation with"
            " this error was not started.",
            "Request less data at once.",
            "yes, later, or with a smaller query",
        ),
        "TOO_MANY_ALIASES": _too_much("The operation has too many aliases."),
        "TOO_MANY_COMPARISONS": ErrorMeaning(
            "The operation selects too many fields under the same response name, so comparing them"
            " takes too long.",
            "Give the fields different aliases, or select them once.",
        ),
        "TOO_MANY_DIRECTIVES": _too_much(
            "The operation, or one field or fragment in it, has too many directives."
        ),
        "TOO_MANY_FIELDS": _too_much(
            "The operation has too many fields, those in fragments included."
        ),
        "TOO_MANY_ROOT_FIELDS": _too_much("The operation has too many root fields."),
        "TOO_MANY_SUBSCRIPTIONS": ErrorMeaning(
            "Too many operations run on this WebSocket, or on all WebSockets of this user or"
            " partner together.",
            "Complete another operation on a WebSocket first.",
            "yes, once another operation has ended",
        ),
        "TOO_MANY_TOKENS": _too_much("The document has too many lexical tokens."),
        "UNAUTHENTICATED": ErrorMeaning(
            "The request has no valid token: the token is missing, unknown, expired or revoked, or"
            " its user is disabled.",
            "Send a valid token: an access token that you were issued, or a new one from the"
            " identity provider. The same token will be refused again.",
        ),
        "UNAVAILABLE": ErrorMeaning(
            "The database cannot serve the request; `reason` says why. Nothing was done, unless"
            " `outcomeUnknown` is true.",
            "Wait, then send the same request. With `outcomeUnknown`, look at the data first.",
            LATER,
        ),
        "VALUE_TOO_DEEP": _too_much("Lists and objects in an argument are nested too deeply."),
        "VARIABLES_TOO_LARGE": _too_much("The variables of the request contain too many values."),
    }
)
"""Texts by the code of a top-level error; each member of `ErrorCode` must have an entry."""

FILL_IN = Advice("Show the message at the input field that `path` names.")
CHOOSE_CLASS = Advice("Choose another class.")
ASK_ADMINISTRATOR = Advice("Ask a user who has the permission to make the change.")
WAIT = Advice("Wait, then send the same request.", LATER)

USER_ERRORS: Mapping[str, Advice] = MappingProxyType(
    {
        "REQUIRED": FILL_IN,
        "BLANK": FILL_IN,
        "TOO_LONG": FILL_IN,
        "CONTROL_CHARACTERS": FILL_IN,
        "BAD_FORMAT": FILL_IN,
        "OUT_OF_RANGE": FILL_IN,
        "IN_THE_FUTURE": FILL_IN,
        "TOO_PRECISE": FILL_IN,
        "TOO_MANY_DIGITS": FILL_IN,
        "UNSUPPORTED_CURRENCY": FILL_IN,
        "VALUE_NOT_ALLOWED": Advice("Offer the values in `allowedValues`."),
        "TOO_FEW_ITEMS": FILL_IN,
        "TOO_MANY_ITEMS": Advice("Send at most `limit` entries in one request."),
        "DUPLICATE_ITEM": FILL_IN,
        "CONTRADICTORY_VALUES": Advice("Send only one of the two fields."),
        "NOT_APPLICABLE": Advice("Leave the field at `path` out."),
        "CANNOT_CHANGE": Advice("Leave the field at `path` out, or create another object."),
        "NOT_FOUND": Advice("Read the object or its list again; the object may have been deleted."),
        "ALREADY_EXISTS": Advice("Choose another name or number, or edit the existing object."),
        "VERSION_CONFLICT": Advice(
            "Read the object in the payload, apply the change to it, and send its version.",
            "yes, with the new version",
        ),
        "ADMINISTER_REQUIRED": ASK_ADMINISTRATOR,
        "INVALID_DISPLAY_CLASS": FILL_IN,
        "CONTRADICTORY_FLAGS": Advice(
            "Turn off `checkCompaniesHouse`, or the flags `isPersonalCustomer` and `isSoleTrader`."
        ),
        "SHIPPED_CLASS_PROTECTED": Advice(
            "To change the class, send `overrideReason`, or add a class of your own instead. Retire"
            " the class instead of deleting it."
        ),
        "CLASS_HAS_BEEN_USED": Advice("Retire the class instead of deleting it."),
        "CLASS_REFERENCED": Advice("Change the template or the platform default first."),
        "CLASS_HAS_CUSTOMERS": Advice("Send `replacementId`, the class to move the customers to."),
        "CLASS_RETIRED": CHOOSE_CLASS,
        "REPLACEMENT_IS_SAME_CLASS": CHOOSE_CLASS,
        "CLASS_REQUIRED": Advice("Send `classId` or `classCode`."),
        "CLASS_CHANGE_NEEDS_REASON": Advice("Call `changeCustomerClass` with a reason."),
        "INVALID_COMPANY_NUMBER": FILL_IN,
        "INVALID_PARENT": Advice("Choose another customer, in a class for resellers."),
        "CUSTOMER_HAS_CHILDREN": Advice(
            "Give the customers that buy through this customer another parent first."
        ),
        "ENRICHMENT_NOT_APPLICABLE": Advice(
            "Move the customer to a class that is checked at Companies House."
        ),
        "NEEDS_COMPANY_NUMBER": Advice(
            "Save a company number with the customer; `companySearch` finds companies by name."
        ),
        "SUGGESTION_SETTLED": Advice("Read the customer's suggestions again."),
        "AFFIRMATION_REQUIRED": Advice(
            "Let the user affirm that the document covers emailing, and send `isEmailingCovered:"
            " true`."
        ),
        "IDEMPOTENCY_KEY_REUSED": Advice("Use a new key for each different request."),
        "CONSENT_ENTRY_CORRECTED": Advice(
            "Correct the newest correction of the entry instead; `hint` names its id."
        ),
        "CONSENT_NOT_EDITABLE": Advice("Call `recordConsent` or `withdrawConsent`."),
        "INVALID_EMAIL": FILL_IN,
        "EMAIL_MISSING": Advice("Save an email address with the contact first."),
        "EMAIL_NOT_VERIFIED": Advice("Call `requestEmailVerification` first."),
        "EMAIL_ALREADY_VERIFIED": Advice("Nothing needs to be done."),
        "CONTACT_INACTIVE": Advice("Make the contact active first."),
        "TOO_MANY_REQUESTS": WAIT,
        "RATE_LIMITED": WAIT,
        "NOT_FOR_PARTNERS": Advice("Ask the platform's staff to make the change."),
        "PERMISSION_NOT_HELD": ASK_ADMINISTRATOR,
        "PERSONAL_DATA_NEEDED": ASK_ADMINISTRATOR,
        "PERMISSION_IMPLIED": Advice("Also revoke the permission that includes this one."),
        "BEYOND_RESELLER": Advice("Ask the platform's staff to make the change."),
        "INVALID_RESELLER": Advice(
            "Send the id of a customer in a class for resellers, or leave `resellerId` out."
        ),
        "LAST_ADMINISTRATOR": Advice("Grant `access:administer` to another user first."),
        "USER_ACTIVE": Advice("Call `disableUser` first."),
        "USER_LIMIT": Advice("Disable users who are no longer needed."),
        "USER_DISABLED": Advice("Call `enableUser` first, or choose another user."),
        "TOKEN_ENDED": Advice("Issue a new token."),
        "URL_NOT_HTTPS": FILL_IN,
        "URL_HAS_CREDENTIALS": Advice(
            "Put what identifies you to your server into the path, or rely on the signature."
        ),
        "URL_NOT_PUBLIC": Advice("Send a URL whose host has a public DNS name."),
        "WEBHOOK_ENDPOINT_LIMIT": Advice("Delete webhook endpoints that are no longer needed."),
        "WEBHOOK_ENDPOINT_INACTIVE": Advice(
            "Call `saveWebhookEndpoint` with `isActive: true` first."
        ),
        "SECRET_JUST_ROTATED": WAIT,
        "NOT_REDELIVERABLE": Advice("Leave the delivery out, and fetch the object from the API."),
        "JOB_NOT_CHANGEABLE": Advice("Read the message, and leave the job out."),
        "ACCESS_TOKEN_LIMIT": Advice("Revoke tokens that are no longer needed."),
    }
)
"""Advice by the code of a user error; each value of `UserErrorCode` must have an entry."""
