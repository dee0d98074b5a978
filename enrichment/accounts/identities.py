"""The sums that hold in every balance sheet; they decide which value of a line is right.

An identity is such a sum; a role is a line of the balance sheet, such as fixed assets.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product

from enrichment.accounts import concepts
from enrichment.accounts.concepts import Role
from enrichment.accounts.lines import MAX_OPTIONS, Line
from enrichment.accounts.model import WarningCode

MAX_READINGS = 512

Values = Mapping[str, Decimal]

_LIABILITIES = frozenset(
    role.name
    for role in (
        concepts.CREDITORS_WITHIN,
        concepts.CREDITORS_AFTER,
        concepts.PROVISIONS,
        concepts.ACCRUALS,
    )
)
_MAY_BE_NEGATIVE = frozenset(role.name for role in concepts.ROLES if role.may_be_negative)
_ASSET_TOTALS = frozenset(role.name for role in (concepts.FIXED, concepts.CURRENT, concepts.TOTAL))
_ASSETS = _ASSET_TOTALS | {
    role.name
    for role in (
        concepts.CALLED_UP,
        concepts.PREPAYMENTS,
        *concepts.FIXED_LINES,
        *concepts.CURRENT_LINES,
    )
}
_EXACT, _ROUNDED = 2, 1


@dataclass(frozen=True, slots=True)
class Identity:
    """A sum: `total` equals the sum of `plus` less the sum of `minus`.

    A role that is not tagged counts as zero. The sum can be tested only if all roles of `needed`
    are tagged.
    """

    total: Role
    plus: tuple[Role, ...]
    minus: tuple[Role, ...] = ()
    needed: tuple[Role, ...] = ()

    @property
    def terms(self) -> tuple[Role, ...]:
        """The roles of `plus` and `minus`."""
        return (*self.plus, *self.minus)


_CURRENT_SIDE = (concepts.CURRENT, concepts.PREPAYMENTS)
NET_CURRENT = Identity(concepts.NET_CURRENT, _CURRENT_SIDE, (concepts.CREDITORS_WITHIN,))
LESS_CURRENT_LIABILITIES = Identity(
    concepts.LESS_CURRENT_LIABILITIES,
    (concepts.FIXED, concepts.NET_CURRENT, concepts.CALLED_UP),
)
FROM_THE_TOP = Identity(
    concepts.LESS_CURRENT_LIABILITIES,
    (concepts.FIXED, concepts.CALLED_UP, *_CURRENT_SIDE),
    (concepts.CREDITORS_WITHIN,),
)
NET_FROM_THE_TOP = Identity(
    concepts.NET,
    (concepts.FIXED, concepts.CALLED_UP, *_CURRENT_SIDE),
    (concepts.CREDITORS_WITHIN, *concepts.LONG_TERM),
    needed=(concepts.CURRENT, concepts.CREDITORS_WITHIN),
)
_OF_ASSETS = (NET_CURRENT, LESS_CURRENT_LIABILITIES, FROM_THE_TOP)
_ALL = (
    *_OF_ASSETS,
    Identity(concepts.NET, (concepts.LESS_CURRENT_LIABILITIES,), concepts.LONG_TERM),
    Identity(concepts.NET, (concepts.FIXED, concepts.NET_CURRENT), concepts.LONG_TERM),
    Identity(concepts.EQUITY, (concepts.LESS_CURRENT_LIABILITIES,), concepts.LONG_TERM),
    Identity(concepts.FUNDS, (concepts.LESS_CURRENT_LIABILITIES,), concepts.LONG_TERM),
    NET_FROM_THE_TOP,
    Identity(concepts.NET, (concepts.EQUITY,)),
    Identity(concepts.NET, (concepts.FUNDS,)),
)


def resolve_values(lines: Mapping[str, Line]) -> dict[str, Line]:
    """Return the lines, with a single value for each line whose value the sums can decide.

    A line has several possible values if its tags disagree, or if its sign is doubtful, because the
    page prints another sign than the tag has. A value is chosen if the sums hold better with it
    than with any other. If the sums do not decide a sign, the tagged value is kept with a warning;
    if they do not decide between tags, the line is unchanged. Assets are never negative.
    """
    lines = {name: _without_sign(name, line) for name, line in lines.items()}
    readings = {name: _readings(name, line) for name, line in lines.items() if line.options}
    open_roles = [name for name, options in readings.items() if len(options) > 1]
    best = _best_scores(lines, readings, open_roles)
    settled = dict(lines)
    for name in open_roles:
        scores = best.get(name, {})
        top = max(scores.values(), default=0)
        winners = [value for value, score in scores.items() if score == top]
        winner = winners[0] if len(winners) == 1 else None
        if name in _ASSET_TOTALS and _is_sign_open(name, lines[name]):
            settled[name] = _decided_asset(lines[name], winner)
        else:
            settled[name] = _decided(lines[name], winner)
    return _with_doubtful_signs(settled)


def _with_doubtful_signs(lines: Mapping[str, Line]) -> dict[str, Line]:
    """Add a warning to assets that the page prints as negative, unless a sum confirms the tag."""
    result = dict(lines)
    values = values_of(lines)
    for name in _ASSETS & lines.keys():
        line = lines[name]
        is_confirmed = any(
            name in {role.name for role in (identity.total, *identity.terms)}
            and _score(identity, values, lines)
            for identity in _tested(values, None)
        )
        if line.is_negative_outside and line.value and not is_confirmed:
            result[name] = line.settled(line.value, WarningCode.SIGN_DOUBTFUL)
    return result


def _decided_asset(line: Line, winner: Decimal | None) -> Line:
    if winner is None or winner < 0:
        return line.unsettled(WarningCode.SIGN_DOUBTFUL)
    return line.settled(winner, WarningCode.SIGN_INFERRED)


def _without_sign(name: str, line: Line) -> Line:
    """Return an asset line with positive values if it is tagged as negative but not printed so.

    Other lines are returned unchanged.
    """
    if name not in _ASSETS or line.page_sign < 1:
        return line
    options = tuple(dict.fromkeys(abs(value) for value in line.options))
    return replace(line, options=options, codes=(*line.codes, WarningCode.SIGN_INFERRED))


def _readings(name: str, line: Line) -> tuple[Decimal, ...]:
    options = line.options[:MAX_OPTIONS]
    if _is_sign_open(name, line):
        return tuple(dict.fromkeys((*options, *(-value for value in options if value))))
    return options


def _is_sign_open(name: str, line: Line) -> bool:
    if name in _ASSET_TOTALS:
        return any(value < 0 for value in line.options)
    return name in _MAY_BE_NEGATIVE and (line.is_negative_outside or line.page_sign > 0)


def _decided(line: Line, winner: Decimal | None) -> Line:
    codes: list[WarningCode] = []
    if len(line.options) > 1:
        codes.append(WarningCode.CONFLICTING_VALUES)
        if winner is None:
            return line
    if line.is_negative_outside:
        is_mended = winner is not None and winner < 0
        codes.append(WarningCode.SIGN_INFERRED if is_mended else WarningCode.SIGN_DOUBTFUL)
    elif line.page_sign > 0 and winner is None:
        codes.append(WarningCode.SIGN_DOUBTFUL)
    elif line.page_sign > 0 and winner is not None and winner > 0:
        codes.append(WarningCode.SIGN_INFERRED)
    return line.settled(line.options[0] if winner is None else winner, *codes)


def _best_scores(
    lines: Mapping[str, Line],
    readings: Mapping[str, tuple[Decimal, ...]],
    open_roles: list[str],
) -> dict[str, dict[Decimal, int]]:
    """Return the score of each possible value (`readings`) of each role in `open_roles`.

    A combination of values scores higher with each sum that holds. The score of a value is the best
    of all combinations that contain it. Empty if there are more than MAX_READINGS combinations.
    """
    count = 1
    for name in open_roles:
        count *= len(readings[name])
    if not open_roles or count > MAX_READINGS:
        return {}
    fixed = {name: options[0] for name, options in readings.items() if len(options) == 1}
    best: dict[str, dict[Decimal, int]] = {name: {} for name in open_roles}
    for choice in product(*(readings[name] for name in open_roles)):
        values = with_sums({**fixed, **dict(zip(open_roles, choice, strict=True))})
        score = sum(_score(identity, values, lines) for identity in _ALL)
        for name, value in zip(open_roles, choice, strict=True):
            best[name][value] = max(score, best[name].get(value, 0))
    return best


def values_of(lines: Mapping[str, Line]) -> dict[str, Decimal]:
    """Return the values of lines that have exactly one, completed by `with_sums`."""
    return with_sums({name: line.value for name, line in lines.items() if line.value is not None})


def with_sums(values: Values) -> dict[str, Decimal]:
    """Return the values; if fixed or current assets are not tagged, add the sum of their parts.

    Liabilities become positive, since some software tags them as negative.
    """
    result = {name: abs(value) if name in _LIABILITIES else value for name, value in values.items()}
    for total, parts in (
        (concepts.FIXED, concepts.FIXED_LINES),
        (concepts.CURRENT, concepts.CURRENT_LINES),
    ):
        present = [values[part.name] for part in parts if part.name in values]
        if total.name not in values and present:
            result[total.name] = sum(present, Decimal(0))
    return result


def residual(identity: Identity, values: Values) -> Decimal | None:
    """Return the difference between both sides, without sign; None if it cannot be tested."""
    total = values.get(identity.total.name)
    has_needed = all(role.name in values for role in identity.needed)
    if total is None or not (has_needed and any(t.name in values for t in identity.terms)):
        return None
    right = sum((values.get(role.name, Decimal(0)) for role in identity.plus), Decimal(0))
    right -= sum((values.get(role.name, Decimal(0)) for role in identity.minus), Decimal(0))
    return abs(total - right)


def tolerance(identity: Identity, values: Values, lines: Mapping[str, Line]) -> Decimal:
    """Return the largest difference of the sum that rounding can cause.

    Each number in the sum can differ by half of the unit to which it was rounded.
    """
    names = (role.name for role in (identity.total, *identity.terms) if role.name in values)
    quanta = (lines[name].quantum if name in lines else Decimal(1) for name in names)
    return sum(quanta, Decimal(0)) / 2


def _score(identity: Identity, values: Values, lines: Mapping[str, Line]) -> int:
    gap = residual(identity, values)
    if gap is None:
        return 0
    if not gap:
        return _EXACT
    return _ROUNDED if gap <= tolerance(identity, values, lines) else 0


def confirmed_exactly(lines: Mapping[str, Line]) -> frozenset[str]:
    """Return the names of lines that are part of a sum of two or more terms without difference."""
    values = values_of(lines)
    return frozenset(
        role.name
        for identity in _ALL
        if residual(identity, values) == 0
        and sum(1 for role in identity.terms if values.get(role.name)) > 1
        for role in (identity.total, *identity.terms)
    )


def without_doubtful_assets(lines: Mapping[str, Line]) -> dict[str, Line]:
    """Return the lines; leave out unpaid capital and prepayments if the sums hold better so.

    The tags of these two are also used for parts of debtors, which are within current assets.
    """
    kept = dict(lines)
    for role in (concepts.CALLED_UP, concepts.PREPAYMENTS):
        if role.name not in kept:
            continue
        without = {name: line for name, line in kept.items() if name != role.name}
        if _asset_score(without) > _asset_score(kept):
            kept = without
    return kept


def _asset_score(lines: Mapping[str, Line]) -> int:
    values = values_of(lines)
    return sum(_score(identity, values, lines) for identity in _OF_ASSETS)


def all_hold(values: Values, lines: Mapping[str, Line]) -> bool:
    """Return whether all sums that can be tested with `values` hold, within rounding."""
    gaps = ((residual(identity, values), identity) for identity in _ALL)
    return all(gap is None or gap <= tolerance(identity, values, lines) for gap, identity in gaps)


def has_asset_sum(values: Values) -> bool:
    """Return whether a sum of two or more assets or liabilities can be tested with `values`."""
    return any(identity.total.name in values for identity in _tested(values, None))


def balances(lines: Mapping[str, Line], *, with_role: Role | None = None) -> bool:
    """Return whether a sum of two or more assets or liabilities holds, within rounding.

    If `with_role` is given, the sum must include this role.
    """
    values = values_of(lines)
    return any(
        _score(identity, values, lines) and (with_role is None or with_role in identity.terms)
        for identity in _tested(values, with_role)
    )


def _tested(values: Values, with_role: Role | None) -> Iterator[Identity]:
    for identity in _OF_ASSETS:
        present = [role for role in identity.terms if values.get(role.name)]
        if len(present) > 1 and (with_role is None or with_role in present):
            yield identity
