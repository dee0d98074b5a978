"""Tokens, scopes and ids: what callers may do, and the errors for callers who may not."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from strawberry.utils.str_converters import to_camel_case

from models import AccessToken, Customer, Suggestion
from models.tables.access import Scope, issue_token
from models.tables.enrichment import SuggestionStatus
from tests.clock import Clock
from tests.completeness import assert_complete
from tests.databases import Databases
from tests.graphql_client import Api, counted_statements, running_api, stored
from tests.mutations import GRANT
from tests.permissions_of_fields import PERMISSIONS

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIEWER = "{ viewer { name scopes credential { actorId } } }"
SOME_ID = "cus_01h455vb4pex5vsknk084sn02q"

CALLS = {
    "viewer": VIEWER,
    "node": f'{{ node(id: "{SOME_ID}") {{ id }} }}',
    "nodes": f'{{ nodes(ids: ["{SOME_ID}"]) {{ id }} }}',
    "customer_class": '{ customerClass(code: "CHARITY") { id } }',
    "customer_classes": "{ customerClasses { totalCount } }",
    "customer": f'{{ customer(id: "{SOME_ID}") {{ id }} }}',
    "customers": "{ customers { totalCount } }",
    "contacts": "{ contacts { totalCount } }",
    "import_job": f'{{ importJob(id: "{SOME_ID}") {{ id }} }}',
    "imports": "{ imports { totalCount } }",
    "job": f'{{ job(id: "{SOME_ID}") {{ id }} }}',
    "jobs": "{ jobs { totalCount } }",
    "customer_templates": "{ customerTemplates { totalCount } }",
    **{
        name: f'{{ {to_camel_case(name)}(id: "{SOME_ID}") {{ id }} }}'
        for name in (
            *("customer_template", "contact", "suggestion", "enrichment_run"),
            *("user", "user_group", "access_token", "webhook_endpoint"),
        )
    },
    "platform_defaults": "{ platformDefaults { version } }",
    "enrichment_backlog": "{ enrichmentBacklog { waitingCount } }",
    "company_search": '{ companySearch(query: "xy") { name } }',
    "delivery_exposure": """{ deliveryExposure(
        fromAt: "2026-01-01T00:00:00Z", untilAt: "2027-01-01T00:00:00Z") { nodes { reason } } }""",
    "delivery_rules": "{ deliveryRules { version } }",
    "consent_evidence": f'{{ consentEvidence(customerId: "{SOME_ID}") {{ customerId }} }}',
    "verify_consent_ledger": f'{{ verifyConsentLedger(customerId: "{SOME_ID}") {{ isIntact }} }}',
    "consent_advisory_counts": "{ consentAdvisoryCounts { customerCount } }",
    "customer_report": "{ customerReport(groupBy: [CLASS]) { customerCount } }",
    "customers_over_time": """{ customersOverTime(metrics: [CUSTOMERS], interval: MONTH,
        fromOn: "2026-01-01", untilOn: "2027-01-01") { metric } }""",
    "permissions": "{ permissions { code } }",
    "users": "{ users { totalCount } }",
    "user_groups": "{ userGroups { totalCount } }",
    "access_tokens": "{ accessTokens { totalCount } }",
    "deprecated_uses": "{ deprecatedUses { totalCount } }",
    "usage": '{ usage(fromOn: "2026-01-01", untilOn: "2026-02-01") { totalCount } }',
    "audit_trail": "{ auditTrail { totalCount } }",
    "webhook_endpoints": "{ webhookEndpoints { totalCount } }",
    "webhook_deliveries": "{ webhookDeliveries { totalCount } }",
    "events": "{ events { newestCursor } }",
    "event_types": "{ eventTypes { name } }",
}
INPUTS = {
    "cancel_import": f'id: "{SOME_ID}"',
    "retry_jobs": f'ids: ["{SOME_ID}"]',
    "discard_jobs": f'ids: ["{SOME_ID}"]',
    "pause_jobs": "kind: ENRICH",
    "resume_jobs": "kind: ENRICH",
    "save_customer_class": 'name: "Mine"',
    "retire_customer_class": f'id: "{SOME_ID}", reason: "x"',
    "reactivate_customer_class": f'id: "{SOME_ID}"',
    "delete_customer_class": f'id: "{SOME_ID}"',
    "save_customer_template": 'name: "Mine"',
    "delete_customer_template": f'id: "{SOME_ID}"',
    "save_platform_defaults": "classId: null",
    "save_customers": 'rows: { name: "Acme", classCode: "CHARITY" }',
    "save_contacts": f'rows: {{ customerId: "{SOME_ID}", name: "Ann" }}',
    "record_consents": f"""rows: {{ customerId: "{SOME_ID}", basis: WRITTEN_OPT_IN, method: PAPER,
        givenBy: "Ann", evidenceReference: "file" }}""",
    "save_customer": 'name: "Acme", classCode: "CHARITY"',
    "change_customer_class": f'customerId: "{SOME_ID}", classId: "{SOME_ID}", reason: "x"',
    "delete_customer": f'id: "{SOME_ID}"',
    "save_contact": f'customerId: "{SOME_ID}", name: "Ann"',
    "delete_contact": f'id: "{SOME_ID}"',
    "erase_contact": f'id: "{SOME_ID}"',
    "request_email_verification": f'contactId: "{SOME_ID}"',
    "request_attachment_preference": f'contactId: "{SOME_ID}"',
    "withdraw_attachment_preference": f'contactId: "{SOME_ID}"',
    "request_enrichment": f'target: {{ customerId: "{SOME_ID}" }}',
    "restart_enrichments": "dryRun: true",
    "accept_suggestion": f'id: "{SOME_ID}"',
    "reject_suggestion": f'id: "{SOME_ID}"',
    "accept_suggestions": f'ids: ["{SOME_ID}"]',
    "reject_suggestions": f'ids: ["{SOME_ID}"]',
    "record_consent": f'customerId: "{SOME_ID}", basis: WRITTEN_OPT_IN, givenBy: "Ann",'
    ' method: PAPER, evidenceReference: "file"',
    "withdraw_consent": f'customerId: "{SOME_ID}"',
    "correct_consent": f'entryId: "{SOME_ID}", reason: "x"',
    "request_non_itemised_bills": f'customerId: "{SOME_ID}"',
    "withdraw_non_itemised_bills_request": f'customerId: "{SOME_ID}"',
    "save_user": 'name: "Uma"',
    "disable_user": f'id: "{SOME_ID}"',
    "enable_user": f'id: "{SOME_ID}"',
    "save_user_group": 'name: "Clerks"',
    "delete_user_group": f'id: "{SOME_ID}"',
    "change_group_members": f'groupId: "{SOME_ID}"',
    "grant_permissions": f'granteeId: "{SOME_ID}", permissions: [CUSTOMERS_READ]',
    "revoke_permissions": f'granteeId: "{SOME_ID}", permissions: [CUSTOMERS_READ]',
    "issue_access_token": f'userId: "{SOME_ID}", name: "x", scopes: [ACCESS_READ]',
    "rotate_access_token": f'id: "{SOME_ID}"',
    "revoke_access_token": f'id: "{SOME_ID}"',
    "create_export": "kind: EVENTS, format: CSV",
    "erase_actor_names": f'actorId: "{SOME_ID}", reason: "x"',
    "save_webhook_endpoint": 'url: "https://hooks.example/in"',
    "rotate_webhook_secret": f'id: "{SOME_ID}"',
    "delete_webhook_endpoint": f'id: "{SOME_ID}"',
    "ping_webhook_endpoint": f'id: "{SOME_ID}"',
    "redeliver_webhooks": f'deliveryIds: ["{SOME_ID}"]',
}
SUBSCRIPTIONS = {"customer_enriched", "contact_confirmed", "import_progressed"}
IMPLIED = {
    Scope.CUSTOMER_CLASSES_WRITE: {Scope.CUSTOMER_CLASSES_READ},
    Scope.CUSTOMER_CLASSES_ADMINISTER: {
        Scope.CUSTOMER_CLASSES_READ,
        Scope.CUSTOMER_CLASSES_WRITE,
    },
    Scope.CUSTOMERS_WRITE: {Scope.CUSTOMERS_READ},
    Scope.CONTACTS_WRITE: {Scope.CONTACTS_READ},
    Scope.CONSENT_WRITE: {Scope.CONSENT_READ},
    Scope.ACCESS_ADMINISTER: {Scope.ACCESS_READ},
    Scope.WEBHOOKS_WRITE: {Scope.WEBHOOKS_READ},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(databases: Databases) -> AsyncIterator[Api]:
    """Yield an application that all tests of this module share."""
    async with running_api(databases, Clock()) as started:
        yield started


def call(field: str) -> str:
    """Return a document that selects one root field."""
    if field in CALLS:
        return CALLS[field]
    first, *rest = field.split("_")
    name = first + "".join(part.capitalize() for part in rest)
    return f"mutation {{ {name}(input: {{ {INPUTS[field]} }}) {{ userErrors {{ code }} }} }}"


async def test_each_root_field_is_for_those_who_hold_one_of_its_scopes(api: Api) -> None:
    """R93: tries each scope on each field; a refused request changes nothing."""
    asked = CALLS.keys() | INPUTS.keys()
    assert_complete(
        "CALLS and INPUTS in tests/schema/base/test_permissions.py",
        asked,
        PERMISSIONS.keys() - SUBSCRIPTIONS,
        "a document of the query to CALLS, or an input of the mutation to INPUTS",
    )
    for scope in Scope:
        token = await api.token_for(scope)
        held = {scope} | IMPLIED.get(scope, set())
        before = await stored()
        for field in sorted(asked):
            wanted = PERMISSIONS[field]
            if not wanted or wanted & held:
                if field not in INPUTS:
                    body = await api.answer(call(field), token=token)
                    codes = {e["extensions"]["code"] for e in body.get("errors", ())}
                    assert "FORBIDDEN" not in codes, (scope, field)
                continue
            error = await api.error(call(field), token=token)
            assert error["extensions"]["code"] == "FORBIDDEN", (scope, field)
            assert set(error["extensions"]["requiredScopes"]) == {one.name for one in wanted}
            assert await stored() == before


CHOSEN = {"create_export": Scope.CUSTOMERS_READ}
"""The scope that a mutation of several needs for the input of this test."""


async def test_the_scope_that_is_named_is_enough_for_each_mutation(api: Api) -> None:
    """R93, A20."""
    for field in INPUTS:
        scope = CHOSEN.get(field) or min(PERMISSIONS[field])
        body = await api.answer(call(field), token=await api.token_for(scope))
        assert "errors" not in body, (field, body)
    await Customer.filter(name="Acme").update(erased_at=api.clock())


async def test_a_token_of_no_scope_may_ask_who_it_is_and_nothing_else(api: Api) -> None:
    token = await api.token_for(name="Nobody much")
    row = await AccessToken.get(name="Nobody much")
    data = await api.data(VIEWER, token=token)
    named = {"name": "Nobody much", "scopes": [], "credential": {"actorId": row.id}}
    assert data == {"viewer": named}
    everything = [field for field, scopes in PERMISSIONS.items() if scopes]
    for field in everything:
        if field not in SUBSCRIPTIONS:
            assert (await api.error(call(field), token=token))["extensions"]["code"] == "FORBIDDEN"


async def test_the_viewer_has_the_scopes_that_were_given(api: Api) -> None:
    token = await api.token_for(Scope.CUSTOMERS_WRITE, Scope.ENRICHMENT_RUN, name="Two")
    viewer = (await api.data(VIEWER, token=token))["viewer"]
    assert viewer["scopes"] == ["CUSTOMERS_WRITE", "ENRICHMENT_RUN"]


async def test_a_token_opens_nothing_once_it_has_expired_or_was_revoked(api: Api) -> None:
    """R95."""
    lifetime = timedelta(hours=1)
    token = await issue_token("Short", frozenset(Scope), api.clock(), lifetime)
    assert (await api.post(VIEWER, token=token)).status_code == 200
    start = api.clock.now
    api.clock.advance(lifetime - timedelta(microseconds=1))
    assert (await api.post(VIEWER, token=token)).status_code == 200
    api.clock.advance(timedelta(microseconds=1))
    assert (await api.post(VIEWER, token=token)).status_code == 401
    api.clock.now = start
    assert (await api.post(VIEWER, token=token)).status_code == 200
    await api.change_tokens("Short", revoked_at=start)
    assert (await api.post(VIEWER, token=token)).status_code == 401


async def test_garbage_for_a_token_is_not_signed_in(api: Api) -> None:
    """R95."""
    garbage = [
        "ccl_",
        api.token + "x",
        api.token[:-1],
        api.token.upper(),
        "' OR 1=1 --",
        "x" * 5000,
        "%00",
        "tok_1 tok_2",
    ]
    for token in garbage:
        response = await api.post(VIEWER, token=token)
        assert (response.status_code, token) == (401, token)
    raw = await api.http.post(
        "/graphql",
        json={"query": VIEWER},
        headers=[(b"Authorization", b"Bearer \xff\xfe\xe9")],
    )
    assert raw.status_code == 401


async def test_the_scheme_is_read_whatever_its_case(api: Api) -> None:
    for scheme in ("bearer", "BEARER"):
        response = await api.http.post(
            "/graphql",
            json={"query": VIEWER},
            headers={"Authorization": f"{scheme} {api.token}"},
        )
        assert response.status_code == 200


async def test_it_is_noted_when_a_token_was_last_used_to_the_minute(api: Api) -> None:
    token = await api.token_for(name="Watched")

    async def last_used() -> object:
        return (await AccessToken.get(name="Watched")).last_used_at

    assert await last_used() is None
    first = api.clock.now
    await api.data(VIEWER, token=token)
    assert await last_used() == first
    api.clock.advance(timedelta(seconds=59))
    await api.data(VIEWER, token=token)
    assert await last_used() == first
    later = api.clock.advance(timedelta(seconds=1))
    await api.data(VIEWER, token=token)
    assert await last_used() == later


async def test_who_reads_customers_sees_and_picks_classes_without_seeing_to_them(
    api: Api,
) -> None:
    """R94."""
    own = await api.save_class("id version", name="No longer picked")
    customer = await api.save_customer(classId=own["id"])
    charity = await api.class_of("CHARITY")
    await api.done(
        "retireCustomerClass", "", id=own["id"], replacementId=charity["id"], reason="Old"
    )
    token = await api.token_for(Scope.CUSTOMERS_WRITE)
    read = """
      query($id: ID) {
        customer(id: $id) {
          customerClass { name isAssignable } labels classHistory { from { name } to { name } }
        }
      }
    """
    data = await api.data(read, token=token, id=customer["id"])
    assert data["customer"] == {
        "customerClass": {"name": "Charity", "isAssignable": True},
        "labels": [],
        "classHistory": [
            {"from": None, "to": {"name": "No longer picked"}},
            {"from": {"name": "No longer picked"}, "to": {"name": "Charity"}},
        ],
    }
    listed = """query($s: [ClassStatus!]) {
      customerClasses(filter: { statuses: $s }) { totalCount nodes { name } } }"""
    everybody = (await api.data(listed, s=None))["customerClasses"]
    choices = (None, ["ACTIVE"])
    picked = [(await api.data(listed, token=token, s=s))["customerClasses"] for s in choices]
    assert picked[0] == picked[1]
    assert "No longer picked" in {node["name"] for node in everybody["nodes"]}
    assert "No longer picked" not in {node["name"] for node in picked[0]["nodes"]}
    retired = (await api.data(listed, token=token, s="RETIRED"))["customerClasses"]
    assert retired == {"totalCount": 0, "nodes": []}
    added = await api.do(
        "saveCustomer", "customer { name }", token=token, name="Picked", classCode="CHARITY"
    )
    assert added == {"customer": {"name": "Picked"}, "userErrors": []}


async def test_fields_that_see_to_classes_or_customers_need_their_own_scope(api: Api) -> None:
    """R93: also below other fields."""
    customer = await api.save_customer()
    customers = await api.token_for(Scope.CUSTOMERS_READ)
    classes = await api.token_for(Scope.CUSTOMER_CLASSES_READ)
    guarded = (
        "deletability { isAllowed }",
        "retirability { isAllowed }",
        "auditTrail { totalCount }",
    )
    for field in guarded:
        document = f"query($id: ID) {{ customer(id: $id) {{ customerClass {{ {field} }} }} }}"
        error = await api.error(document, token=customers, id=customer["id"])
        assert error["extensions"]["requiredScopes"] == ["CUSTOMER_CLASSES_READ"]
    document = '{ customerClass(code: "CHARITY") { customers { totalCount } } }'
    error = await api.error(document, token=classes)
    assert error["extensions"]["requiredScopes"] == ["CUSTOMERS_READ"]
    document = '{ customerClass(code: "CHARITY") { deletability { isAllowed } } }'
    await api.data(document, token=classes)


async def test_what_is_not_for_everybody_is_read_for_those_it_is_for(api: Api) -> None:
    """R93: regardless of other callers who send the same document before or after."""
    customer = await api.save_customer()
    await api.do("saveContact", "contact { id }", customerId=customer["id"], name="Ann")
    tokens = (
        await api.token_for(Scope.CUSTOMERS_READ),
        await api.token_for(Scope.CUSTOMERS_READ, Scope.CONTACTS_READ),
    )
    document = "{ customers { nodes { id contacts { name customer { id } } } } }"
    for token in (*tokens, *tokens):
        with counted_statements() as seen:
            answer = await api.answer(document, token=token)
        if token == tokens[0]:
            nodes = answer["data"]["customers"]["nodes"]
            assert {"id": customer["id"], "contacts": None} in nodes
            needed = [error["extensions"]["requiredScopes"] for error in answer["errors"]]
            assert needed == [["CONTACTS_READ"]] * len(nodes)
            paths = [error["path"] for error in answer["errors"]]
            assert paths == [["customers", "nodes", n, "contacts"] for n in range(len(nodes))]
            assert not any('"contact"' in statement for statement in seen)
        else:
            nodes = answer["data"]["customers"]["nodes"]
            contacts = [{"name": "Ann", "customer": {"id": customer["id"]}}]
            assert {"id": customer["id"], "contacts": contacts} in nodes


async def test_what_is_made_for_everybody_shows_to_some_what_is_theirs(api: Api) -> None:
    """R93: the entries behind a flag, and names in a preview, need a separate scope."""
    customer = await api.save_customer()
    await api.do("saveContact", "contact { id }", customerId=customer["id"], name="Ann")
    await api.do(
        "recordConsent",
        "entry { id }",
        customerId=customer["id"],
        **GRANT,
    )
    tokens = (
        await api.token_for(Scope.CUSTOMERS_READ),
        await api.token_for(Scope.CUSTOMERS_READ, Scope.CONTACTS_READ, Scope.CONSENT_READ),
    )
    consent = """query ($id: ID) { customer(id: $id) {
      consent { isGiven entry { givenBy } } nonItemisedBills { isRequested entry { id } } } }"""
    preview = """query ($id: ID) { customer(id: $id) {
      deliveryPreview { contacts { name email isActive } } } }"""
    for token in (*tokens, *tokens):
        flags = await api.answer(consent, token=token, id=customer["id"])
        shown = await api.answer(preview, token=token, id=customer["id"])
        if token == tokens[1]:
            assert flags["data"]["customer"] == {
                "consent": {"isGiven": True, "entry": {"givenBy": "Ann"}},
                "nonItemisedBills": {"isRequested": False, "entry": None},
            }
            (contact,) = shown["data"]["customer"]["deliveryPreview"]["contacts"]
            assert contact == {"name": "Ann", "email": None, "isActive": True}
            continue
        assert flags["data"]["customer"] == {
            "consent": {"isGiven": True, "entry": None},
            "nonItemisedBills": {"isRequested": False, "entry": None},
        }
        needed = [error["extensions"]["requiredScopes"] for error in flags["errors"]]
        assert needed == [["CONSENT_READ"]] * 2
        assert shown["errors"][0]["extensions"]["requiredScopes"] == ["CONTACTS_READ"]
    history = "query ($id: ID) { customer(id: $id) { consentHistory { statement } } }"
    with counted_statements() as seen:
        error = await api.error(history, token=tokens[0], id=customer["id"])
    assert error["extensions"]["requiredScopes"] == ["CONSENT_READ"]
    assert not any("consent_entry" in statement for statement in seen)


async def test_a_node_of_every_type_is_found_by_its_id(api: Api) -> None:
    customer = await api.save_customer(name="Node")
    template = await api.done("saveCustomerTemplate", "customerTemplate { id }", name="Node")
    suggestion = await Suggestion.create(
        customer_id=customer["id"],
        field="employees",
        entry={"value": 5, "source": "SANDBOX"},
        status=SuggestionStatus.OPEN,
        created_at=api.clock(),
    )
    charity = await api.class_of("CHARITY")
    ids = [
        customer["id"],
        charity["id"],
        template["customerTemplate"]["id"],
        suggestion.id,
        SOME_ID,
        "nonsense",
        "",
        "cls_",
        "job_01h455vb4pex5vsknk084sn02q",
        customer["id"],
    ]
    many = """
      query($ids: [ID!]!) {
        nodes(ids: $ids) {
          __typename id
          ... on Customer { name } ... on CustomerClass { name } ... on CustomerTemplate { name }
          ... on Suggestion { field value { source ... on CountValue { value } } }
        }
      }
    """
    found = (await api.data(many, ids=ids))["nodes"]
    assert found[:4] == [
        {"__typename": "Customer", "id": ids[0], "name": "Node"},
        {"__typename": "CustomerClass", "id": ids[1], "name": "Charity"},
        {"__typename": "CustomerTemplate", "id": ids[2], "name": "Node"},
        {
            "__typename": "Suggestion",
            "id": ids[3],
            "field": "EMPLOYEES",
            "value": {"source": "SANDBOX", "value": 5},
        },
    ]
    assert found[4:] == [None] * 5 + [found[0]]
    one = "query($id: ID!) { node(id: $id) { __typename id } }"
    for given, node in zip(ids, found, strict=True):
        wanted = None if node is None else {"__typename": node["__typename"], "id": given}
        assert (await api.data(one, id=given))["node"] == wanted


async def test_what_the_scopes_do_not_show_is_not_found(api: Api) -> None:
    """R95."""
    customer = await api.save_customer(name="Hidden")
    charity = await api.class_of("CHARITY")
    ids = [customer["id"], charity["id"]]
    many = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename } }"
    seen = {
        (Scope.CUSTOMERS_READ,): ["Customer", "CustomerClass"],  # the customer's class is visible
        (Scope.CUSTOMER_CLASSES_READ,): [None, "CustomerClass"],
        (Scope.ENRICHMENT_RUN,): [None, None],
        (): [None, None],
    }
    for scopes, names in seen.items():
        token = await api.token_for(*scopes)
        nodes = (await api.data(many, token=token, ids=ids))["nodes"]
        assert [node and node["__typename"] for node in nodes] == names


async def test_a_deleted_customer_is_found_nowhere(api: Api) -> None:
    """R95."""
    customer = await api.save_customer(name="Gone", accountNumber="GONE-1")
    await api.done("deleteCustomer", "deletedId", id=customer["id"])
    document = """
      query($id: ID!, $number: String) {
        node(id: $id) { id } nodes(ids: [$id]) { id }
        byId: customer(id: $id) { id } byNumber: customer(accountNumber: $number) { id }
        customers(filter: { text: "GONE-1" }) { totalCount }
      }
    """
    assert await api.data(document, id=customer["id"], number="GONE-1") == {
        "node": None,
        "nodes": [None],
        "byId": None,
        "byNumber": None,
        "customers": {"totalCount": 0},
    }


async def test_more_nodes_than_the_limit_are_refused(api: Api) -> None:
    many = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    assert (await api.data(many, ids=["x"] * 100))["nodes"] == [None] * 100
    error = await api.error(many, ids=["x"] * 101)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
