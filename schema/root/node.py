"""Root fields that return any object by its id, and the caller."""

import strawberry

from resolvers import node as node_resolvers
from schema.base.node import Node
from schema.base.operation import operation
from schema.base.permissions import SIGNED_IN
from schema.types.viewer import Viewer


@strawberry.type
class NodeQuery:
    viewer: Viewer | None = operation(
        node_resolvers.viewer,
        SIGNED_IN,
        "The caller: the credential that you sign in with, its user, and your permissions.",
    )
    node: Node | None = operation(
        node_resolvers.node,
        SIGNED_IN,
        "The object with the given id, of any type; null if there is no such object or you may not"
        " see it.",
    )
    nodes: list[Node | None] | None = operation(
        node_resolvers.nodes,
        SIGNED_IN,
        "Objects by their ids, in the order of `ids`; null in place of each object that does not"
        " exist or that you may not see.",
    )
