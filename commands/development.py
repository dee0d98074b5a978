"""What `make run` adds: sample customers, contacts, an import, a link, a token, a first query."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import models
from models.changes.contact_editing import create_contact
from models.changes.customer_editing import create_customer
from models.changes.import_file import FileWriter
from models.changes.import_run import NewImport, request_import
from models.changes.webhook_endpoint_editing import Cipher, save_endpoint
from models.rules.consent import ConsentBasis, ConsentMethod
from models.rules.event_type import EventType
from models.rules.profile import ProfileEntry, ValueSource
from models.storage.database import Database
from models.storage.identifiers import new_import_id
from models.storage.secret_cipher import SecretCipher
from models.tables.access import Principal, Scope, issue_token
from models.tables.audit import ActorContext
from models.tables.customer_import import ImportFormat
from opening import Platform
from settings import ROOT

LIFETIME = timedelta(days=30)

SAMPLES = (
    ("Sandbox Alpha Trading Limited", "COMPANY_UK_LIMITED", "00000101"),
    ("A made-up PLC", "COMPANY_UK_PLC", "00000102"),
    ("A made-up reseller", "RESELLER_UK_COMPANY", "00000106"),
    ("Accounts on paper only", "COMPANY_UK_LIMITED", "00000201"),
    ("Values that a user corrected", "COMPANY_UK_LIMITED", "00000103"),
    ("Alex Sample, sole trader", "SOLE_TRADER", None),
    ("Sam Sample", "RESIDENTIAL", None),
)
"""The sample customers: name, code of a shipped class, and a company number of the sandbox."""

TYPED = {"Values that a user corrected": {"incorporated_on": "2001-02-03", "employees": 20}}
"""Values of the profiles of some sample customers, for which lookups suggest others."""

CONTACTS = {
    "A made-up PLC": (
        {"name": "Priya Sample", "email": "priya@plc.example", "receives_bills": True},
        {"name": "Quinn Sample", "email": "quinn@plc.example", "receives_bills": False},
    ),
    "Sam Sample": ({"name": "Sam Sample", "email": "sam@sample.example", "receives_bills": True},),
}
"""The contacts of some sample customers, by the customer's name."""

CONSENT = {
    "A made-up PLC": {
        "basis": ConsentBasis.TERMS_ACCEPTED,
        "method": ConsentMethod.ONLINE,
        "given_by": "Priya Sample",
        "given_by_role": "Director",
        "document_name": "Terms and Conditions",
        "document_version": "3.2",
        "covers_emailing": True,
        "evidence_reference": "sign-up form, made up",
    }
}
"""The consent of some sample customers, by the customer's name; the others have none."""

FILE = b"""\
name,classCode,contact1.name,contact1.email
Robin Sample,RESIDENTIAL,Robin Sample,robin@sample.example
A made-up charity,CHARITY,Uma Sample,uma at charity.example
,NO_SUCH_CLASS,,
"""
"""A file of customers with faults, which is only checked."""

ENDPOINT = {
    "url": "https://hooks.example.com/customer-classes",
    "description": "A made-up receiver",
    "event_types": [EventType.WEBHOOK_ENDPOINT_DISABLED],
}
"""A webhook endpoint to try mutations with. Its events are rare, so that nothing is sent to it."""

FIRST_QUERY = (
    'mutation { saveCustomer(input: { name: "Sandbox Beta Limited",'
    ' classCode: "COMPANY_UK_LIMITED", companyNumber: "90000001" })'
    " { customer { id enrichment { status } } userErrors { code message } } }"
)


async def development_greeting(platform: Platform, endpoint: str) -> list[str]:
    """Issue a token, add the samples if there are no customers, and return the lines to print.

    `endpoint` is the line about the endpoint. The token is in the fragment of the link, which
    browsers do not send.
    """
    token = await issue_token("Development", frozenset(Scope), platform.clock(), LIFETIME)
    if platform.settings.companies_house_sandbox and not await models.Customer.exists():
        act = ActorContext(
            Principal("development", "Development", frozenset(Scope)),
            platform.clock(),
            f"samples-{uuid4()}",
        )
        cipher = SecretCipher(platform.settings.webhook_key_texts)
        await platform.database.transaction(lambda: add_samples(act, cipher))
        await add_sample_import(platform.database, act)
    settings = platform.settings
    mails = f"Mails {settings.mailbox}" if settings.smtp_url is None else "Mails are sent by SMTP"
    is_built = (ROOT / "build" / "playground" / "index.html").is_file()
    here = settings.links_begin_with
    return [
        endpoint,
        f"Token {token}",
        mails,
        f"First query: {FIRST_QUERY}",
        "",
        f"Playground {here}/playground/#token={token}" if is_built else f"Start page {here}/",
        "",
    ]


async def add_samples(act: ActorContext, cipher: Cipher) -> None:
    """Add the sample customers with their contacts and consent, and the webhook endpoint."""
    for name, code, number in SAMPLES:
        values: dict[str, Any] = {"name": name, "class_code": code, "company_number": number}
        values["profile"] = {
            field: ProfileEntry(
                value=typed, source=ValueSource.USER, retrieved_at=act.now.isoformat()
            )
            for field, typed in TYPED.get(name, {}).items()
        }
        customer = await create_customer(act, values, consent=CONSENT.get(name))
        for contact in CONTACTS.get(name, ()):
            await create_contact(act, customer.id, contact)
    await save_endpoint(act, None, ENDPOINT, None, cipher=cipher, allows_private=False)


async def add_sample_import(database: Database, act: ActorContext) -> None:
    """Add a dry run of an import; it stores no customer."""
    writer = FileWriter(database, new_import_id(), act.now)
    await writer.write(FILE)
    await writer.end()
    wanted = NewImport(
        writer.import_id, ImportFormat.CSV, writer.sha256, writer.byte_count, is_dry_run=True
    )
    await database.transaction(lambda: request_import(act, wanted, None))
