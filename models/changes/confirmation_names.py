"""Which names a confirmation's mail, and the page behind its links, may repeat."""

from models.tables.confirmation import Confirmation
from models.tables.contact import Contact
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass


async def names_shown(
    confirmation: Confirmation, contact: Contact
) -> tuple[str | None, str | None]:
    """Return the names of the contact and of its customer; None for one that must not be repeated.

    Whoever asked may have written the email address themselves, and then reads the mail. If they
    were masked, it repeats only what the API shows to callers who are.
    """
    customer = await Customer.get(id=contact.customer_id)
    if not confirmation.is_requester_masked:
        return contact.name, customer.name
    flags = (await CustomerClass.get(id=customer.customer_class_id)).flags
    return None, None if flags.is_legal_individual else customer.name
