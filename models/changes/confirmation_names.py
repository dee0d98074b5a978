"""Which names a confirmation's mail, and the page behind its links, may show."""

from models.tables.confirmation import Confirmation
from models.tables.contact import Contact
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass


async def names_shown(
    confirmation: Confirmation, contact: Contact
) -> tuple[str | None, str | None]:
    """Return the names of the contact and of its customer; None for a name that must not be shown.

    The requester may have entered an email address of their own, and would then read the mail. So
    if personal data is masked for the requester, only names that the API shows them are returned.
    """
    customer = await Customer.get(id=contact.customer_id)
    if not confirmation.is_requester_masked:
        return contact.name, customer.name
    flags = (await CustomerClass.get(id=customer.customer_class_id)).flags
    return None, None if flags.is_legal_individual else customer.name
