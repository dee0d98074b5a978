"""Checks that the caller has a permission (scope) that a field needs."""

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
    """A field extension: only callers who have one of `scopes` may use the field.

    Without `scopes`, every signed-in caller may. If `is_for_partners` is false, partners may not
    use the field whatever scopes they have, for example because it shows totals of all customers
    (R99).
    """

    def __init__(self, *scopes: Scope, is_for_partners: bool = True) -> None:
        self.scopes = scopes
        self._is_for_partners = is_for_partners

    def check(self, info: Info) -> None:
        """Raise RequestRefused if the caller may not use the field.

        The code is UNAUTHENTICATED if the caller has not signed in, otherwise FORBIDDEN.
        """
        refusal = self.refusal(info.context.principal)
        if refusal is not None:
            raise refusal

    def allows(self, info: Info) -> bool:
        """Return whether the caller may use the field."""
        return self.refusal(info.context.principal) is None

    def refusal(self, principal: Principal | None) -> RequestRefused | None:
        """Return the error for a principal who may not use the field; None if they may."""
        refusal = refusal_for(principal, self.scopes)
        if refusal is None and not self._is_for_partners and _is_partner(principal):
            return _not_for_partners()
        return refusal

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Check the permission, then resolve the field."""
        self.check(info)
        return next_(source, info, **kwargs)

    resolve_async = resolve
    """This is not a coroutine, because `next_` may return the generator of a subscription."""


SIGNED_IN = Requires()


def require(info: Info, *scopes: Scope) -> None:
    """Raise RequestRefused unless the caller has one of the scopes."""
    refusal = refusal_for(info.context.principal, scopes)
    if refusal is not None:
        raise refusal


def refusal_for(principal: Principal | None, scopes: Sequence[Scope]) -> RequestRefused | None:
    """Return the refusal of a principal who has none of the scopes; None if it is not refused."""
    if principal is None:
        return RequestRefused(ErrorCode.UNAUTHENTICATED, "Sign in with a bearer token.")
    if not scopes or principal.may_any(scopes):
        return None
    if FOR_PARTNERS.isdisjoint(scopes) and _is_partner(principal):
        return _not_for_partners()
    names = " or ".join(scopes)
    return RequestRefused(
        ErrorCode.FORBIDDEN,
        f"This needs the permission {names}.",
        requiredScopes=[scope.name for scope in scopes],
    )


def _is_partner(principal: Principal | None) -> bool:
    return principal is not None and principal.reseller_id is not None


def _not_for_partners() -> RequestRefused:
    return RequestRefused(
        ErrorCode.FORBIDDEN, "Partners (callers bound to a reseller) may not use this field."
    )


def may(info: Info, *scopes: Scope) -> bool:
    """Return whether the caller has one of the scopes."""
    principal = info.context.principal
    return principal is not None and principal.may_any(scopes)
