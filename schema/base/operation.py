"""How a root field is made: none goes without its permission and its description."""

from collections.abc import Callable
from typing import Any

import strawberry

from schema.base.permissions import Requires


def operation(resolver: Callable[..., Any], permission: Requires, description: str) -> Any:
    """Make a root field."""
    return strawberry.field(resolver=resolver, extensions=[permission], description=description)
