"""Generates the page of the catalogue of events."""

from commands.documentation.markdown import code, table
from models.rules.event_type import CATALOGUE, SCHEMA_VERSION

INTRODUCTION = f"""# Events

All types of events of [the feed](../partners/events.md), as the query `eventTypes` returns them.
The version of the payloads is {SCHEMA_VERSION}: it increases only if a member is removed or its
meaning changes. New types and members may come at any time.

"""


def events_page() -> str:
    """Return the page of the catalogue of events."""
    rows = [
        (
            code(entry.type.value),
            code(entry.type.name),
            entry.when,
            " ".join(f"{code(one.name)}: {one.description}" for one in entry.payload) or "nothing",
            code(entry.scope),
        )
        for entry in CATALOGUE.values()
    ]
    titles = ("Type", "In the API", "When", "What the payload holds", "Permission")
    return INTRODUCTION + table(titles, rows)
