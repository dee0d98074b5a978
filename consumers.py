"""Which jobs the events start; `docs/contributing/event-consumer.md` says how to add a consumer."""

from models.jobs.event_consumers import Consumer

CONSUMERS: tuple[Consumer, ...] = ()
"""All consumers, each declared by `on(…)` of `models/jobs/event_consumers.py`."""
