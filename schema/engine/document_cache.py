"""A cache of parsed and validated GraphQL documents.

Parsing and validating take a few milliseconds, far longer than execution. Most clients send the
same few texts again and again, with different variables. Others write values into the text, so that
each text is sent only once. Therefore a new document is first kept on trial, and moves to the main
part of the cache when it is used a second time. Documents on trial evict only each other.

The number of documents is limited, and so is the total length of their texts: a parsed document
takes about 50 times the memory of its text, or 150 times with the plans compiled for it. Invalid
and very long documents are not cached. Callers share the cache fairly: see `fair_cache`.

Each schema has its own instance, because a document is valid only for a schema.
"""

from graphql import DocumentNode

from schema.engine.fair_cache import Entry, FairCache

MAX_DOCUMENTS = 1_000
MAX_TOTAL_TEXT = 250_000
MAX_TEXT = 25_000
TRIAL_SHARE = 5
"""The part of the cache for documents on trial is one in this number: a fifth."""


class Documents:
    """A cache of valid documents by their text.

    `most` is the maximum number of documents, `most_text` that of characters in all texts, and
    `longest_text` that of characters in one text.
    """

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
        """Return the document with this text; None if it is not cached."""
        document = self._in_use.get(text)
        if document is not None:
            return document
        entry = self._on_trial.pop(text)
        if entry is None:
            return None
        self._in_use.put(text, entry)
        return entry.value

    def keep(self, text: str, document: DocumentNode, owner: str = "") -> None:
        """Cache a valid document on trial, unless its text is too long.

        `owner` is the key of the caller whose share of the cache the document uses.
        """
        if len(text) > self._longest_text:
            return
        self._on_trial.put(text, Entry(document, len(text), owner))
