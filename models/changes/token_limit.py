"""Limits how many valid access tokens an owner has, and how many rotated ones still valid."""

from datetime import datetime

from tortoise.expressions import Q

from models.changes.token_revocation import store_revocation
from models.rules.errors import RefusalCode, refuse
from models.storage.locks import lock
from models.tables.access import AccessToken
from models.tables.audit import ActorContext

MAX_VALID_TOKENS = 100
"""The maximum number of valid tokens of a user, and of a reseller's tokens without a user.

A rotated token does not count, because its successor does.
"""

MAX_REPLACED_TOKENS = 100
"""The maximum number of an owner's rotated tokens that are still valid for their overlap."""

Owner = dict[str, str | None]
"""The values, by column, that all tokens of an owner have in common."""

REPLACED = "There were too many replaced tokens that are still valid; this one would expire first."


async def refuse_too_many_tokens(act: ActorContext, token: AccessToken, path: str) -> None:
    """Refuse a token that was just stored, if its owner now has too many valid tokens."""
    owner = _owner_of(token)
    if owner is None:
        return
    valid = await _valid_tokens(act, owner)
    if len(valid) - len(await _replaced(valid, owner)) > MAX_VALID_TOKENS:
        raise refuse(
            RefusalCode.ACCESS_TOKEN_LIMIT,
            f"The token's user or reseller already has {MAX_VALID_TOKENS} valid tokens, which is"
            " the limit.",
            path,
            hint="Revoke tokens that are no longer needed.",
            limit=MAX_VALID_TOKENS,
        )


async def end_excess_overlaps(act: ActorContext, rotated: AccessToken) -> None:
    """After a rotation, revoke an owner's rotated tokens beyond the limit, those that expire first.

    So a rotation never fails because of the limit, and repeated rotations do not accumulate tokens.
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
    """Return the tokens that have a successor with the same owner."""
    by_id = {token.id: token for token in tokens}
    successors = AccessToken.filter(rotated_from_id__in=list(by_id), **owner)
    return [by_id[str(one.rotated_from_id)] for one in await successors]


def _owner_of(token: AccessToken) -> Owner | None:
    """Return the column values that identify a token's owner.

    None for a token that has neither a user nor a reseller: these are not limited.
    """
    if token.user_id is not None:
        return {"user_id": token.user_id}
    if token.reseller_id is not None:
        return {"user_id": None, "reseller_id": token.reseller_id}
    return None


def _end(token: AccessToken) -> tuple[datetime, str]:
    assert token.expires_at is not None  # noqa: S101  # a replaced token ends with its overlap
    return token.expires_at, token.id
