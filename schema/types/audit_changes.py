"""What erases names from the audit trail: input and payload."""

import strawberry

from schema.base.user_error import UserError


@strawberry.input(
    description="Whose name is to be erased from the audit trail. A user, who must be disabled,"
    " also loses its stored name and address, and entries about it lose the values that tell them,"
    " and all reasons. What its provider calls it stays, and so do the names of its tokens."
)
class EraseActorNamesInput:
    """An input; entries have no version, as nothing else of them changes."""

    actor_id: strawberry.ID = strawberry.field(description="The id of a user, or of a credential.")
    reason: str = strawberry.field(description="Why, 1 to 1000 characters; kept in the trail.")
    dry_run: bool | None = strawberry.field(
        default=False, description="Do everything but keep nothing."
    )


@strawberry.type(description="What erasing somebody's name did.")
class EraseActorNamesPayload:
    """A payload."""

    erased_entry_count: int = strawberry.field(
        default=0, description="Entries whose names are `(erased)` now."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )
