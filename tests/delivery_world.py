"""Creates customers with consent, contacts and preferences, using the production code."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from models import Contact, Customer
from models.changes.confirmation_answer import use_link, withdraw_preference
from models.changes.confirmation_request import request_preference, request_verification
from models.changes.consent_recording import record
from models.changes.contact_editing import create_contact, delete_contact, edit_contact
from models.changes.customer_editing import change_class
from models.rules.confirmation_link import LinkState
from models.rules.consent import ConsentBasis, ConsentMethod, EntryKind
from models.rules.document import Document
from models.storage.database import Database
from models.tables.audit import ActorContext
from models.tables.confirmation import Confirmation, LinkPurpose, new_link
from tests.clock import Clock
from tests.factories import add_customer, at, erase, shipped

LINK_LIFE = timedelta(hours=72)

GRANT: Mapping[str, Any] = {
    "basis": ConsentBasis.WRITTEN_OPT_IN,
    "method": ConsentMethod.PAPER,
    "given_by": "Pat Director",
    "evidence_reference": "folder 7",
}


@dataclass
class World:
    """A database, a clock, and an actor with all permissions."""

    database: Database
    clock: Clock
    by: ActorContext

    @property
    def act(self) -> ActorContext:
        """Advance the clock by a second, so that acts have different times; return the context."""
        self.clock.advance(timedelta(seconds=1))
        return at(self.by, self.clock())

    async def customer(self, class_code: str = "CHARITY", **values: Any) -> Customer:
        """Add a customer."""
        return await add_customer(self.database, self.act, class_code, **values)

    async def consent(
        self,
        customer: Customer,
        effective_at: datetime | None = None,
        kind: EntryKind = EntryKind.GRANT,
        **values: Any,
    ) -> str:
        """Add an entry to a customer's consent ledger; return its id."""
        act = self.act
        given = GRANT if kind is EntryKind.GRANT else {}
        recorded = await self.database.transaction(
            lambda: record(
                act,
                customer.id,
                kind,
                {**given, "effective_at": effective_at, **values},
                None,
                None,
            )
        )
        return recorded.entry.id

    async def contact(
        self, customer: Customer, email: str | None = "pat@example.com", **values: Any
    ) -> Contact:
        """Add a contact on the bill list to a customer."""
        act = self.act
        given = {"name": "Pat", "email": email, "receives_bills": True, **values}
        return await self.database.transaction(lambda: create_contact(act, customer.id, given))

    async def edit(self, contact: Contact, **values: Any) -> Contact:
        """Change a contact."""
        act = self.act
        return await self.database.transaction(
            lambda: edit_contact(act, contact.id, None, values, None)
        )

    async def delete(self, contact: Contact) -> None:
        """Delete a contact."""
        act = self.act
        await self.database.transaction(lambda: delete_contact(act, contact.id, None))

    async def verify(self, contact: Contact) -> None:
        """Verify a contact's email address with the link of a mail."""
        act = self.act
        await self.database.transaction(lambda: request_verification(act, contact.id, None))
        await self._follow(contact)

    async def prefer(self, contact: Contact, *documents: Document) -> str:
        """Confirm a preference, by default for all documents; return the id of its entry."""
        await self.ask(contact, *documents)
        return await self._follow(contact)

    async def ask(self, contact: Contact, *documents: Document) -> None:
        """Request that a contact confirms a preference; it is not confirmed."""
        self.clock.advance(timedelta(hours=1))  # requests to a contact are rate-limited
        act = self.act
        await self.database.transaction(
            lambda: request_preference(act, contact.id, documents or None, None)
        )

    async def unprefer(self, contact: Contact) -> None:
        """Withdraw the preference of a contact."""
        act = self.act
        await self.database.transaction(lambda: withdraw_preference(act, contact.id, None, None))

    async def move(self, customer: Customer, class_code: str) -> None:
        """Move a customer to another class."""
        act, row = self.act, await shipped(class_code)
        await self.database.transaction(
            lambda: change_class(act, customer.id, row.id, "Grew", None)
        )

    async def erase(self, customer: Customer) -> None:
        """Erase a customer."""
        await erase(self.database, self.act, customer)

    async def _follow(self, contact: Contact) -> str:
        confirmation = await Confirmation.filter(contact_id=contact.id).order_by("-id").first()
        assert confirmation is not None
        now = self.act.now
        token = await self.database.transaction(
            lambda: new_link(confirmation, LinkPurpose.CONFIRM, now + LINK_LIFE)
        )
        followed = await self.database.transaction(
            lambda: use_link(token, LinkPurpose.CONFIRM, now, "request-2")
        )
        assert followed.state is LinkState.DONE
        await confirmation.refresh_from_db()
        return confirmation.entry_id or ""
