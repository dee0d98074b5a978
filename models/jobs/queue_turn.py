"""The order of jobs: turns by urgency and, within an urgency, by reseller.

An urgency's `next_turn` grows by its stride with each start, and the smallest is served next.
Within an urgency the job with the smallest `place` is next. A new job's place is one more than that
of the last job of its reseller that waits, or of the last one started if that is larger: so
resellers take turns, however many jobs each of them has queued (start-time fair queueing).
"""

from tortoise import fields
from tortoise.models import Model

from models.storage.sql import run

IS_WAITING = "state IN ('READY', 'WAITING')"
"""Jobs that have not started or wait for another attempt; also the condition of an index."""


class QueueTurn(Model):
    """The state of the turns of one kind and urgency. The first start adds the row."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=40)
    urgency = fields.SmallIntField()
    next_turn = fields.BigIntField()
    last_place = fields.BigIntField()

    class Meta:
        table = "queue_turn"
        unique_together = (("kind", "urgency"),)


async def last_place(kind: str, urgency: int, reseller_id: str | None) -> int:
    """Return the place after which a reseller's next job of that urgency comes.

    Inserted jobs get their places by a database trigger with the same rule.
    """
    of_reseller = "IS NULL" if reseller_id is None else "= ?"
    own = () if reseller_id is None else (reseller_id,)
    started = "SELECT last_place FROM queue_turn WHERE kind = ? AND urgency = ?"
    waiting = (
        f"SELECT place FROM job WHERE reseller_id {of_reseller} AND kind = ? AND urgency = ?"  # noqa: S608  # no value is spelt out
        f" AND {IS_WAITING} ORDER BY reseller_id DESC, place DESC LIMIT 1"
    )
    text = f"SELECT coalesce(({started}), 0), coalesce(({waiting}), 0)"
    line = (kind, int(urgency))
    ((of_started, of_waiting),) = await run(text, (*line, *own, *line))
    return int(max(of_started, of_waiting))
