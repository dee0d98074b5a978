"""Shows what a link from a confirmation mail does, and does it when the contact confirms (R60)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from models.changes.confirmation_names import names_shown
from models.changes.contact_editing import locked_contact
from models.changes.delivery_changes import noting_deliveries
from models.changes.preference_withdrawal import withdraw
from models.rules.confirmation_link import (
    ConfirmationKind,
    LinkFacts,
    LinkState,
    confirming_link,
    withdrawing_link,
)
from models.rules.delivery import POLICY, DeliveryPolicy
from models.rules.document import Document
from models.rules.preference import NEWEST, PreferenceKind, in_order, preference_at
from models.storage.locks import lock
from models.tables import audit
from models.tables.access import Principal
from models.tables.audit import ActorContext
from models.tables.confirmation import (
    TOKEN,
    Confirmation,
    ConfirmationToken,
    LinkPurpose,
    hash_of,
    new_link,
    token_to_withdraw,
)
from models.tables.contact import Contact
from models.tables.contact_state import note_state
from models.tables.customer import REASON_LENGTH
from models.tables.preference_entry import PreferenceEntry, add_entry

EMAIL_VERIFIED = "contact.email_verified"
THE_CONTACT = "contact"
"""The actor's name in histories when a contact answers by a link; the actor id is the contact's."""

SHOWING = frozenset({LinkState.OPEN, LinkState.DONE})
"""States of a link in which the page that it opens shows names, email address and documents."""


@dataclass(frozen=True, slots=True)
class LinkResult:
    """The result of opening or using a link from a confirmation mail, for the page that it opens.

    `is_new` says that this call made the change; `at` is when the change was made. The contact is
    emailed nothing unless `is_active` and `receives_bills` (R77). A name is None if the principal
    that requested the mail may not see it. `withdraw_token` is the token of the link that withdraws
    the confirmed preference.
    """

    state: LinkState
    kind: ConfirmationKind | None = None
    documents: tuple[Document, ...] = ()
    address: str = ""
    contact_name: str | None = None
    customer_name: str | None = None
    at: datetime | None = None
    is_new: bool = False
    is_active: bool = True
    receives_bills: bool = True
    withdraw_token: str | None = None


@dataclass(slots=True)
class _Found:
    """A link, its confirmation, and the contact who was asked, with their preference history."""

    link: ConfirmationToken
    confirmation: Confirmation
    contact: Contact
    entries: Sequence[PreferenceEntry]


async def is_known(token: str, purpose: LinkPurpose) -> bool:
    """Return whether a link with this token and purpose exists."""
    return await _known(token, purpose) is not None


async def preview_link(token: str, purpose: LinkPurpose, now: datetime) -> LinkResult:
    """Return what using a link would do, without doing it."""
    known = await _known(token, purpose)
    if known is None:
        return LinkResult(LinkState.UNKNOWN)
    confirmation = await Confirmation.get(id=known.confirmation_id)
    contact = await Contact.get(id=confirmation.contact_id)
    described = await _described(await _found(known.id, contact), now)
    if purpose is LinkPurpose.WITHDRAW or described.state is not LinkState.DONE:
        return described
    withdraw_token = token_to_withdraw(token)
    is_offered = await is_known(withdraw_token, LinkPurpose.WITHDRAW)
    return replace(described, withdraw_token=withdraw_token) if is_offered else described


async def use_link(
    token: str,
    purpose: LinkPurpose,
    now: datetime,
    request_id: str,
    policy: DeliveryPolicy = POLICY,
) -> LinkResult:
    """Confirm or withdraw, as the link's purpose says, in the current transaction.

    A link works once. If it cannot be used, nothing changes, and the state of the result says why.
    """
    known = await _known(token, purpose)
    if known is None:
        return LinkResult(LinkState.UNKNOWN)
    contact_id = (await Confirmation.get(id=known.confirmation_id)).contact_id
    found = await _found(known.id, (await lock(Contact, contact_id))[contact_id])
    # The result is computed before the change, because the rows in `found` are outdated after it.
    described = await _described(found, now)
    if described.state is not LinkState.OPEN:
        return await preview_link(token, purpose, now)
    by = Principal(found.contact.id, THE_CONTACT, frozenset())
    act = ActorContext(by, now, request_id, delivery_policy=policy)
    if purpose is LinkPurpose.WITHDRAW:
        await withdraw(act, found.contact)
    elif found.confirmation.kind is ConfirmationKind.EMAIL_VERIFICATION:
        await _verify(act, found)
    else:
        await _confirm_preference(act, found)
        withdraw_token = await _offer_withdrawal(found, token)
        described = replace(described, withdraw_token=withdraw_token)
    found.link.used_at = now
    await found.link.save(update_fields=["used_at"])
    return replace(described, state=LinkState.DONE, at=now, is_new=True)


async def withdraw_preference(
    act: ActorContext, contact_id: str, reason: str | None, expected_version: int | None
) -> Contact:
    """Withdraw a contact's preference for staff, and cancel unanswered requests for one (R63)."""
    checks = act.checks()
    why = checks.optional_text(reason, REASON_LENGTH, "reason", has_lines=True)
    contact = await checks.conclude(locked_contact(contact_id, expected_version, "contactId"))
    await withdraw(act, contact, why)
    return contact


async def _known(token: str, purpose: LinkPurpose) -> ConfirmationToken | None:
    if not TOKEN.fullmatch(token):
        return None
    return await ConfirmationToken.get_or_none(hash=hash_of(token), purpose=purpose)


async def _found(link_id: int, contact: Contact) -> _Found:
    """Read the rows that a link refers to.

    They cannot change until the commit if the caller has locked the contact.
    """
    link = await ConfirmationToken.get(id=link_id)
    confirmation = await Confirmation.get(id=link.confirmation_id)
    entries = await PreferenceEntry.filter(contact_id=contact.id)
    return _Found(link, confirmation, contact, entries)


def _state(found: _Found, now: datetime) -> LinkState:
    link, confirmation, contact = found.link, found.confirmation, found.contact
    is_confirming = link.purpose is LinkPurpose.CONFIRM
    needs_verified = is_confirming and confirmation.kind is ConfirmationKind.ATTACHMENT_PREFERENCE
    is_same_address = contact.email == confirmation.email
    if needs_verified and contact.email_verified_at is None:
        is_same_address = False  # the address was changed since, and perhaps changed back (R61)
    facts = LinkFacts(
        expires_at=link.expires_at,
        is_gone=contact.deleted_at is not None,
        is_same_address=is_same_address,
        used_at=confirmation.used_at if is_confirming else link.used_at,
        is_in_force=_is_in_force(found),
        void_reason=confirmation.void_reason,
    )
    return (confirming_link if is_confirming else withdrawing_link)(facts, now)


def _is_in_force(found: _Found) -> bool:
    if found.contact.email != found.confirmation.email:
        return False
    if found.confirmation.kind is ConfirmationKind.EMAIL_VERIFICATION:
        return found.contact.email_verified_at is not None
    preference = preference_at(found.entries, NEWEST)
    return preference.is_confirmed and preference.entry_id == found.confirmation.entry_id


async def _described(found: _Found, now: datetime) -> LinkResult:
    state = _state(found, now)
    confirmation = found.confirmation
    is_confirming = found.link.purpose is LinkPurpose.CONFIRM
    used_at = confirmation.used_at if is_confirming else found.link.used_at
    if state not in SHOWING:
        return LinkResult(state, confirmation.kind, at=used_at)
    contact_name, customer_name = await names_shown(confirmation, found.contact)
    documents = in_order(confirmation.documents)
    if not is_confirming:
        in_force = preference_at(found.entries, NEWEST)
        documents = in_force.documents or documents
    return LinkResult(
        state,
        confirmation.kind,
        documents,
        confirmation.email or "",
        contact_name,
        customer_name,
        used_at,
        is_active=found.contact.is_active,
        receives_bills=found.contact.receives_bills,
    )


async def _verify(act: ActorContext, found: _Found) -> None:
    contact = found.contact
    contact.email_verified_at = act.now
    async with noting_deliveries(act, contact.customer_id, contact.id):
        await contact.save(update_fields=["email_verified_at"])
    await _use(found, act.now)
    await note_state(contact, act.now)
    after = {"confirmation_id": found.confirmation.id}
    await audit.record(
        act, EMAIL_VERIFIED, contact.id, customer_id=contact.customer_id, after=after
    )


async def _confirm_preference(act: ActorContext, found: _Found) -> None:
    contact, confirmation = found.contact, found.confirmation
    async with noting_deliveries(act, contact.customer_id, contact.id):
        entry = await add_entry(
            act,
            contact,
            PreferenceKind.CONFIRMED,
            in_order(confirmation.documents),
            confirmation.email,
        )
    confirmation.entry_id = entry.id
    await _use(found, act.now)


async def _offer_withdrawal(found: _Found, confirming: str) -> str:
    """Store a link that withdraws a confirmed preference; return the link's token.

    The link expires together with the newest link of the confirmation. `confirming` is the token by
    which the contact confirmed.
    """
    in_mails = ConfirmationToken.filter(confirmation_id=found.confirmation.id)
    newest = await in_mails.order_by("-expires_at").first()
    expires_at = (newest or found.link).expires_at
    token = token_to_withdraw(confirming)
    return await new_link(found.confirmation, LinkPurpose.WITHDRAW, expires_at, token)


async def _use(found: _Found, now: datetime) -> None:
    found.confirmation.used_at = now
    await found.confirmation.save(update_fields=["used_at", "entry_id"])
