"""No secret and no call data appears in any output of a complete run (R67, R73)."""

import ast
import re
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType

from models import AccessToken, AuditEntry, ConfirmationToken, Event, Job
from models.tables.access import Scope
from tests.access_world import add_user, issue
from tests.captured_logs import captured_logs
from tests.clock import START, Clock
from tests.databases import Databases
from tests.factories import everything
from tests.graphql_client import Api, running_api, the_schema
from tests.mails import mails_in
from tests.source_modules import MODULES

SAID = {
    *("isPasswordNeeded", "PASSWORD_PROTECTED", "ITEMISED_CALLS"),
    *("rotateWebhookSecret", "oldSecretExpiresAt", "WEBHOOK_SECRET_ROTATED"),
    *("SECRET_JUST_ROTATED", "SECRET_UNREADABLE"),
    "CALLS_DESC",
}
"""Names that mention passwords, secrets or calls without containing any."""

SHOWN_ONCE = {"secret"}
"""The field with a new access token, or the secret of a webhook endpoint, when it is made."""

TELLING = re.compile(
    r"password|passphrase|secret|(?<!in)calls?(?![a-z])|cdr(?!zip|_zip)", re.IGNORECASE
)
PASSWORD = re.compile(r'"\w*(?:password|secret|passphrase)\w*"\s*:\s*"', re.IGNORECASE)
CALL = re.compile(r"(?<![\w.])(?:\+44\d{10}|0[1237]\d{9})(?!\w)")
"""A telephone number, which every line of call data contains."""

PREVIEW = """query($id: ID, $assuming: DeliveryAssumption) { customer(id: $id) {
  consent { isGiven basis } consentHistory { kind statement } nonItemisedBills { isRequested }
  contacts { name email attachmentPreference { isConfirmed } preferenceHistory { kind } }
  auditTrail { nodes { operation before after } }
  deliveryPreview(assuming: $assuming) { difference { document } myAccount { outcome sentence }
    contacts { name email documents { outcome reason sentence entryId isPasswordNeeded
      sections { section contains } remedies { instruction mutation } } } } } }"""
EXPOSURE = """{ deliveryExposure(fromAt: "2026-01-01T00:00:00Z", untilAt: "2027-01-01T00:00:00Z") {
  nodes { reason basis email customer { name } } counts { exposureCount } } }"""


async def run(api: Api) -> None:
    """Use all operations on contacts, consent and delivery once."""
    customer = await api.save_customer(name="Acme")
    given = {"customerId": customer["id"], "name": "Ann", "email": "ann@acme.example"}
    made = await api.done("saveContact", "contact { id }", receivesBills=True, **given)
    contact_id = made["contact"]["id"]
    mailbox = api.platform.settings.mailbox
    await api.done("requestEmailVerification", "", contactId=contact_id)
    await api.work()
    await api.http.post(mails_in(mailbox)[-1].path())
    await api.done("requestAttachmentPreference", "", contactId=contact_id)
    await api.work()
    await api.http.post(mails_in(mailbox)[-1].path())
    await api.done(
        "recordConsent",
        "",
        customerId=customer["id"],
        basis="WRITTEN_OPT_IN",
        method="PAPER",
        givenBy="Pat",
        evidenceReference="folder 7",
    )
    await api.done("requestNonItemisedBills", "", customerId=customer["id"])
    for assuming in (None, {"isConsentGiven": False, "isNonItemisedRequested": False}):
        await api.data(PREVIEW, id=customer["id"], assuming=assuming)
    await api.data(EXPOSURE)
    await api.data("{ deliveryRules { cases { expected { outcome reason } } } }")
    headers = {"Authorization": f"Bearer {api.token}"}
    for path in (
        "/exports/delivery-exposure.csv?fromAt=2026-01-01T00:00:00Z&untilAt=2027-01-01T00:00:00Z",
        f"/exports/consent-evidence.csv?customerId={customer['id']}",
        "/exports/delivery-exposure.csv?fromAt=never",
        "/exports/customer-report.csv?groupBy=RESELLER&groupBy=CONSENT",
    ):
        await api.http.get(path, headers=headers)
    await api.answer(PREVIEW, id=customer["id"], assuming={"contacts": [{"contactId": "x"}]})
    await api.answer("{ nonsense }")
    await api.do("withdrawConsent", "", customerId="cus_nobody")
    await api.done("withdrawConsent", "", customerId=customer["id"])
    await api.done("withdrawAttachmentPreference", "", contactId=contact_id)
    await api.done("deleteCustomer", "", id=customer["id"])


@pytest.mark.parametrize("log_format", ["json", "readable"])
async def test_no_answer_log_event_job_or_audit_entry_holds_a_secret_or_call_data(
    databases: Databases, clock: Clock, log_format: str
) -> None:
    answers: list[tuple[str, str]] = []

    async def keep(response: httpx.Response) -> None:
        await response.aread()
        answers.append((response.request.url.path, response.text))

    with captured_logs(log_format) as written:
        async with running_api(databases, clock) as api:
            api.http.event_hooks["response"].append(keep)
            await run(api)
            links = [
                link.rsplit("/", 1)[1]
                for mail in mails_in(api.platform.settings.mailbox)
                for link in mail.links
            ]
            stored: list[Any] = []
            for table in (Event, Job, AuditEntry, ConfirmationToken, AccessToken):
                stored += await table.all().values()
            token = api.token
    logged = "\n".join(
        line for line in written.getvalue().splitlines() if "HTTP Request:" not in line
    )
    kept = orjson.dumps(stored, default=str).decode()
    # The page of a link contains the link itself, as the target of its form.
    answered = "\n".join(text for path, text in answers if not path.startswith("/confirm/"))
    assert len(links) >= 2
    assert len(answers) > 15
    assert "graphql" in logged
    for place in (answered, logged, kept):
        for secret in (token, *links):
            assert secret not in place
        assert not PASSWORD.search(place)
        assert not CALL.search(place)
    for personal in ("ann@acme.example", "Pat", "folder 7"):
        assert personal not in logged
    assert "ann@acme.example" not in kept


@pytest.mark.parametrize("log_format", ["json", "readable"])
async def test_the_secret_of_a_token_is_in_the_answer_that_issues_it_and_nowhere_else(
    databases: Databases, clock: Clock, log_format: str
) -> None:
    """R93: not in logs, events, the audit trail or any readable field."""
    read = """{ accessTokens { nodes { name shownPrefix scopes
        auditTrail { nodes { before after } } } }
      users { nodes { name accessTokens { name shownPrefix } auditTrail { nodes { after } } } } }"""
    with captured_logs(log_format) as written:
        async with running_api(databases, clock) as api:
            user = await add_user(api, "Uma", Scope.CUSTOMERS_READ)
            issued = await issue(api, user, Scope.CUSTOMERS_READ)
            rotated = await api.done("rotateAccessToken", "secret", id=issued["accessToken"]["id"])
            secrets = [api.token, issued["secret"], rotated["secret"]]
            for secret in secrets:
                await api.answer("{ viewer { name accessTokens { name } } }", token=secret)
            answered = orjson.dumps(await api.data(read)).decode()
            mistaken = """mutation($id: ID!) {
              revokeAccessToken(input: { id: $id }) { userErrors { code } } }"""
            answered += orjson.dumps(await api.answer(mistaken, id=secrets[1])).decode()
            kept = orjson.dumps(await everything(), default=str).decode()
            hashes = [token.hash for token in await AccessToken.all()]
    logged = written.getvalue()
    assert "graphql_refused" in logged or "request" in logged
    for place in (answered, kept, logged):
        for secret in secrets:
            assert secret not in place
            assert secret[len("ccl_") + 8 :] not in place
    assert len(hashes) == len(secrets)
    assert not any(one in answered + logged for one in hashes)


def test_nothing_in_the_schema_could_hold_a_password_or_a_call() -> None:
    """R73: the preview says whether a password is needed, but no field contains one."""
    names = set()
    for kind in the_schema()._schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            names |= kind.fields.keys()
            for field in kind.fields.values():
                names |= getattr(field, "args", {}).keys()
        elif isinstance(kind, GraphQLEnumType):
            names |= kind.values.keys()
    assert {name for name in names if TELLING.search(name)} == SAID | SHOWN_ONCE


def test_the_patterns_find_what_they_look_for() -> None:
    assert PASSWORD.search('{"zipPassword": "hunter2"}')
    assert CALL.search('"dialled":"07700900123"')
    assert CALL.search("+447700900123,60,0.12")
    assert not CALL.search((START + timedelta(days=1)).isoformat())


SECRETS = re.compile(r"(?:^|_)(?:hash|secret|signature|digest|authorization|api_key|token)$")
NO_SECRETS = {
    "models.rules.consent_chain": "hashes of a chain that its readers are shown",
    "models.lists.consent_evidence": "the same",
    "models.changes.consent_ledger": "whether a request is the same again",
    "models.changes.token_issuing": "the row of a token, which holds no secret",
    "models.storage.scope_statement": "the words of a statement",
    "schema.engine.plan.plain": "the parameters of a function",
}
"""Modules that compare values which are named like secrets but are not secret."""


def compared_secrets(code: str) -> list[str]:
    """Return the comparisons with `==` or `in` of a value that is named like a secret."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Compare):
            sides = [
                one.id if isinstance(one, ast.Name) else one.attr
                for side in (node.left, *node.comparators)
                for one in ast.walk(side)
                if isinstance(one, ast.Name | ast.Attribute)
            ]
            is_equality = any(
                isinstance(one, ast.Eq | ast.NotEq | ast.In | ast.NotIn) for one in node.ops
            )
            if is_equality and any(map(SECRETS.search, sides)):
                found.append(ast.unparse(node))
    return found


def test_no_secret_is_compared_in_a_time_that_tells_about_it() -> None:
    """Tokens and links are looked up by hash; other secrets need `hmac.compare_digest`."""
    found = {name: compared_secrets(path.read_text()) for name, path in MODULES.items()}
    assert {name for name, ones in found.items() if ones} == NO_SECRETS.keys()
    assert compared_secrets("if given != self.secret or token == given: pass") == [
        "given != self.secret",
        "token == given",
    ]
    assert compared_secrets("hmac.compare_digest(a, secret)") == []
