"""A cache of valid documents.

Parsing and validating costs a few milliseconds, many times what execution does, and clients send
the same texts over and over, with other variables. Others send each text but once, with values
spelt out in it. So a new document is on trial: it may stay for good only if it is asked for again,
and those that are not make room for each other, never pushing out what is in use.

`Documents` is bounded by how many it keeps and by the text that they were parsed from: a parsed
document takes about 50 times the memory of its text, and 150 times with what is compiled for it.
What is not valid is not kept, nor is what is so long that it would push out many others. The room
is shared fairly by those who sent the documents: see `fair_cache`.

One instance belongs to one schema, as validity does.
"""

from graphql import DocumentNode

from schema.engine.fair_cache import Entry, FairCache

MAX_DOCUMENTS = 1_000
MAX_TOTAL_TEXT = 250_000
MAX_TEXT = 25_000
TRIAL_SHARE = 5
"""A fifth of the room is for documents that were asked for only once."""


class Documents:
    """Valid documents by their text."""

    def __init__(
        self,
        most: int = MAX_DOCUMENTS,
        most_text: int = MAX_TOTAL_TEXT,
        longest_text: int = MAX_TEXT,
    ) -> None:
        trial, trial_text = most // TRIAL_SHARE, most_text // TRIAL_SHARE
        self._longest_text = longest_text
        self._on_trial = FairCache[DocumentNode](trial, trial_text)
        self._in_use = FairCache[DocumentNode](most - trial, most_text - trial_text)

    def __len__(self) -> int:
        return len(self._on_trial) + len(self._in_use)

    def get(self, text: str) -> DocumentNode | None:
        """Return the document of a text; None if it is not kept."""
        document = self._in_use.get(text)
        if document is not None:
            return document
        entry = self._on_trial.pop(text)
        if entry is None:
            return None
        self._in_use.put(text, entry)
        return entry.value

    def keep(self, text: str, document: DocumentNode, owner: str = "") -> None:
        """Keep a valid document, within the room of its owner."""
        if len(text) > self._longest_text:
            return
        self._on_trial.put(text, Entry(document, len(text), owner))
