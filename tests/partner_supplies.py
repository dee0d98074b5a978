"""Argument values for a partner's requests: its own ids and numbers, and those of others."""

from collections.abc import Sequence
from typing import Any

from models import CustomerClass
from schema.base.pagination import encode_cursor
from tests.clock import START
from tests.partner_world import TwoPartners, unknown_id
from tests.schema_walk import Supplies

HIDDEN = frozenset(
    {"CustomerClass.deletability", "CustomerClass.retirability", "CustomerClass.auditTrail"}
)
"""Fields that are refused to every partner."""

NOWHERE = "Zznowhere"
"""A word that occurs in no row; as long as the word of the other realm."""

Pairs = list[tuple[Any, Any]]


async def supplies_for(world: TwoPartners) -> Supplies:
    """Return the argument values for the rows of a world."""
    charity = await CustomerClass.get(code="CHARITY")
    own = _own(world, charity.id)
    return Supplies(own, _tried(world), _BASES, _TOGETHER, HIDDEN)


_BASES: dict[str, Sequence[Sequence[str]]] = {
    "Query.customer": [["id"]],
    "Query.customerClass": [["code"]],
    "Customer.deliveryPreview": [["assuming"]],
    "SaveCustomerInput": [["id"], ["name", "classCode"]],
    "SaveContactInput": [["id"], ["name", "customerId"]],
    "SaveCustomerClassInput": [["name"]],
    "SaveCustomerTemplateInput": [["name"]],
    "SavePlatformDefaultsInput": [["customerClassId"]],
    "RequestEnrichmentInput": [["customerId"]],
}
_TOGETHER = {
    "Query.customers.before": ["last"],
    "Query.auditTrail.before": ["last"],
}


def _own(world: TwoPartners, class_id: str) -> dict[str, Any]:
    ours = world.ours
    customer = next(one for one in ours.customers if one.id == ours.ids["cus"])
    ids = {
        "id": customer.id,
        "ids": sorted({customer.id, *ours.ids.values()}),
        "customerId": customer.id,
        "contactId": ours.ids["con"],
        "RequestEmailVerificationInput.contactId": ours.ids["unverified"],
        "entryId": ours.ids["cns"],
        "parentId": world.reseller.id,
        "templateId": ours.ids["tpl"],
        "classId": class_id,
        "customerClassId": class_id,
        "replacementId": class_id,
        "classIds": [class_id, customer.customer_class_id],
        **{f"{act}SuggestionInput.id": ours.ids["sug"] for act in ("Accept", "Reject")},
        **{f"{act}ContactInput.id": ours.ids["con"] for act in ("Save", "Delete")},
        **{f"{act}CustomerTemplateInput.id": ours.ids["tpl"] for act in ("Save", "Delete")},
        **{f"{act}CustomerClassInput.id": class_id for act in CLASS_ACTS},
        **{f"{act}UserInput.id": ours.ids["usr"] for act in ("Save", "Disable", "Enable")},
        **{f"{act}UserGroupInput.id": ours.ids["grp"] for act in ("Save", "Delete")},
        **{f"{act}AccessTokenInput.id": ours.ids["tok"] for act in ("Rotate", "Revoke")},
        "userId": ours.ids["usr"],
        "addUserIds": [ours.ids["usr"]],
        "removeUserIds": [ours.ids["usr"]],
        "granteeId": ours.ids["usr"],
        "groupId": ours.ids["grp"],
        "resellerId": world.reseller.id,
    }
    return {
        **ids,
        **{word: f"{ours.word} {word}" for word in WORDS},
        "query": "long" * 50,  # Too long for a search at the register, whose data is public.
        "code": "CHARITY",
        "classCode": "CHARITY",
        "classCodes": ["CHARITY"],
        "accountNumber": customer.account_number,
        "companyNumber": customer.company_number,
        "idempotencyKey": ours.text("new key"),
        "email": "new@ourword.example",
        "displayClass": "ours",
        "evidenceSha256": "a" * 64,
        "knownHash": "a" * 64,
        "assuming": {"isNonItemisedRequested": False},
        "subjectId": customer.id,
        "actorId": ours.ids["tok"],
        "requestId": f"request-{ours.word}",
        "operations": ["customer.created"],
        "Query.auditTrail.after": encode_cursor("audit-trail", (LATER, "aud_1")),
        "Query.auditTrail.before": encode_cursor("audit-trail", (LATER, "aud_1")),
        "statuses": ["FAILED"],
        "scopes": ["customers:read"],
        "permissions": ["customers:read"],
        "Query.users.after": encode_cursor("users", ("a", ours.ids["usr"])),
        "Query.userGroups.after": encode_cursor("user-groups", ("a", ours.ids["grp"])),
        "Query.accessTokens.after": encode_cursor("access-tokens", (ours.ids["tok"],)),
        "basis": "WRITTEN_OPT_IN",
        "currency": "GBP",
        "assignable": True,
        "after": encode_cursor("customers-NAME_ASC", (customer.name_key, customer.id)),
        "before": encode_cursor("customers-NAME_ASC", (customer.name_key, customer.id)),
        "Query.customerClasses.after": encode_cursor("customer-classes", (0, "a", class_id)),
        "from": START.isoformat(),
        "to": LATER,
        "first": 50,
        "last": 50,
        "ID": customer.id,
        "Int": 1,
        "Boolean": True,
        "DateTime": START.isoformat(),
        "Date": "2026-01-01",
        "Decimal": "1.50",
    }


WORDS = (
    *("name", "reason", "text", "externalReference", "statement", "givenBy", "givenByRole"),
    *("askedBy", "documentName", "documentVersion", "evidenceReference", "withdrawalReason"),
    *("overrideReason", "careOf", "premises", "poBox", "addressLine1", "addressLine2"),
    *("locality", "region", "postalCode", "country", "description", "externalName"),
    *("issuer", "subject"),
)
"""The names of arguments that accept any text."""

CLASS_ACTS = ("Save", "Retire", "Reactivate", "Delete")
LATER = "2027-01-01T00:00:00+00:00"


def _each(names: Sequence[str], pairs: Pairs) -> dict[str, Sequence[tuple[Any, Any]]]:
    return {name: pairs for name in names}  # noqa: C420  # sharing one list is intended


def _tried(world: TwoPartners) -> dict[str, Sequence[tuple[Any, Any]]]:
    """Return pairs: a value that identifies others' data, a control that identifies nothing."""
    theirs = world.theirs
    above, *_, below, _ = theirs.customers
    ids = {*theirs.ids.values(), above.id, below.id}
    every: Pairs = [(one, unknown_id(one.partition("_")[0])) for one in sorted(ids)]
    few = [pair for pair in every if pair[0] in {theirs.ids[one] for one in ("cus", "con", "tpl")}]
    people = [pair for pair in every if pair[0][:3] in {"cus", "con"}]
    staff = [pair for pair in every if pair[0][:3] in {"usr", "grp", "tok", "cus"}]
    entries = [pair for pair in every if pair[0].startswith("cns")]
    customer = next(one for one in theirs.customers if one.id == theirs.ids["cus"])
    key, name = customer.name_key, customer.name

    def word(text: str) -> Pairs:
        return [(text, text.replace(theirs.word, NOWHERE))]

    def place(list_name: str, *parts: str) -> tuple[Any, Any]:
        unknown = unknown_id("cus")
        return (
            encode_cursor(list_name, (*parts[:1], customer.id, *parts[1:])),
            encode_cursor(list_name, (*parts[:1], unknown, *parts[1:])),
        )

    period = f"exposure-{START.isoformat()}-{LATER}"
    exposure = [
        (
            encode_cursor(period, (customer.id, theirs.ids["con"], START.isoformat())),
            encode_cursor(period, (customer.id, unknown_id("con"), START.isoformat())),
        )
    ]
    places = [place("customers-NAME_ASC", key)]
    return {
        **_each(("id", "ids"), every),
        **_each(("customerId", "parentId", "contactId"), people),
        **_each(("templateId", "entryId"), [*few, *entries]),
        **_each(("classId", "customerClassId", "replacementId", "classIds"), few),
        **_each(("userId", "groupId", "resellerId", "granteeId"), staff),
        "subjectId": every,
        "actorId": [*staff, (f"tok_{theirs.word.lower()}", "tok_nobody")],
        "requestId": word(f"request-{theirs.word}"),
        **_each(("addUserIds", "removeUserIds"), staff[:1]),
        "accountNumber": [(one.account_number, f"no {one.id[:20]}") for one in theirs.customers],
        "companyNumber": [(customer.company_number, "07999999")],
        "externalReference": word(str(customer.external_reference)),
        "text": [*word(theirs.word), (name.split()[1], "limitid")][:1],
        "name": word(name),
        "idempotencyKey": word(theirs.text(f"key {customer.id}")),
        "email": [(f"{theirs.ids['cus']}@{theirs.word.lower()}.example", "x@nowhere.example")],
        "knownHash": [(f"{0:064x}", f"{1:064x}")],
        "Query.customers.after": places,
        "Query.customers.before": places,
        "CustomerClass.customers.after": [place("class-customers", key)],
        "Query.deliveryExposure.after": exposure,
    }
