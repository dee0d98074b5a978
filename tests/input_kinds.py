"""The kinds of input fields of mutations, each with wrong values and the errors that they get."""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from graphql import GRAPHQL_MAX_INT, GRAPHQL_MIN_INT

from models.rules.currency import CURRENCIES
from models.rules.permission import Scope
from tests.clock import START

PYTHON = re.compile(
    r"\b(None|True|False|isoformat|Traceback|str|int|dict|NoneType|\w*Error|object at)\b|<class"
)
"""Matches what no message may contain."""

BOUNDS = ("limit", "minimum", "earliest", "latest", "allowedValues")
"""The fields of a user error that say what is allowed."""


class Wrong(NamedTuple):
    """A wrong value, and the user error that it gets; `below` is the error's path in the field."""

    value: Any
    code: str
    bounds: Mapping[str, Any] = MappingProxyType({})
    below: tuple[str, ...] = ()


Kind = Sequence[Wrong]


def text(limit: int, *, is_required: bool = False, has_lines: bool = False) -> Kind:
    """Return the wrong values of a text; `has_lines` allows line breaks."""
    wrong = [
        Wrong("x" * (limit + 1), "TOO_LONG", {"limit": limit}),
        Wrong("a\x07b", "CONTROL_CHARACTERS"),
        Wrong("a\u202eb", "CONTROL_CHARACTERS"),
    ]
    if not has_lines:
        wrong.append(Wrong("a\nb", "CONTROL_CHARACTERS"))
    if is_required:
        wrong += [Wrong("", "BLANK"), Wrong(" \u200b ", "BLANK")]
    return wrong


def number(minimum: int, limit: int) -> Kind:
    """Return the wrong values of a whole number, also those that `Int` cannot express."""
    bounds = {"minimum": minimum, "limit": limit}
    values = (minimum - 1, limit + 1, 10**12, -(10**12), 1e300)
    unread = [Wrong(value, "BAD_FORMAT") for value in ("abc", "12", "", 1.5)]
    return [*(Wrong(value, "OUT_OF_RANGE", bounds) for value in values), *unread]


def instant() -> Kind:
    """Return the wrong values of a date-time from 1970 to 2199."""
    bounds = {
        "earliest": "1970-01-01T00:00:00+00:00",
        "latest": "2199-12-31T23:59:59.999999+00:00",
    }
    malformed = ("2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "tomorrow", "", 7, True)
    outside = ("1969-12-31T23:59:59Z", "2200-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00")
    return [
        *(Wrong(value, "BAD_FORMAT") for value in malformed),
        *(Wrong(value, "OUT_OF_RANGE", bounds) for value in outside),
    ]


def amount() -> Kind:
    """Return the wrong values of an amount of money."""
    return [
        *(Wrong(value, "BAD_FORMAT") for value in ("x", "", "1,000", "NaN", "-Infinity", True)),
        Wrong("0.001", "TOO_PRECISE", {"limit": 2}),
        Wrong("1e15", "TOO_MANY_DIGITS", {"limit": 15}),
        Wrong(1e300, "TOO_MANY_DIGITS", {"limit": 15}),
    ]


MALFORMED_DATES = [Wrong(value, "BAD_FORMAT") for value in ("2025-02-29", "31.3.2026", "", 7)]
PAST_DATE = [
    *MALFORMED_DATES,
    Wrong("0999-12-31", "OUT_OF_RANGE", {"earliest": "1000-01-01", "latest": "2026-10-01"}),
    Wrong("2026-10-02", "IN_THE_FUTURE", {"latest": "2026-10-01"}),
]
CURRENCY = [
    Wrong(value, "UNSUPPORTED_CURRENCY", {"allowedValues": list(CURRENCIES)})
    for value in ("gbp", "UKP", "XXX", "")
]
INT = number(GRAPHQL_MIN_INT, GRAPHQL_MAX_INT)
VERSION = [Wrong(value, "VERSION_CONFLICT") for value in (999, -1, 10**12)]
DRY_RUN_ID = "dryrun:cus_01m8qd2pf9emn86mtrw8xkxnv3"
"""An id of a dry run, which is NOT_FOUND in each field, whatever else is wrong with it."""

IMPOSSIBLE_IDS = ("x" * 33, "x" * 60, DRY_RUN_ID)
"""Ids that are longer than those of stored rows can be."""
ID = [Wrong(value, "NOT_FOUND") for value in ("nope", "cus_nope", "", " ", 7, *IMPOSSIBLE_IDS)]
IDS = [
    *(Wrong([value], "NOT_FOUND", {}, ("0",)) for value in ("nope", *IMPOSSIBLE_IDS)),
    Wrong(["x"] * 101, "TOO_MANY_ITEMS", {"limit": 100}),
]
"""Ids of which unknown ones are ignored."""
PERMISSIONS = [
    Wrong([], "TOO_FEW_ITEMS", {"minimum": 1}),
    Wrong(["CUSTOMERS_READ"] * 100, "TOO_MANY_ITEMS", {"limit": len(Scope)}),
]
EMAIL = [
    Wrong("x" * 250 + "@a.example", "TOO_LONG", {"limit": 254}),
    Wrong("a@b\x07.example", "CONTROL_CHARACTERS"),
    *(Wrong(value, "INVALID_EMAIL") for value in ("nobody", "a@b@c.example", "a b@c.example")),
]
COMPANY_NUMBER = [
    Wrong(value, "INVALID_COMPANY_NUMBER") for value in ("foo", "00000000", "9000001.0", "x" * 999)
]
DISPLAY_CLASS = [*text(100), Wrong("<", "INVALID_DISPLAY_CLASS"), Wrong("2nd", "INVALID_DISPLAY_CLASS")]  # fmt: skip  # noqa: E501
URL = [
    *text(2000, is_required=True),
    Wrong("http://hooks.example/in", "URL_NOT_HTTPS"),
    Wrong("https://me:pass@hooks.example/in", "URL_HAS_CREDENTIALS"),
    Wrong("https://192.0.2.7/in", "URL_NOT_PUBLIC"),
    Wrong("https://localhost/in", "URL_NOT_PUBLIC"),
    Wrong("nonsense", "BAD_FORMAT"),
]
EVENT_TYPES = [Wrong(["CUSTOMER_CREATED"] * 101, "TOO_MANY_ITEMS", {"limit": 100})]
SHA256 = [Wrong(value, "BAD_FORMAT") for value in ("xyz", "a" * 63, "a" * 65)]
STATUSES = [
    Wrong(
        ["FAILED", "PENDING"],
        "VALUE_NOT_ALLOWED",
        {"allowedValues": ["FAILED", "PARTIAL", "NOT_FOUND"]},
    )
]
DOCUMENTS = [Wrong([], "TOO_FEW_ITEMS", {"minimum": 1})]
UNFIT: Sequence[Any] = ([], "x", 1)
EXPORT_FILTER = [
    *(Wrong(value, "BAD_FORMAT") for value in UNFIT),
    *(Wrong({"text": one}, "BAD_FORMAT", {}, ("text",)) for one in ("x" * 201, "\u200b")),
    *(Wrong({one: 1}, "BAD_FORMAT", {}, (one,)) for one in ("nothing", "text", "isReseller")),
    Wrong({"ids": ["x" * 20] * 200}, "TOO_LONG", {"limit": 4_000}),
]
ANY: Kind = ()
"""A boolean, an enum, or an id that only selects rows: every value of its type is accepted."""

assert START.date().isoformat() == "2026-10-01"  # the dates above are seen from here

NAME, REASON = text(200, is_required=True), text(1000, is_required=True, has_lines=True)
OPTIONAL_REASON = text(1000, has_lines=True)

REFERENCE_OF = [Wrong(one, "NOT_FOUND") for one in ("nothing", "x" * 999)]

BY_NAME: dict[str, Kind] = {
    "dryRun": ANY,
    "expectedVersion": VERSION,
    "id": ID,
    "customerId": ID,
    "contactId": ID,
    "classId": ID,
    "parentId": ID,
    "resellerId": ID,
    "userId": ID,
    "groupId": ID,
    "granteeId": ID,
    "actorId": ID,
    "entryId": ID,
    "templateId": ID,
    "replacementId": ID,
    "ids": IDS,
    "customerIds": [*IDS, Wrong([], "TOO_FEW_ITEMS", {"minimum": 1})],
    "deliveryIds": [*IDS, Wrong([], "TOO_FEW_ITEMS", {"minimum": 1})],
    "endpointId": ID,
    "url": URL,
    "eventTypes": EVENT_TYPES,
    "fromAt": instant(),
    "untilAt": instant(),
    "addUserIds": IDS,
    "removeUserIds": IDS,
    "name": NAME,
    "reason": REASON,
    "email": EMAIL,
    "classCode": [Wrong("NOTHING", "NOT_FOUND"), Wrong("", "NOT_FOUND")],
    "companyNumber": COMPANY_NUMBER,
    "accountNumber": text(64, is_required=True),
    "externalReference": text(200),
    "customerExternalReference": REFERENCE_OF,
    "parentExternalReference": REFERENCE_OF,
    "displayClass": DISPLAY_CLASS,
    "displayPosition": INT,
    "overrideReason": text(1000),
    "permissions": PERMISSIONS,
    "scopes": PERMISSIONS,
    "lifetimeDays": number(1, 3650),
    "overlapHours": number(0, 720),
    "documents": DOCUMENTS,
    "issuer": text(255),
    "subject": text(255),
    "description": text(1000, has_lines=True),
    "externalName": text(255),
    "incorporatedOn": PAST_DATE,
    "periodEndOn": MALFORMED_DATES,
    "employees": number(0, 10_000_000),
    "value": amount(),
    "currency": CURRENCY,
    "givenBy": NAME,
    "givenByRole": text(200),
    "askedBy": text(200),
    "evidenceReference": text(500),
    "evidenceSha256": SHA256,
    "documentName": text(200),
    "documentVersion": text(200),
    "statement": text(4000, has_lines=True),
    "effectiveAt": instant(),
    "idempotencyKey": text(200, is_required=True),
    "statuses": STATUSES,
    "finishedFromAt": instant(),
    "finishedUntilAt": instant(),
    **dict.fromkeys(
        (
            *("careOf", "premises", "poBox", "addressLine1", "addressLine2"),
            *("locality", "region", "country"),
        ),
        text(200),
    ),
    "postalCode": [*text(200), Wrong("S\u200bW1A", "CONTROL_CHARACTERS")],
    **dict.fromkeys(
        (
            *("receivesBills", "receivesCorrespondence", "isActive", "isPersonalCustomer"),
            *("isSoleTrader", "isReseller", "checkCompaniesHouse", "isEmailingCovered"),
            "rowPolicy",
            *("revokePreferences", "basis", "method", "kind", "reasons", "onConflict", "outcomes"),
        ),
        ANY,
    ),
}
"""The kind of a field, by its name."""

BY_PLACE: dict[str, Kind] = {
    "CreateExportInput.kind": ANY,
    "CreateExportInput.format": ANY,
    "CreateExportInput.filter": EXPORT_FILTER,
    **{
        f"{kind}.reason": OPTIONAL_REASON
        for kind in (
            *("DisableUserInput", "EnableUserInput", "GrantPermissionsInput"),
            *("RevokePermissionsInput", "RevokeAccessTokenInput", "WithdrawConsentInput"),
            *("RequestNonItemisedBillsInput", "WithdrawNonItemisedBillsRequestInput"),
            "WithdrawAttachmentPreferenceInput",
        )
    },
    "CorrectedConsentFields.reason": OPTIONAL_REASON,
    "SaveWebhookEndpointInput.description": text(200),
    "RedeliverWebhooksInput.eventTypes": ANY,
    "RecordConsentFields.evidenceReference": text(500, is_required=True),
    "RecordConsentInput.evidenceReference": text(500, is_required=True),
    "CorrectedConsentFields.evidenceReference": text(500, is_required=True),
    "RecordConsentRow.evidenceReference": text(500, is_required=True),
}
"""The kind of a field whose name means something else in other inputs, by input and field."""

TABLE = "BY_NAME and BY_PLACE in tests/input_kinds.py"


def kind_of(input_type: str, field: str) -> Kind:
    """Return the kind of an input field."""
    place = f"{input_type}.{field}"
    found = BY_PLACE.get(place, BY_NAME.get(field))
    assert found is not None, f"{TABLE} have no {place}: add the wrong values that it refuses."
    return found
