"""Whose turn it is: the order of jobs by urgency and, within an urgency, by reseller.

An urgency's `next_turn` grows by its stride with each start, and the smallest is served next.
Within an urgency the job with the smallest `place` is next. A new job's place is one more than that
of the last job of its reseller that waits, or of the last one started if that is larger: so
resellers take turns, however many jobs each of them has queued (start-time fair queueing).
"""

from collections.abc import Collection

from tortoise import fields
from tortoise.models import Model

from models.reach import bind, kept
from models.sql import Sql, execute, listed
from models.urgency import Urgency

IS_WAITING = "state IN ('READY', 'WAITING')"
"""Jobs that have not started, or wait for another attempt; also the condition of an index."""


class QueueTurn(Model):
    """Where the turns of one kind and urgency stand. A row is added with the first start."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=40)
    urgency = fields.SmallIntField()
    next_turn = fields.BigIntField()
    last_place = fields.BigIntField()

    class Meta:
        table = "queue_turn"
        unique_together = (("kind", "urgency"),)


async def last_places(
    kind: str, urgency: Urgency, resellers: Collection[str | None]
) -> dict[str | None, int]:
    """Return for each reseller the place after which its next job of that urgency comes.

    It reads beyond the reach of a bound operation, and returns no more than a place.
    """
    named = sorted(reseller for reseller in resellers if reseller is not None)
    found: dict[str | None, int] = {}
    with kept():
        bind(None)
        if len(named) < len(set(resellers)):
            (row,) = await execute(_last_place("job.reseller_id IS NULL", kind, urgency))
            found[None] = row["place"]
        if named:
            keys, place = listed(named), _last_place("job.reseller_id = own.key", kind, urgency)
            text = f"SELECT own.key, ({place.text}) AS place FROM ({keys.text}) AS own"  # noqa: S608  # no value is spelt out
            rows = await execute(Sql(text, (*place.parameters, *keys.parameters)))
            found |= {row["key"]: row["place"] for row in rows}
    return found


def _last_place(of_reseller: str, kind: str, urgency: Urgency) -> Sql:
    started = "SELECT last_place FROM queue_turn WHERE kind = ? AND urgency = ?"
    waiting = (
        "SELECT max(job.place) FROM job"  # noqa: S608  # see above
        f" WHERE {of_reseller} AND job.kind = ? AND job.urgency = ? AND {IS_WAITING}"
    )
    both = f"SELECT ({started}) AS place UNION ALL SELECT ({waiting})"
    text = f"SELECT coalesce(max(found.place), 0) AS place FROM ({both}) AS found"  # noqa: S608  # see above
    return Sql(text, (kind, int(urgency)) * 2)
