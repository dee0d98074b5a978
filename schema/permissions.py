"""Which scope a field needs, declared where the field is."""

import inspect
from collections.abc import Callable
from typing import Any

from strawberry.extensions import FieldExtension

from models.access import Scope
from schema.context import Info
from schema.errors import ErrorCode, RequestRefused


class Requires(FieldExtension):
    """Lets a field be resolved for those who hold one of the scopes; none means any principal."""

    def __init__(self, *scopes: Scope) -> None:
        self.scopes = scopes

    async def resolve_async(
        self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any
    ) -> Any:
        """Refuse with FORBIDDEN, or go on."""
        require(info, *self.scopes)
        result = next_(source, info, **kwargs)
        return await result if inspect.isawaitable(result) else result


SIGNED_IN = Requires()


def require(info: Info, *scopes: Scope) -> None:
    """Refuse unless the principal holds one of the scopes."""
    principal = info.context.principal
    if principal is None:
        raise RequestRefused(ErrorCode.UNAUTHENTICATED, "Sign in with a bearer token.")
    if scopes and not any(principal.may(scope) for scope in scopes):
        names = " or ".join(scopes)
        raise RequestRefused(
            ErrorCode.FORBIDDEN, f"This needs the scope {names}.", requiredScopes=list(scopes)
        )


def may(info: Info, *scopes: Scope) -> bool:
    """Tell whether the principal holds one of the scopes."""
    principal = info.context.principal
    return principal is not None and any(principal.may(scope) for scope in scopes)
