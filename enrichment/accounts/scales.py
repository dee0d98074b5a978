"""Detects lines that are tagged in another scale than the rest: one in pounds among thousands."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from enrichment.accounts import identities
from enrichment.accounts.lines import Line
from enrichment.accounts.model import WarningCode


def flag_mixed_scales(lines: Mapping[str, Line]) -> dict[str, Line]:
    """Return the lines, with a warning on each whose tags have another scale than most lines.

    Lines that are part of a sum without difference get no warning. If no scale is the most
    frequent, all other lines get one.
    """
    uses = Counter(scale for line in lines.values() for scale in line.scales)
    if len(uses) < 2:  # noqa: PLR2004
        return dict(lines)
    most = max(uses.values())
    usual = {scale for scale, count in uses.items() if count == most}
    usual = usual if len(usual) == 1 else set()
    confirmed = identities.confirmed_exactly(lines)
    return {
        name: line
        if name in confirmed or not line.scales or line.scales & usual
        else replace(line, codes=(*line.codes, WarningCode.SCALE_DOUBTFUL))
        for name, line in lines.items()
    }
