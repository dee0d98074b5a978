"""Generates the page of metrics: the name, type, labels and meaning of each."""

from collections.abc import Mapping, Sequence

from commands.documentation.markdown import code, table
from observability import metrics_gauges, metrics_requests, metrics_work
from observability.metrics import Definition

INTRODUCTION = """# Metrics

The metrics of a server or a worker, if `METRICS_PORT` is set. [Monitoring](monitoring.md) says how
to scrape them. A histogram has series that end with `_bucket`, `_sum` and `_count`, a summary the
last two. Beside these metrics stand `process_…` and `python_…` of the process itself, such as
`process_resident_memory_bytes`.
"""

OF_TABLES = (
    "Of the database, so that all processes say the same: use `max`, not `sum`. They are read at a"
    f" scrape, and cached for {metrics_gauges.CACHED_FOR_S:g} seconds."
)

SECTIONS: Mapping[str, tuple[str, Sequence[Definition]]] = {
    "Requests": (
        "Of a server, counted when a request has ended. Statements are those of workers too.",
        metrics_requests.DEFINITIONS,
    ),
    "Work": (
        "Of each process with a worker, counted when an attempt has ended.",
        metrics_work.DEFINITIONS,
    ),
    "Capacity": (
        "Of the process that is scraped, now.",
        metrics_gauges.PROCESS_DEFINITIONS,
    ),
    "Tables": (OF_TABLES, metrics_gauges.TABLE_DEFINITIONS),
}


def metrics_page() -> str:
    """Return the page of metrics."""
    titles = ("Name", "Type", "Labels", "Meaning")
    parts = [
        f"## {title}\n\n{about}\n\n{table(titles, [_row(one) for one in definitions])}"
        for title, (about, definitions) in SECTIONS.items()
    ]
    return "\n".join((INTRODUCTION, *parts))


def _row(one: Definition) -> tuple[str, str, str, str]:
    labels = ", ".join(code(label) for label in one.labels)
    return code(one.name), one.kind.value, labels, one.meaning
