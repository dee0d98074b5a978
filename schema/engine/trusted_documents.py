"""Documents by their ids: registered by an operator, or sent before by clients.

An id is `sha256:` and the hash of the text in hexadecimal, sent as `documentId` or in Apollo's form
as `extensions.persistedQuery.sha256Hash`. `TrustedDocuments` runs nothing but what is registered,
under whatever ids its file says. `SentDocuments` learns: an id that is not known is refused, the
client sends it again with the text, and the text is kept if it is valid.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import orjson
from graphql import GraphQLError, OperationDefinitionNode, specified_rules

from schema.base.errors import ErrorCode, RequestRefused
from schema.engine.fair_cache import Entry, FairCache
from schema.engine.served_schema import CustomerClassesSchema

PREFIX = "sha256:"
APOLLO = "persistedQuery"
MAX_SENT = 2_000
MAX_TEXT = 2_000_000
"""How many texts are kept at most, and how many bytes of UTF-8 together."""


class Wanted(NamedTuple):
    """What is to be executed: a text, and the id and owner to keep it by once it is valid."""

    text: str
    keep_as: str | None = None
    owner: str = ""


class DocumentSource(Protocol):
    """Finds the text that is asked for."""

    def find(self, text: str | None, document_id: str | None, owner: str = "") -> Wanted:
        """Return what is to be executed for the owner of documents, or raise RequestRefused."""

    def keep(self, wanted: Wanted) -> None:
        """Keep what was found valid, if it is to be kept."""


def id_of(text: str) -> str:
    """Return the id of a text."""
    return PREFIX + sha256(text.encode()).hexdigest()


def asked_id(document_id: Any, extensions: Any) -> str | None:
    """Return the id that a request names, in either form; raises RequestRefused if malformed."""
    if document_id is None and isinstance(extensions, Mapping):
        apollo = extensions.get(APOLLO)
        if apollo is None:
            return None
        document_id = apollo.get("sha256Hash") if isinstance(apollo, Mapping) else None
        if not isinstance(document_id, str) or apollo.get("version") != 1:
            message = f"{APOLLO} has the version 1 and a sha256Hash."
            raise RequestRefused(ErrorCode.BAD_REQUEST, message)
        return PREFIX + document_id.lower()
    if document_id is not None and not isinstance(document_id, str):
        raise RequestRefused(ErrorCode.BAD_REQUEST, "documentId must be a string.")
    return document_id or None


class SentDocuments:
    """The documents that clients have sent to this process with their hash.

    Each partner or user has their own, and the room is shared fairly: see `fair_cache`.
    """

    def __init__(self, most: int = MAX_SENT, most_text: int = MAX_TEXT) -> None:
        self._most_text = most_text
        self._texts = FairCache[str](most, most_text)

    def find(self, text: str | None, document_id: str | None, owner: str = "") -> Wanted:
        """Return the text, looked up by its id among the owner's if there is only that."""
        if document_id is None:
            if not text:
                raise RequestRefused(ErrorCode.BAD_REQUEST, "query is missing.")
            return Wanted(text)
        if not text:
            known = self._texts.get((owner, document_id))
            if known is None:
                raise _not_found()
            return Wanted(known)
        if id_of(text) != document_id:
            raise RequestRefused(ErrorCode.BAD_REQUEST, "The hash is not that of the query.")
        return Wanted(text, document_id, owner)

    def keep(self, wanted: Wanted) -> None:
        """Keep a valid text; those that the owner used least recently make room for it."""
        text, document_id, owner = wanted
        if document_id is None or self._texts.get((owner, document_id)) is not None:
            return
        size = len(text.encode())
        if size <= self._most_text:
            self._texts.put((owner, document_id), Entry(text, size, owner))


class TrustedDocuments:
    """The documents that were registered, and nothing else."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        # Files end with a line break that clients mostly leave out.
        whole = documents.values()
        self._texts = frozenset(whole) | {text.strip() for text in whole}
        self._by_id = {**{id_of(text): text for text in self._texts}, **documents}

    def find(self, text: str | None, document_id: str | None, owner: str = "") -> Wanted:  # noqa: ARG002  # registered for all
        """Return a registered text, found by its id or by the text itself."""
        if document_id is not None:
            known = self._by_id.get(document_id)
            if known is None:
                # A client that learns this would send the text, and be refused for good.
                raise _not_trusted() if text else _not_found()
            if text and text != known:
                raise RequestRefused(ErrorCode.BAD_REQUEST, "The query is not that of the id.")
            return Wanted(known)
        if not text:
            raise RequestRefused(ErrorCode.BAD_REQUEST, "documentId is missing.")
        if text not in self._texts:
            raise _not_trusted()
        return Wanted(text)

    def keep(self, wanted: Wanted) -> None:
        """Do nothing: clients cannot register documents."""


def read_documents(path: Path) -> dict[str, str]:
    """Read registered documents, by their ids; raises ValueError for what can't be read.

    A folder has one document in each `*.graphql` file, at any depth. A JSON file has texts by their
    ids, as Relay writes it, or is a manifest of Apollo's.
    """
    try:
        if path.is_dir():
            texts = (file.read_text("utf-8") for file in sorted(path.rglob("*.graphql")))
            return {id_of(text): text for text in texts}
        given = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ValueError(f"TRUSTED_DOCUMENTS can't be read: {type(error).__name__}") from None
    if isinstance(given, dict) and isinstance(given.get("operations"), list):
        given = {
            one.get("id"): one.get("body") for one in given["operations"] if isinstance(one, dict)
        }
    if not isinstance(given, dict) or not all(
        isinstance(part, str) for pair in given.items() for part in pair
    ):
        raise ValueError("TRUSTED_DOCUMENTS is a folder, or a JSON object of texts by their ids")
    return given


def source_of(path: Path | None) -> DocumentSource:
    """Return the source of documents: the file or folder in the settings, or else the clients."""
    return SentDocuments() if path is None else TrustedDocuments(read_documents(path))


def faults_of(schema: CustomerClassesSchema, text: str) -> list[str]:
    """Return the faults of a text, one line each."""
    try:
        document = schema.parsed(text)
    except GraphQLError as error:
        return [error.message]
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if not operations:
        return ["There is no operation in it."]
    return [error.message for error in schema.faults(document, tuple(specified_rules))]


def _not_found() -> RequestRefused:
    # Apollo's clients know it by this very message.
    return RequestRefused(ErrorCode.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")


def _not_trusted() -> RequestRefused:
    return RequestRefused(
        ErrorCode.DOCUMENT_NOT_TRUSTED, "Only documents that were registered are executed here."
    )
