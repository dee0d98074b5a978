"""The order in which jobs are started: urgencies take turns and, within one, resellers take turns.

`next_turn` is the virtual time at which the next job of an urgency is due. Starting a job increases
it by the urgency's stride, and the urgency with the smallest `next_turn` is served next (stride
scheduling). `place` is a job's virtual time within its urgency: the job with the smallest place is
next. A new job's place is one more than that of its reseller's last waiting job, or than that of
the last started job if that is larger. So resellers take turns, however many jobs each has queued
(start-time fair queueing).
"""

from tortoise import fields
from tortoise.models import Model

from models.storage.sql import run

IS_WAITING = "state IN ('READY', 'WAITING')"
"""SQL condition for jobs that wait for their first or another attempt.

It is also the condition of a partial index.
"""


class QueueTurn(Model):
    """Virtual times of one kind and urgency of jobs. The first start adds the row."""

    id = fields.BigIntField(primary_key=True)
    kind = fields.CharField(max_length=40)
    urgency = fields.SmallIntField()
    next_turn = fields.BigIntField()
    last_place = fields.BigIntField()

    class Meta:
        table = "queue_turn"
        unique_together = (("kind", "urgency"),)


async def last_place(kind: str, urgency: int, reseller_id: str | None) -> int:
    """Return the place after which a reseller's next job of this kind and urgency is queued.

    `reseller_id` is None for the platform's own customers. For inserted jobs, a database trigger
    applies the same rule.
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
