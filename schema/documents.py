"""Documents that were parsed and found valid before, the least recently used ones forgotten.

Parsing and validating costs a few milliseconds, many times what execution does, and clients send
the same texts over and over, with other variables. `Documents` is bounded by how many it keeps and
by the text that they were parsed from: a parsed document takes about 100 times the memory of its
text, and 300 times with what is compiled for it. What is not valid is not kept, nor is what is so
long that it would push out many others.

One instance belongs to one schema, as validity does.
"""

from collections import OrderedDict

from graphql import DocumentNode

MOST_DOCUMENTS = 1_000
MOST_TEXT = 250_000
LONGEST_TEXT = 25_000


class Documents:
    """Valid documents by their text."""

    def __init__(
        self,
        most: int = MOST_DOCUMENTS,
        most_text: int = MOST_TEXT,
        longest_text: int = LONGEST_TEXT,
    ) -> None:
        self._most = most
        self._most_text = most_text
        self._longest_text = longest_text
        self._kept: OrderedDict[str, DocumentNode] = OrderedDict()
        self._text = 0

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, text: str) -> DocumentNode | None:
        """Give the document of a text, if it is kept."""
        document = self._kept.get(text)
        if document is not None:
            self._kept.move_to_end(text)
        return document

    def keep(self, text: str, document: DocumentNode) -> None:
        """Keep a valid document for as long as it is used, and there is room."""
        if len(text) > self._longest_text:
            return
        if text not in self._kept:
            self._text += len(text)
        self._kept[text] = document
        self._kept.move_to_end(text)
        while len(self._kept) > self._most or self._text > self._most_text:
            forgotten, _ = self._kept.popitem(last=False)
            self._text -= len(forgotten)
