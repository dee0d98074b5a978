"""Who is asking."""

import strawberry


@strawberry.type(description="Who is asking, and what that may do.")
class Viewer:
    """The principal of the request."""

    id: strawberry.ID = strawberry.field(description="The id of the credential.")
    name: str = strawberry.field(description="Its name.")
    scopes: list[str] = strawberry.field(description="What it may do, as `resource:verb`.")
