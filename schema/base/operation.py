"""Makes root fields, each with its permission and its description."""

from collections.abc import Callable
from typing import Any

import strawberry

from schema.base.permissions import Requires


def operation(resolver: Callable[..., Any], permission: Requires, description: str) -> Any:
    """Return a root field."""
    return strawberry.field(resolver=resolver, extensions=[permission], description=description)
