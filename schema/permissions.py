"""Which scope a field needs, declared where the field is."""

from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from models.access import Scope
from models.permission import FOR_PARTNERS
from schema.context import Info
from schema.errors import ErrorCode, RequestRefused


class Requires(FieldExtension):
    """Lets a field be resolved for those who hold one of the scopes; none means any principal.

    What is told of all customers together is not for partners, whatever they hold (R99).
    """

    def __init__(self, *scopes: Scope, is_for_partners: bool = True) -> None:
        self.scopes = scopes
        self._is_for_partners = is_for_partners

    def check(self, info: Info) -> None:
        """Refuse with FORBIDDEN whom the field is not for."""
        require(info, *self.scopes)
        if not self._is_for_partners:
            _refuse_partner(info)

    def allows(self, info: Info) -> bool:
        """Tell whether the field is for the principal."""
        try:
            self.check(info)
        except RequestRefused:
            return False
        return True

    def apply(self, field: StrawberryField) -> None:
        """Let the field refuse with FORBIDDEN before it does anything.

        This is done where the field calls its resolver: an extension that takes part in resolving
        would put three more calls around each.
        """
        give = field.get_result

        def give_if_allowed(source: Any, info: Info, args: list[Any], kwargs: Any) -> Any:
            self.check(info)
            return give(source, info=info, args=args, kwargs=kwargs)

        field.get_result = give_if_allowed  # type: ignore[method-assign, assignment]  # of this field alone


SIGNED_IN = Requires()


def require(info: Info, *scopes: Scope) -> None:
    """Refuse unless the principal holds one of the scopes."""
    principal = info.context.principal
    if principal is None:
        raise RequestRefused(ErrorCode.UNAUTHENTICATED, "Sign in with a bearer token.")
    if scopes and not any(principal.may(scope) for scope in scopes):
        if FOR_PARTNERS.isdisjoint(scopes):
            _refuse_partner(info)
        names = " or ".join(scopes)
        raise RequestRefused(
            ErrorCode.FORBIDDEN, f"This needs the scope {names}.", requiredScopes=list(scopes)
        )


def _refuse_partner(info: Info) -> None:
    principal = info.context.principal
    if principal is not None and principal.reseller_id is not None:
        raise RequestRefused(ErrorCode.FORBIDDEN, "This is not for partners.")


def may(info: Info, *scopes: Scope) -> bool:
    """Tell whether the principal holds one of the scopes."""
    principal = info.context.principal
    return principal is not None and any(principal.may(scope) for scope in scopes)
