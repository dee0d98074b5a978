"""How many access tokens an owner has: those that count, and replaced ones in their overlap."""

from datetime import datetime

from tortoise.expressions import Q

from models.changes.token_revocation import store_revocation
from models.rules.errors import RefusalCode, refuse
from models.storage.locks import lock
from models.tables.access import AccessToken
from models.tables.audit import ActorContext

MAX_VALID_TOKENS = 100
"""A user can have this many valid tokens, and a reseller this many that belong to no user.

A token that was rotated does not count: its successor takes its place.
"""

MAX_REPLACED_TOKENS = 100
"""An owner can have this many rotated tokens that are still valid for their overlap."""

Owner = dict[str, str | None]
"""The columns, and their values, that all tokens of an owner share."""

REPLACED = "Later rotations of its owner's tokens took its place."


async def refuse_too_many_tokens(act: ActorContext, token: AccessToken, path: str) -> None:
    """Refuse a new token, already stored, if its owner then has too many that count."""
    owner = _owner_of(token)
    if owner is None:
        return
    valid = await _valid_tokens(act, owner)
    if len(valid) - len(await _replaced(valid, owner)) > MAX_VALID_TOKENS:
        raise refuse(
            RefusalCode.TOO_MANY_TOKENS,
            f"There are {MAX_VALID_TOKENS} valid tokens of this owner already.",
            path,
            hint="Revoke those that are no longer needed.",
        )


async def end_excess_overlaps(act: ActorContext, rotated: AccessToken) -> None:
    """Revoke the replaced tokens of an owner beyond the limit, those that would end first.

    So a rotation never fails for lack of room, and repeated rotations do not pile up valid tokens.
    """
    owner = _owner_of(rotated)
    if owner is None:
        return
    replaced = await _replaced(await _valid_tokens(act, owner), owner)
    others = [one for one in replaced if one.id != rotated.id]
    excess = sorted(others, key=_end)[: max(len(replaced) - MAX_REPLACED_TOKENS, 0)]
    for token in (await lock(AccessToken, *(one.id for one in excess))).values():
        await store_revocation(act, token, REPLACED)


async def _valid_tokens(act: ActorContext, owner: Owner) -> list[AccessToken]:
    unexpired = Q(expires_at=None) | Q(expires_at__gt=act.now)
    return await AccessToken.filter(unexpired, revoked_at=None, **owner)


async def _replaced(tokens: list[AccessToken], owner: Owner) -> list[AccessToken]:
    """Return those that have a successor, which has the same owner."""
    by_id = {token.id: token for token in tokens}
    successors = AccessToken.filter(rotated_from_id__in=list(by_id), **owner)
    return [by_id[str(one.rotated_from_id)] for one in await successors]


def _owner_of(token: AccessToken) -> Owner | None:
    """Return what the tokens of the same owner have in common; None if nothing limits them."""
    if token.user_id is not None:
        return {"user_id": token.user_id}
    if token.reseller_id is not None:
        return {"user_id": None, "reseller_id": token.reseller_id}
    return None


def _end(token: AccessToken) -> tuple[datetime, str]:
    assert token.expires_at is not None  # noqa: S101  # a replaced token ends with its overlap
    return token.expires_at, token.id
