"""Which scope a field needs, declared where the field is."""

from collections.abc import Sequence
from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from models.rules.permission import FOR_PARTNERS
from models.tables.access import Principal, Scope
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused

INPUT_PERMISSION = "input permission"
"""The key of an input field's metadata that holds the `Requires` of whoever sets that field."""

APPLIED = "applied"
"""The attribute of a field that holds the extensions that were applied to it."""


class Requires(FieldExtension):
    """Lets a field be resolved for those who hold one of the scopes; none means any principal.

    What is told of all customers together is not for partners, whatever they hold (R99).
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
        """Tell whether the caller may use the field."""
        return self.refusal(info.context.principal) is None

    def refusal(self, principal: Principal | None) -> RequestRefused | None:
        """Return the error that a principal gets instead of the field; None if it may use it."""
        refusal = _refusal(principal, self.scopes)
        if refusal is None and not self._is_for_partners and _is_partner(principal):
            return _not_for_partners()
        return refusal

    def apply(self, field: StrawberryField) -> None:
        """Let the field refuse with FORBIDDEN before it does anything.

        This is done where the field calls its resolver: an extension that takes part in resolving
        would put three more calls around each.
        """
        if not is_first_time(self, field):
            return
        give = field.get_result

        def give_if_allowed(source: Any, info: Info, args: list[Any], kwargs: Any) -> Any:
            self.check(info)
            return give(source, info=info, args=args, kwargs=kwargs)

        field.get_result = give_if_allowed  # type: ignore[method-assign, assignment]  # of this field alone


def is_first_time(extension: FieldExtension, field: StrawberryField) -> bool:
    """Tell whether an extension was not applied to a field yet, and note that it is now.

    Strawberry applies the extensions of a field again for each schema that is built.
    """
    applied: list[FieldExtension] = vars(field).setdefault(APPLIED, [])
    is_new = extension not in applied
    if is_new:
        applied.append(extension)
    return is_new


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
    """Tell whether the principal holds one of the scopes."""
    principal = info.context.principal
    return principal is not None and principal.may_any(scopes)
