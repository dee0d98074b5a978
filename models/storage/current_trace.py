"""The trace of the current request or job, which statements and new jobs are added to."""

from contextvars import ContextVar
from typing import Protocol


class Trace(Protocol):
    """A span that is running (observability/tracing.py)."""

    @property
    def traceparent(self) -> str:
        """The W3C trace context of the span."""

    def statement(self, text: str, seconds: float) -> None:
        """Add a statement that has ended just now and took `seconds`; `text` has no parameters."""


current_trace: ContextVar[Trace | None] = ContextVar("current_trace", default=None)
"""None outside of requests and jobs, and always if traces are off."""
