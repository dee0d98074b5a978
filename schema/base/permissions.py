"""Declares the scope that a field needs, beside the field."""

from collections.abc import Callable, Sequence
from typing import Any

from strawberry.extensions import FieldExtension

from models.rules.permission import FOR_PARTNERS
from models.tables.access import Principal, Scope
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused

INPUT_PERMISSION = "input permission"
"""The key of an input field's metadata that holds the `Requires` for setting that field."""


class Requires(FieldExtension):
    """Resolves a field only for callers who hold one of the scopes; no scope means any principal.

    Figures over all customers are not for partners, whatever scopes they hold (R99).
    """

    def __init__(self, *scopes: Scope, is_for_partners: bool = True) -> None:
        self.scopes = scopes
        self._is_for_partners = is_for_partners

    def check(self, info: Info) -> None:
        """Raise FORBIDDEN, or UNAUTHENTICATED, if the caller may not use the field."""
        refusal = self.refusal(info.context.principal)
        if refusal is not None:
            raise refusal

    def allows(self, info: Info) -> bool:
        """Return whether the caller may use the field."""
        return self.refusal(info.context.principal) is None

    def refusal(self, principal: Principal | None) -> RequestRefused | None:
        """Return the error that a principal gets instead of the field; None if it may use it."""
        refusal = _refusal(principal, self.scopes)
        if refusal is None and not self._is_for_partners and _is_partner(principal):
            return _not_for_partners()
        return refusal

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Resolve the field, or raise FORBIDDEN or UNAUTHENTICATED before it does anything."""
        self.check(info)
        return next_(source, info, **kwargs)

    resolve_async = resolve
    """Not a coroutine, as `next_` of a subscription returns a generator, which has no await."""


SIGNED_IN = Requires()


def require(info: Info, *scopes: Scope) -> None:
    """Refuse unless the principal holds one of the scopes."""
    refusal = _refusal(info.context.principal, scopes)
    if refusal is not None:
        raise refusal


def _refusal(principal: Principal | None, scopes: Sequence[Scope]) -> RequestRefused | None:
    if principal is None:
        return RequestRefused(ErrorCode.UNAUTHENTICATED, "Sign in with a bearer token.")
    if not scopes or principal.may_any(scopes):
        return None
    if FOR_PARTNERS.isdisjoint(scopes) and _is_partner(principal):
        return _not_for_partners()
    names = " or ".join(scopes)
    return RequestRefused(
        ErrorCode.FORBIDDEN, f"This needs the scope {names}.", requiredScopes=list(scopes)
    )


def _is_partner(principal: Principal | None) -> bool:
    return principal is not None and principal.reseller_id is not None


def _not_for_partners() -> RequestRefused:
    return RequestRefused(ErrorCode.FORBIDDEN, "This is not for partners.")


def may(info: Info, *scopes: Scope) -> bool:
    """Return whether the principal holds one of the scopes."""
    principal = info.context.principal
    return principal is not None and principal.may_any(scopes)
