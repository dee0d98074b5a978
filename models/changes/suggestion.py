"""Offers, accepts and rejects suggestions: register values for fields that a user set (R86)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from models.rules.checks import Checks
from models.rules.errors import RefusalCode, StaleVersion, refuse
from models.rules.profile import ProfileEntry, is_same_value
from models.storage.locks import lock
from models.tables import audit
from models.tables.audit import ActorContext
from models.tables.customer import Customer
from models.tables.customer_class import touch
from models.tables.enrichment import Suggestion, SuggestionStatus
from models.tables.event import owner_of

MAX_RESOLVED = 100
"""Suggestions that one call may accept or reject."""

Paths = Mapping[str, tuple[str, ...]]
"""The ids of suggestions, each with the path of the input that named it."""

CheckVersions = Callable[[Mapping[str, Customer], Mapping[str, Suggestion], Checks], None]
"""Refuses the suggestions' customers that do not have the expected version."""

ExpectedVersions = Sequence[tuple[str, int]]
"""Ids of customers, each with the version that it must have."""


async def suggest_values(
    customer_id: str,
    offered: Mapping[str, ProfileEntry],
    now: datetime,
    kept_fields: Collection[str] = (),
) -> list[Suggestion]:
    """Replace a customer's open suggestions by `offered`, register values by field.

    A value that a user rejected before is not offered again. Suggestions for `kept_fields` stay.
    Returns the new suggestions.
    """
    earlier = await Suggestion.filter(
        customer_id=customer_id,
        status__in=[SuggestionStatus.OPEN, SuggestionStatus.REJECTED],
    )
    settled = set()
    for suggestion in earlier:
        if suggestion.field in kept_fields:
            continue
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
    return [
        await Suggestion.create(
            customer_id=customer_id,
            field=field,
            entry=dict(entry),
            status=SuggestionStatus.OPEN,
            created_at=now,
        )
        for field, entry in offered.items()
        if field not in settled
    ]


async def resolve_suggestion(
    act: ActorContext, status: SuggestionStatus, suggestion_id: str, expected_version: int | None
) -> Suggestion:
    """Accept or reject a suggestion; `status` says which.

    Accepting replaces the user's value by the register's. After a rejection the user's value stays,
    and the same value is not offered again.
    """

    def check(
        customers: Mapping[str, Customer], _: Mapping[str, Suggestion], checks: Checks
    ) -> None:
        for customer in customers.values():
            checks.expect_version(customer, expected_version)

    (suggestion,) = await _settle(act, status, {suggestion_id: ("id",)}, check)
    return suggestion


async def resolve_suggestions(
    act: ActorContext,
    status: SuggestionStatus,
    suggestion_ids: Sequence[str],
    expected: ExpectedVersions,
) -> list[Suggestion]:
    """Accept or reject suggestions of any customers, all or none; return them in the given order.

    A repeated id counts once. The version of a customer rises by one, however many of its
    suggestions are accepted.
    """
    if len(suggestion_ids) > MAX_RESOLVED:
        message = f"You can settle at most {MAX_RESOLVED} suggestions at once."
        raise refuse(RefusalCode.TOO_MANY_ITEMS, message, "ids", limit=MAX_RESOLVED)
    paths: dict[str, tuple[str, ...]] = {}
    for place, suggestion_id in enumerate(suggestion_ids):
        paths.setdefault(suggestion_id, ("ids", str(place)))

    def check(
        customers: Mapping[str, Customer], found: Mapping[str, Suggestion], checks: Checks
    ) -> None:
        _check_versions(customers, expected, checks, are_all_found=len(found) == len(paths))

    return await _settle(act, status, paths, check)


async def _settle(
    act: ActorContext, status: SuggestionStatus, paths: Paths, check: CheckVersions
) -> list[Suggestion]:
    customers, suggestions = await _locked(paths)
    checks = act.checks()
    _check_suggestions(paths, suggestions, status, checks)
    check(customers, suggestions, checks)
    checks.raise_refusals()
    open_ones: dict[str, list[Suggestion]] = {}
    for suggestion_id in paths:
        suggestion = suggestions[suggestion_id]
        if suggestion.status is SuggestionStatus.OPEN:
            open_ones.setdefault(suggestion.customer_id, []).append(suggestion)
    for customer_id, own in open_ones.items():
        if status is SuggestionStatus.ACCEPTED:
            await _accept(act, customers[customer_id], own)
        else:
            await _reject(act, own)
    return [suggestions[suggestion_id] for suggestion_id in paths]


async def _locked(paths: Paths) -> tuple[dict[str, Customer], dict[str, Suggestion]]:
    """Lock suggestions and their customers, and return both by id; unknown ones are left out."""
    owners = await Suggestion.filter(id__in=list(paths)).values_list("customer_id", flat=True)
    # All code locks a customer before the rows that belong to it, to avoid deadlocks.
    customers = await lock(Customer, *(str(owner) for owner in owners))
    return customers, await lock(Suggestion, *paths)


def _check_suggestions(
    paths: Paths,
    suggestions: Mapping[str, Suggestion],
    wanted: SuggestionStatus,
    checks: Checks,
) -> None:
    """Refuse unknown suggestions, and those with another status than OPEN and the wanted one."""
    for suggestion_id, path in paths.items():
        suggestion = suggestions.get(suggestion_id)
        if suggestion is None:
            checks.refuse(RefusalCode.NOT_FOUND, "There is no suggestion with this id.", *path)
        elif suggestion.status not in {SuggestionStatus.OPEN, wanted}:
            checks.refuse(
                RefusalCode.SUGGESTION_SETTLED,
                f"The suggestion has already been {suggestion.status.lower()}.",
                *path,
            )


def _check_versions(
    customers: Mapping[str, Customer],
    expected: ExpectedVersions,
    checks: Checks,
    *,
    are_all_found: bool,
) -> None:
    """Refuse customers at other versions, and those to whom no suggestion belongs.

    The latter only if all suggestions were found: one that was not could be theirs.
    """
    for place, (customer_id, version) in enumerate(expected):
        path = ("expectedVersions", str(place))
        customer = customers.get(customer_id)
        if customer is None and are_all_found:
            message = "No suggestion in `ids` belongs to this customer."
            checks.refuse(RefusalCode.NOT_FOUND, message, *path, "customerId")
        elif customer is not None and customer.version != version:
            (stale,) = StaleVersion(customer, version, customer.version).refusals
            checks.add(replace(stale, path=(*path, "expectedVersion")))


async def _accept(act: ActorContext, customer: Customer, suggestions: Sequence[Suggestion]) -> None:
    before = customer.profile
    offered = {suggestion.field: suggestion.entry for suggestion in suggestions}
    customer.profile = {**before, **offered}
    touch(customer, act.now)
    await customer.save()
    for suggestion in suggestions:
        await _note_settled(act, suggestion, SuggestionStatus.ACCEPTED)
        await audit.record(
            act,
            "suggestion.accepted",
            customer.id,
            before={suggestion.field: before.get(suggestion.field)},
            after={suggestion.field: suggestion.entry},
            owner=owner_of(customer),
            ids={"suggestionId": suggestion.id},
        )


async def _reject(act: ActorContext, suggestions: Sequence[Suggestion]) -> None:
    for suggestion in suggestions:
        await _note_settled(act, suggestion, SuggestionStatus.REJECTED)
        await audit.record(
            act,
            "suggestion.rejected",
            suggestion.customer_id,
            after={"suggestion_id": suggestion.id},
        )


async def _note_settled(
    act: ActorContext, suggestion: Suggestion, status: SuggestionStatus
) -> None:
    suggestion.status = status
    suggestion.settled_at, suggestion.settled_by = act.now, act.principal.name
    await suggestion.save()
