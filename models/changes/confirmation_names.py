"""Decides which names a confirmation mail, and the page that its links open, may show."""

from models.tables.confirmation import Confirmation
from models.tables.contact import Contact
from models.tables.customer import Customer
from models.tables.customer_class import CustomerClass


async def names_shown(
    confirmation: Confirmation, contact: Contact
) -> tuple[str | None, str | None]:
    """Return the names of the contact and of their customer; None for one that must not be shown.

    The user who requested the mail may have entered their own email address, and would then get
    the mail. So if that user sees personal data masked, names that the API hides are None.
    """
    customer = await Customer.get(id=contact.customer_id)
    if not confirmation.is_requester_masked:
        return contact.name, customer.name
    flags = (await CustomerClass.get(id=customer.customer_class_id)).flags
    return None, None if flags.is_legal_individual else customer.name
