"""Offers, accepts and rejects suggestions: register values for fields that a user set (R86)."""

from collections.abc import Mapping
from datetime import datetime

from models.changes.customer_editing import locked_customer
from models.rules.errors import RefusalCode, refuse
from models.rules.profile import ProfileEntry, is_same_value
from models.storage.locks import lock
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_class import touch
from models.tables.enrichment import Suggestion, SuggestionStatus


async def offer(customer_id: str, offered: Mapping[str, ProfileEntry], now: datetime) -> None:
    """Replace a customer's open suggestions by register values, by field.

    A value that a user rejected is not offered again.
    """
    earlier = await Suggestion.filter(
        customer_id=customer_id,
        status__in=[SuggestionStatus.OPEN, SuggestionStatus.REJECTED],
    )
    settled = set()
    for suggestion in earlier:
        entry = offered.get(suggestion.field)
        is_same = entry is not None and is_same_value(
            suggestion.field,
            entry,
            ProfileEntry(**suggestion.entry),  # type: ignore[typeddict-item]  # written by us
        )
        if is_same:
            settled.add(suggestion.field)
        elif suggestion.status is SuggestionStatus.OPEN:
            suggestion.status, suggestion.settled_at = SuggestionStatus.WITHDRAWN, now
            await suggestion.save()
    for field, entry in offered.items():
        if field not in settled:
            await Suggestion.create(
                customer_id=customer_id,
                field=field,
                entry=dict(entry),
                status=SuggestionStatus.OPEN,
                created_at=now,
            )


async def accept(
    act: ActorContext, suggestion_id: str, expected_version: int | None
) -> tuple[Suggestion, Customer]:
    """Accept a suggestion: the register's value replaces the user's."""
    suggestion, customer = await _locked(suggestion_id, expected_version)
    if _is_settled(suggestion, SuggestionStatus.ACCEPTED):
        return suggestion, customer
    before = {suggestion.field: customer.profile.get(suggestion.field)}
    customer.profile = {**customer.profile, suggestion.field: suggestion.entry}
    touch(customer, act.now)
    await customer.save()
    await _settle(act, suggestion, SuggestionStatus.ACCEPTED)
    await audit.record(
        act,
        "suggestion.accepted",
        customer.id,
        before=before,
        after={suggestion.field: suggestion.entry},
    )
    return suggestion, customer


async def reject(
    act: ActorContext, suggestion_id: str, expected_version: int | None
) -> tuple[Suggestion, Customer]:
    """Reject a suggestion: the user's value stays, and the same value is not offered again."""
    suggestion, customer = await _locked(suggestion_id, expected_version)
    if _is_settled(suggestion, SuggestionStatus.REJECTED):
        return suggestion, customer
    await _settle(act, suggestion, SuggestionStatus.REJECTED)
    await audit.record(
        act, "suggestion.rejected", customer.id, after={"suggestion_id": suggestion.id}
    )
    return suggestion, customer


async def _locked(suggestion_id: str, expected_version: int | None) -> tuple[Suggestion, Customer]:
    known = await Suggestion.get_or_none(id=suggestion_id)
    if known is None:
        raise refuse(RefusalCode.NOT_FOUND, "There is no such suggestion.", "id")
    # Lock the customer first, as everywhere, to avoid deadlocks.
    customer = await locked_customer(known.customer_id, expected_version)
    suggestion = (await lock(Suggestion, suggestion_id))[suggestion_id]
    return suggestion, customer


def _is_settled(suggestion: Suggestion, wanted: SuggestionStatus) -> bool:
    """Return whether the suggestion has the wanted status; refuses if it has the opposite one."""
    if suggestion.status is wanted:
        return True
    if suggestion.status is not SuggestionStatus.OPEN:
        raise refuse(
            RefusalCode.SUGGESTION_SETTLED,
            f"The suggestion has already been {suggestion.status.lower()}.",
            "id",
        )
    return False


async def _settle(act: ActorContext, suggestion: Suggestion, status: SuggestionStatus) -> None:
    suggestion.status = status
    suggestion.settled_at, suggestion.settled_by = act.now, act.principal.name
    await suggestion.save()
