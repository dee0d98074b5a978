"""Filters, orders and pages of lists of contacts."""

from datetime import datetime

import strawberry

from models.lists.contact_list import ContactFilter as Wanted
from models.lists.contact_list import ContactOrder
from models.rules.email_address import InvalidEmailError, normalise_email
from models.rules.errors import RefusalCode
from schema.base.connection import BoundedConnection
from schema.base.context import Info
from schema.base.descriptions import described_enum
from schema.base.personal import refuse_masked
from schema.types.contact import Contact
from schema.types.filter_values import (
    filled,
    instant_field,
    periods_of,
    refuse_too_many,
    refused_condition,
)

ContactSort = described_enum(
    ContactOrder,
    "ContactSort",
    "The order of a list of contacts.",
    {
        "CREATED_AT_ASC": "By time of creation, oldest first.",
        "CREATED_AT_DESC": "By time of creation, newest first.",
        "CHANGED_AT_ASC": "By time of the last change, oldest first.",
        "CHANGED_AT_DESC": "By time of the last change, newest first.",
    },
)


@strawberry.input(
    description="Conditions on the contacts to list; a contact is listed if they meet all"
    " conditions that are set."
)
class ContactFilter:
    """Conditions on contacts; null does not filter."""

    ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only contacts with one of these ids; at most 500."
    )

    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only contacts of the customer with this id."
    )
    customer_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only contacts of customers with one of these ids; at most 500."
    )
    email: str | None = strawberry.field(
        default=None,
        description="Only contacts with exactly this email address; the domain is compared"
        " regardless of case. Refused for callers who may not see personal data.",
    )
    is_email_verified: bool | None = strawberry.field(
        default=None,
        description="True: only contacts who confirmed that the email address is theirs. False:"
        " only other contacts.",
    )
    is_active: bool | None = strawberry.field(
        default=None, description="True: only active contacts. False: only other contacts."
    )
    created_from_at: datetime | None = instant_field(
        "Only contacts created at or after this date and time"
    )
    created_until_at: datetime | None = instant_field(
        "Only contacts created before this date and time"
    )
    changed_from_at: datetime | None = instant_field(
        "Only contacts whose `changedAt` is at or after this date and time"
    )
    changed_until_at: datetime | None = instant_field(
        "Only contacts whose `changedAt` is before this date and time"
    )
    external_references: list[str] | None = strawberry.field(
        default=None,
        description="Only contacts with exactly one of these external references; at most 500.",
    )


def matching_contacts(info: Info, given: ContactFilter | None) -> Wanted:
    """Return the conditions in the form that lists read.

    Raises RequestRefused if a value cannot be searched for, or may not be by this caller.
    """
    if given is None:
        return Wanted()
    refuse_too_many(given, "ids", "customer_ids", "external_references")
    email = filled(given.email)
    if email is not None:
        refuse_masked(info)
        try:
            email = normalise_email(email.strip())
        except InvalidEmailError as error:
            raise refused_condition("email", RefusalCode.INVALID_EMAIL, str(error)) from error
    return Wanted(
        ids=given.ids,
        customer_id=given.customer_id,
        customer_ids=given.customer_ids,
        email=email,
        is_email_verified=given.is_email_verified,
        is_active=given.is_active,
        periods=periods_of(given, "created", "changed"),
        external_references=given.external_references,
    )


@strawberry.type(description="A page of contacts, in the form of a Relay connection.")
class ContactConnection(BoundedConnection[Contact]):
    # Repeated from the base class: projections need the concrete type, not a type variable.
    nodes: list[Contact] = strawberry.field(description="The contacts of the page.")
