"""The row by which all processes share one budget of calls, and the block on a refused key."""

from tortoise import fields
from tortoise.models import Model


class RateLimit(Model):
    """The budget of one API key. `free_at` is a theoretical arrival time in microseconds (GCRA)."""

    key = fields.CharField(max_length=80, primary_key=True)
    free_at = fields.BigIntField(default=0)
    blocked_at = fields.DatetimeField(null=True)
    blocked_reason = fields.CharField(max_length=200, null=True)

    class Meta:
        table = "rate_limit"
