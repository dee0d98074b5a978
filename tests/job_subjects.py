"""What jobs are about: a customer with a lookup, and a contact with a mail."""

from models import Contact, Customer, Job
from models.changes.confirmation_request import request_verification
from models.changes.contact_editing import create_contact
from models.jobs.kinds import CONFIRMATION_MAIL
from models.storage.database import Database
from models.tables.audit import ActorContext
from tests.factories import add_customer


async def looked_up(database: Database, act: ActorContext, number: str = "90000001") -> Customer:
    """Add a customer whose lookup waits."""
    return await add_customer(database, act, "COMPANY_UK_LIMITED", company_number=number)


async def asked(database: Database, act: ActorContext) -> tuple[Contact, Job]:
    """Return a contact who was asked to verify their address, and the job of the mail."""
    customer = await add_customer(database, act)
    values = {"name": "Ann", "email": "ann@example.com"}
    contact = await database.transaction(lambda: create_contact(act, customer.id, values))
    await database.transaction(lambda: request_verification(act, contact.id, None))
    return contact, await Job.get(kind=CONFIRMATION_MAIL)
