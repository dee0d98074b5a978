"""Input and payload of the mutation that erases names from the audit trail."""

import strawberry

from schema.base.mutation_fields import MutationPayload, dry_run


@strawberry.input(
    description="The user or access token whose name to erase from the audit trail. A user must be"
    " disabled first. For a user, the stored name and email address are erased too, and in audit"
    " entries about the user all reasons and all values that contain the name or email address. The"
    " user's id at the identity provider and the names of their tokens are kept."
)
class EraseActorNamesInput:
    """There is no expected version, because no other mutation changes audit entries."""

    actor_id: strawberry.ID = strawberry.field(
        description="The id of the user, or of the access token."
    )
    reason: str = strawberry.field(
        description="Why the name is erased, 1 to 1000 characters; kept in the audit trail."
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of erasing an actor's name.")
class EraseActorNamesPayload(MutationPayload):
    erased_entry_count: int = strawberry.field(
        default=0,
        description="The number of audit entries in which the actor's name was replaced by"
        " `(erased)`.",
    )
