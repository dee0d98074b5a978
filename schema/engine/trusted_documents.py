"""Finds GraphQL documents by id: those that an operator registered, or that clients sent before.

An id is `sha256:` and the SHA-256 of the text in hexadecimal. Clients send it as `documentId`, or,
like Apollo, as `extensions.persistedQuery.sha256Hash`. `TrustedDocuments` allows only registered
documents; the file that registers them may name other ids. `SentDocuments` stores documents of
clients: it refuses an unknown id, the client then sends the id with the text, and the text is
stored if it is valid.
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
"""The maximum number of stored texts, and the maximum bytes (in UTF-8) of all texts together."""


class Wanted(NamedTuple):
    """The text of the document to execute.

    `keep_as` is the id by which to store the text for `owner` once it was found valid; if None, it
    is not stored.
    """

    text: str
    keep_as: str | None = None
    owner: str = ""


class DocumentSource(Protocol):
    """Finds the document that a request names."""

    def find(self, text: str | None, document_id: str | None, owner: str = "") -> Wanted:
        """Return the document to execute, for the text and the id in a request.

        `owner` is the key of the caller. Raises RequestRefused if the document is unknown, not
        allowed, or does not match its id.
        """

    def keep(self, wanted: Wanted) -> None:
        """Store a document that was found valid, if `wanted` says that it is to be stored."""


def id_of(text: str) -> str:
    """Return the id of a document with this text."""
    return PREFIX + sha256(text.encode()).hexdigest()


def asked_id(document_id: Any, extensions: Any) -> str | None:
    """Return the document id in a request, from `documentId` or in Apollo's form.

    None if the request has no id; raises RequestRefused if it is malformed.
    """
    if document_id is None and isinstance(extensions, Mapping):
        apollo = extensions.get(APOLLO)
        if apollo is None:
            return None
        document_id = apollo.get("sha256Hash") if isinstance(apollo, Mapping) else None
        if not isinstance(document_id, str) or apollo.get("version") != 1:
            message = f"{APOLLO} must have the version 1 and a sha256Hash."
            raise RequestRefused(ErrorCode.BAD_REQUEST, message)
        return PREFIX + document_id.lower()
    if document_id is not None and not isinstance(document_id, str):
        raise RequestRefused(ErrorCode.BAD_REQUEST, "documentId must be a string.")
    return document_id or None


class SentDocuments:
    """The documents that clients have sent to this process together with the text's hash.

    Each user or partner finds only documents that they sent. Callers share the storage fairly: see
    `fair_cache`.
    """

    def __init__(self, most: int = MAX_SENT, most_text: int = MAX_TEXT) -> None:
        self._most_text = most_text
        self._texts = FairCache[str](most, most_text)

    def find(self, text: str | None, document_id: str | None, owner: str = "") -> Wanted:
        """Return the text in the request, or else the text that the owner has sent with this id."""
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
            raise RequestRefused(
                ErrorCode.BAD_REQUEST, "The sha256Hash is not the SHA-256 hash of the query."
            )
        return Wanted(text, document_id, owner)

    def keep(self, wanted: Wanted) -> None:
        """Store a valid text if it was sent with its id; older texts may be evicted."""
        text, document_id, owner = wanted
        if document_id is None or self._texts.get((owner, document_id)) is not None:
            return
        size = len(text.encode())
        if size <= self._most_text:
            self._texts.put((owner, document_id), Entry(text, size, owner))


class TrustedDocuments:
    """Allows only documents that an operator registered.

    `documents` maps ids to texts.
    """

    def __init__(self, documents: Mapping[str, str]) -> None:
        # Files end with a line break, which clients usually do not send.
        whole = documents.values()
        self._texts = frozenset(whole) | {text.strip() for text in whole}
        self._by_id = {**{id_of(text): text for text in self._texts}, **documents}

    def find(self, text: str | None, document_id: str | None, owner: str = "") -> Wanted:  # noqa: ARG002  # registered for all
        """Return the registered text for the id, or for an equal text, in the request."""
        if document_id is not None:
            known = self._by_id.get(document_id)
            if known is None:
                # The answer NOT_FOUND makes clients send the text too; these have sent it already.
                raise _not_trusted() if text else _not_found()
            if text and text != known:
                raise RequestRefused(
                    ErrorCode.BAD_REQUEST,
                    "The query is not the one that is registered with this documentId.",
                )
            return Wanted(known)
        if not text:
            raise RequestRefused(ErrorCode.BAD_REQUEST, "documentId is missing.")
        if text not in self._texts:
            raise _not_trusted()
        return Wanted(text)

    def keep(self, wanted: Wanted) -> None:
        """Do nothing: clients cannot register documents."""


def read_documents(path: Path) -> dict[str, str]:
    """Return the registered documents in `path` by id; raises ValueError if unreadable.

    A folder has one document in each `*.graphql` file, also in its subfolders. A JSON file is an
    object of texts by id, as Relay writes, or an Apollo manifest.
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
        raise ValueError(
            "TRUSTED_DOCUMENTS must be a folder, or a JSON object of document texts by their ids"
        )
    return given


def source_of(path: Path | None) -> DocumentSource:
    """Return the source of documents.

    With a `path` from the settings, only the documents registered there are allowed; if it is None,
    clients may send any.
    """
    return SentDocuments() if path is None else TrustedDocuments(read_documents(path))


def faults_of(schema: CustomerClassesSchema, text: str) -> list[str]:
    """Return the messages of syntax and validation errors in a document; empty if it is valid."""
    try:
        document = schema.parsed(text)
    except GraphQLError as error:
        return [error.message]
    operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
    if not operations:
        return ["The document contains no operation."]
    return [error.message for error in schema.faults(document, tuple(specified_rules))]


def _not_found() -> RequestRefused:
    # Apollo clients recognise this error by its message.
    return RequestRefused(ErrorCode.PERSISTED_QUERY_NOT_FOUND, "PersistedQueryNotFound")


def _not_trusted() -> RequestRefused:
    return RequestRefused(
        ErrorCode.DOCUMENT_NOT_TRUSTED,
        "This server runs only registered documents, and this one is not registered. Ask the"
        " operator to register it.",
    )
