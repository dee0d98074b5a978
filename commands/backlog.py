"""`manage.py backlog`: the queue of lookups."""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime

import click

from commands.running import read_settings
from models.jobs.job_pause import paused_kinds
from models.lists.lookup_monitor import LookupBacklog
from opening import open_platform


@click.command("backlog")
def backlog_cli() -> None:
    """Show how many lookups are left, and about when they will be done."""
    settings = read_settings()

    async def look() -> tuple[LookupBacklog, Mapping[str, datetime]]:
        async with open_platform(settings, with_worker=False) as platform:
            return await platform.lookups.backlog(), await paused_kinds()

    backlog, paused = asyncio.run(look())
    for line in _lines(backlog):
        print(line)
    for kind, since in paused.items():
        at = since.isoformat(timespec="seconds")
        print(f"paused    {kind} since {at}; see `manage.py jobs resume {kind}`")


def _lines(backlog: LookupBacklog) -> Iterator[str]:
    counts, allowance = backlog.counts, backlog.allowance
    by_urgency = ", ".join(
        f"{number} {urgency.name}" for urgency, number in sorted(counts.waiting.items())
    )
    yield f"waiting   {sum(counts.waiting.values())}" + (f" ({by_urgency})" if by_urgency else "")
    yield f"running   {counts.running}"
    yield f"retrying  {counts.retrying}"
    yield f"oldest    {counts.oldest_at.isoformat(timespec='seconds') if counts.oldest_at else '-'}"
    yield f"ended     {counts.ended} in the last 15 minutes"
    end = backlog.estimated_end_at
    yield f"done      {f'about {end.isoformat()}' if end else 'unknown'}"
    if allowance is not None:
        window = f"{allowance.window.total_seconds():g} s"
        yield f"allowance {allowance.limit} calls in {window}, {allowance.calls_left} possible now"
        if allowance.blocked_at is not None:
            at = allowance.blocked_at.isoformat(timespec="seconds")
            yield f"blocked   {allowance.blocked_reason} since {at}; see `manage.py resume`"
