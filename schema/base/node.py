"""The interface of everything that has an id of its own."""

import strawberry


@strawberry.interface(description="Something that can be fetched again by its id.")
class Node:
    """Relay's node."""

    id: strawberry.ID = strawberry.field(
        description="A globally unique id, sortable by time; its prefix names the type."
    )
