"""Names the routes of requests by the first part of their path, for metrics and traces."""

from observability.metrics import OTHER

GRAPHQL = "/graphql"
ROUTES = frozenset(
    {
        *(GRAPHQL, "/schema.graphql", "/healthz", "/readyz", "/metrics", "/exports", "/imports"),
        *("/confirm", "/withdraw", "/playground", "/docs"),
    }
)
"""First parts of paths that are names; requests to all other paths are OTHER."""


def route_of(path: str) -> str:
    """Return the first part of a path if it is one of ROUTES; otherwise OTHER."""
    first = "/" + path[1:].partition("/")[0]
    return first if first in ROUTES else "/" if path == "/" else OTHER
