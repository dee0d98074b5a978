"""Argument values for a partner's requests: its own ids and numbers, and those of others."""

from collections.abc import Sequence
from typing import Any

from models import CustomerClass
from models.tables.event_feed import read_feed
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

LISTS = (
    *("contacts", "customers", "customerClasses", "customerTemplates", "users", "userGroups"),
    *("accessTokens", "auditTrail", "deliveryExposure", "deprecatedUses", "events"),
    "usage",
    *("webhookEndpoints", "webhookDeliveries"),
)
AUDITED = (
    *("AccessToken", "Contact", "Customer", "CustomerClass", "User", "UserGroup"),
    "WebhookEndpoint",
)


async def supplies_for(world: TwoPartners) -> Supplies:
    """Return the argument values for the rows of a world."""
    charity = await CustomerClass.get(code="CHARITY")
    feed = await read_feed(world.database)
    cursors = {"after": feed.cursor(feed.floor), "before": feed.cursor(feed.newest)}
    own = {
        **_own(world, charity.id),
        **{f"Query.events.{name}": cursor for name, cursor in cursors.items()},
        "Subscription.events.after": cursors["after"],
    }
    return Supplies(own, _tried(world), _BASES, _TOGETHER, HIDDEN)


_BASES: dict[str, Sequence[Sequence[str]]] = {
    "Query.contact": [["id"], ["externalReference"]],
    "Query.customer": [["id"], ["externalReference"]],
    "Query.customerClass": [["code"]],
    "Customer.deliveryPreview": [["assuming"]],
    "SaveCustomerInput": [["id"], ["name", "classCode"]],
    "SaveContactInput": [["id"], ["name", "customerId"]],
    "SaveCustomerRow": [["id"], ["name", "classCode"]],
    "SaveContactRow": [["id"], ["name", "customerId"]],
    "SaveCustomerClassInput": [["name"]],
    "SaveCustomerTemplateInput": [["name"]],
    "SavePlatformDefaultsInput": [["classId"]],
    "EnrichmentTarget": [["customerId"]],
    "SaveWebhookEndpointInput": [["id"], ["url"]],
    "RedeliverWebhooksInput": [["deliveryIds"], ["endpointId", "fromAt", "untilAt"]],
}
_TOGETHER = {
    **{f"Query.{name}.before": ["last"] for name in LISTS},
    **{f"{kind}.auditTrail.before": ["last"] for kind in AUDITED},
    "CustomerClass.customers.before": ["last"],
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
        "replacementId": class_id,
        "classIds": [class_id, customer.customer_class_id],
        **{f"Query.{name}.id": ours.ids[prefix] for name, prefix in FETCHED.items()},
        **{f"{act}SuggestionInput.id": ours.ids["sug"] for act in ("Accept", "Reject")},
        **{f"{act}SuggestionsInput.ids": [ours.ids["sug"]] for act in ("Accept", "Reject")},
        "customerIds": [customer.id],
        **{f"{act}ContactInput.id": ours.ids["con"] for act in ("Save", "Delete")},
        "SaveContactRow.id": ours.ids["con"],
        **{f"{act}CustomerTemplateInput.id": ours.ids["tpl"] for act in ("Save", "Delete")},
        **{f"{act}CustomerClassInput.id": class_id for act in CLASS_ACTS},
        **{f"{act}UserInput.id": ours.ids["usr"] for act in ("Save", "Disable", "Enable")},
        **{f"{act}UserGroupInput.id": ours.ids["grp"] for act in ("Save", "Delete")},
        **{f"{act}AccessTokenInput.id": ours.ids["tok"] for act in ("Rotate", "Revoke")},
        **{f"{act}WebhookEndpointInput.id": ours.ids["whe"] for act in ("Save", "Delete", "Ping")},
        "RotateWebhookSecretInput.id": ours.ids["whe"],
        "endpointId": ours.ids["whe"],
        "deliveryIds": [ours.ids["whd"]],
        "CancelImportInput.id": ours.ids["imp"],
        "Subscription.importProgressed.id": ours.ids["imp"],
        "userId": ours.ids["usr"],
        "addUserIds": [ours.ids["usr"]],
        "removeUserIds": [ours.ids["usr"]],
        "granteeId": ours.ids["usr"],
        "groupId": ours.ids["grp"],
        "memberId": ours.ids["usr"],
        "credentialId": ours.ids["tok"],
        "resellerId": world.reseller.id,
    }
    return {
        **ids,
        **{word: f"{ours.word} {word}" for word in WORDS},
        "query": "long" * 50,  # Too long for a search at the register, whose data is public.
        "url": "https://new.ourword.example/in",
        "eventTypes": ["CUSTOMER_CREATED"],
        "outcomes": ["DELIVERED"],
        "code": "CHARITY",
        "classCode": "CHARITY",
        "classCodes": ["CHARITY"],
        "accountNumber": customer.account_number,
        "companyNumber": customer.company_number,
        "idempotencyKey": ours.text("new key"),
        "email": "new@ourword.example",
        "displayClass": "ours",
        "CreateExportInput.filter": {"isReseller": False},
        "evidenceSha256": "a" * 64,
        "knownHash": "a" * 64,
        "assuming": {"isNonItemisedRequested": False},
        "subjectId": customer.id,
        "actorId": ours.ids["tok"],
        "requestId": f"request-{ours.word}",
        "operations": ["CUSTOMER_CREATED"],
        "types": ["CUSTOMER_CREATED", "CUSTOMER_ENRICHED"],
        "Query.auditTrail.after": encode_cursor("audit-trail-AT_DESC", (LATER, "aud_1")),
        "Query.auditTrail.before": encode_cursor("audit-trail-AT_DESC", (LATER, "aud_1")),
        **{
            name: cursor
            for kind in AUDITED
            for name, cursor in _both_ways(
                f"{kind}.auditTrail", "object-audit-AT_DESC", LATER, "aud_1"
            ).items()
        },
        "statuses": ["FAILED"],
        "CustomerClassFilter.statuses": ["ACTIVE"],
        "scopes": ["CUSTOMERS_READ"],
        "permissions": ["CUSTOMERS_READ"],
        **_both_ways("Query.contacts", "Contact-CREATED_AT_ASC", ours.ids["con"]),
        **_both_ways("Query.users", "User-NAME_ASC", "a", ours.ids["usr"]),
        **_both_ways("Query.userGroups", "UserGroup-NAME_ASC", "a", ours.ids["grp"]),
        **_both_ways("Query.accessTokens", "AccessToken-CREATED_AT_DESC", ours.ids["tok"]),
        **_both_ways("Query.deprecatedUses", "DeprecatedUse-NEWEST", ours.ids["dpu"]),
        "coordinate": ours.text("coordinate"),
        "credentialId": ours.ids["tok"],
        **_both_ways("Query.webhookEndpoints", "WebhookEndpoint-CREATED_AT_DESC", ours.ids["whe"]),
        **_both_ways(
            "Query.webhookDeliveries", "webhook-deliveries-CREATED_AT_DESC", ours.ids["whd"]
        ),
        **_both_ways("Query.customerTemplates", "CustomerTemplate-NAME_ASC", "a", "tpl_1"),
        "groupBy": ["RESELLER", "CLASS", "CONSENT"],
        "Query.customersOverTime.groupBy": "CLASS",
        "metrics": ["CUSTOMERS", "CONSENT_GIVEN", "CONSENT_WITHDRAWN", "LOOKUPS"],
        "interval": "MONTH",
        "fromOn": "2026-01-01",
        "untilOn": "2027-06-01",
        "Query.usage.untilOn": "2026-12-01",
        "operationName": ours.text("operation"),
        **_both_ways("Query.usage", "Usage-DAY_DESC", "2026-10-01.a"),
        "basis": "WRITTEN_OPT_IN",
        "currency": "GBP",
        "assignable": True,
        "after": encode_cursor("customers-NAME_ASC", (customer.name_key, customer.id)),
        "before": encode_cursor("customers-NAME_ASC", (customer.name_key, customer.id)),
        **_both_ways(
            "Query.customerClasses", "CustomerClass-DISPLAY_POSITION_ASC", 0, "a", class_id
        ),
        "fromAt": START.isoformat(),
        "untilAt": LATER,
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
    *("externalReferences", "customerExternalReference", "parentExternalReference"),
    *("name", "reason", "text", "externalReference", "statement", "givenBy", "givenByRole"),
    *("askedBy", "documentName", "documentVersion", "evidenceReference"),
    *("overrideReason", "careOf", "premises", "poBox", "addressLine1", "addressLine2"),
    *("locality", "region", "postalCode", "country", "description", "externalName"),
    *("issuer", "subject"),
)
"""The names of arguments that accept any text."""

FETCHED = {
    "accessToken": "tok",
    "contact": "con",
    "customerTemplate": "tpl",
    "enrichmentRun": "run",
    "importJob": "imp",
    "suggestion": "sug",
    "user": "usr",
    "userGroup": "grp",
    "webhookEndpoint": "whe",
}
"""By query of a single object: the prefix of its id."""

CLASS_ACTS = ("Save", "Retire", "Reactivate", "Delete")
LATER = "2027-01-01T00:00:00+00:00"


def _both_ways(field: str, list_name: str, *key: Any) -> dict[str, str]:
    """Return a cursor of a list, for paging forwards and backwards."""
    cursor = encode_cursor(list_name, key)
    return {f"{field}.after": cursor, f"{field}.before": cursor}


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
    hooks = [pair for pair in every if pair[0][:3] in {"whe", "whd"}]
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
        **_each(("customerId", "customerIds", "parentId", "contactId"), people),
        **_each(("templateId", "entryId"), [*few, *entries]),
        **_each(("classId", "replacementId", "classIds"), few),
        **_each(("userId", "groupId", "memberId", "resellerId", "granteeId"), staff),
        **_each(("endpointId", "deliveryIds"), hooks),
        "subjectId": every,
        "actorId": [*staff, (f"tok_{theirs.word.lower()}", "tok_nobody")],
        "credentialId": staff,
        "coordinate": word(theirs.text("coordinate")),
        "requestId": word(f"request-{theirs.word}"),
        **_each(("addUserIds", "removeUserIds"), staff[:1]),
        "accountNumber": [(one.account_number, f"no {one.id[:20]}") for one in theirs.customers],
        "companyNumber": [(customer.company_number, "07999999")],
        **_each(
            (
                *("externalReference", "externalReferences"),
                *("customerExternalReference", "parentExternalReference"),
            ),
            word(str(customer.external_reference)),
        ),
        "text": [*word(theirs.word), (name.split()[1], "limitid")][:1],
        "name": word(name),
        "operationName": word(theirs.text("operation")),
        "idempotencyKey": word(theirs.text(f"key {customer.id}")),
        "email": [(f"{theirs.ids['cus']}@{theirs.word.lower()}.example", "x@nowhere.example")],
        "knownHash": [(f"{0:064x}", f"{1:064x}")],
        "Query.customers.after": places,
        "Query.customers.before": places,
        "CustomerClass.customers.after": [place("class-customers-NAME_ASC", key)],
        "CustomerClass.customers.before": [place("class-customers-NAME_ASC", key)],
        "Query.deliveryExposure.after": exposure,
        "Query.deliveryExposure.before": exposure,
    }
