"""Relay's `Node` interface."""

import strawberry


@strawberry.interface(description="An object that `node(id:)` can fetch by its id.")
class Node:
    id: strawberry.ID = strawberry.field(
        description="The globally unique id of the object. Its prefix shows the object's type, and"
        " ids of one type sort by the time of creation."
    )
