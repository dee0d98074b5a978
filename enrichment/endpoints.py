"""The URLs of Companies House, and checks of links in its answers before they are followed."""

import base64
import re
from dataclasses import dataclass
from typing import Literal

from yarl import URL

from enrichment.errors import InvalidDocumentLink, RedirectRefused
from models.rules.loopback import is_loopback

API_HOST = "api.company-information.service.gov.uk"
DOCUMENT_HOSTS = frozenset(
    {
        "document-api.company-information.service.gov.uk",
        "document-api.companieshouse.gov.uk",
        "frontend-doc-api.company-information.service.gov.uk",
        "frontend-doc-api.companieshouse.gov.uk",
    }
)
STORAGE_HOSTS = frozenset(
    {
        "s3.eu-west-2.amazonaws.com",
        "document-api-images-live.ch.gov.uk.s3.eu-west-2.amazonaws.com",
    }
)
_STORAGE_BUCKET = "document-api-images-live"
_STORAGE_DOMAIN = ".s3.eu-west-2.amazonaws.com"
_DOCUMENT_ID = re.compile(
    r"(?:https?://[^/?#\\\s]+)?/document/([A-Za-z0-9_-]{1,128})(?:/content)?/?"
)
_UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")
_KEY = re.compile(r"[\x21-\x39\x3b-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The origins of the two APIs of Companies House; the API key is sent only to these.

    Raises ValueError for a URL that is not an origin, or is plain http to another machine.
    """

    api_url: str = f"https://{API_HOST}"
    document_url: str = "https://document-api.company-information.service.gov.uk"

    def __post_init__(self) -> None:
        object.__setattr__(self, "api_url", _origin(self.api_url))
        object.__setattr__(self, "document_url", _origin(self.document_url))

    @property
    def is_register(self) -> bool:
        """Whether both origins are those of Companies House itself."""
        api, document = URL(self.api_url), URL(self.document_url)
        return (
            api.host == API_HOST
            and document.host in DOCUMENT_HOSTS
            and api.scheme == document.scheme == "https"
            and api.port == document.port == 443  # noqa: PLR2004 - the https port
        )

    @property
    def source(self) -> Literal["REGISTER", "SANDBOX"]:
        """The source to store with data from these APIs: SANDBOX unless both are the real ones."""
        return "REGISTER" if self.is_register else "SANDBOX"

    def document_metadata_url(self, link: str) -> str:
        """Return the URL of the metadata of the document to which a filing links.

        Links in answers have different hosts. Only the document id in `link` is used, with the
        configured origin, so that the API key is sent nowhere else. Raises InvalidDocumentLink if
        the link contains no document id.
        """
        found = _DOCUMENT_ID.fullmatch(link)
        if found is None:
            raise InvalidDocumentLink
        return f"{self.document_url}/document/{found[1]}"

    def storage_url(self, location: str) -> URL:
        """Return the URL of a document's bytes, from the Location header of a redirect.

        The URL is not normalised, since it is signed. Raises RedirectRefused unless it is an
        absolute https URL of the document store of Companies House. Only a document API on this
        machine may redirect to this machine.
        """
        if _UNSAFE.search(location):
            raise RedirectRefused
        try:
            url = URL(location, encoded=True)
            has_login = url.user is not None or url.password is not None
            host, port = (url.host or "").lower(), url.port
        except ValueError:
            raise RedirectRefused from None
        if not host or has_login or not self._may_fetch(url.scheme, host, port):
            raise RedirectRefused
        return url

    def _may_fetch(self, scheme: str, host: str, port: int | None) -> bool:
        document = URL(self.document_url)
        if is_loopback(document.host or ""):
            return scheme in {"http", "https"} and is_loopback(host)
        return scheme == "https" and port == 443 and _is_storage_host(host)  # noqa: PLR2004


_PATHS = (
    ("company_search", re.compile(r"/search/companies")),
    ("filing_history", re.compile(r"/company/[^/]*/filing-history")),
    ("company_profile", re.compile(r"/company/[^/]*")),
    ("document_content", re.compile(r"/document/[^/]*/content")),
    ("document_metadata", re.compile(r"/document/[^/]*")),
)
DOCUMENT_STORE = "document_store"


def endpoint_name(url: URL) -> str:
    """Return the name of the endpoint that a request went to, for metrics.

    All other URLs are those of the document store, to which the Document API redirects.
    """
    path = url.path
    return next((name for name, form in _PATHS if form.fullmatch(path)), DOCUMENT_STORE)


def authorization(api_key: str) -> str:
    """Return the Authorization header of an API key; raises ValueError for an invalid key."""
    if not _KEY.fullmatch(api_key):
        raise ValueError(
            "a Companies House API key must be 1 to 200 visible characters without a colon"
        )
    return "Basic " + base64.b64encode(f"{api_key}:".encode()).decode()


def _is_storage_host(host: str) -> bool:
    return host in STORAGE_HOSTS or (
        host.startswith(_STORAGE_BUCKET) and host.endswith(_STORAGE_DOMAIN)
    )


def _origin(text: str) -> str:
    if _UNSAFE.search(text):
        raise ValueError("a Companies House URL must not contain spaces or control characters")
    url = URL(text)
    host = url.host or ""
    if url.scheme not in {"http", "https"} or not host:
        raise ValueError("a Companies House URL must be an absolute http(s) URL")
    if url.user is not None or url.password is not None:
        raise ValueError("a Companies House URL must not contain a user name or password")
    if url.path not in {"", "/"} or url.query_string or url.fragment:
        raise ValueError(
            "a Companies House URL must end after the host and port, as https://api.example:"
            " without path or query"
        )
    if url.scheme == "http" and not is_loopback(host):
        raise ValueError(
            "a Companies House URL must be https; plain http is allowed only for servers on this"
            " machine"
        )
    return str(url.origin())
