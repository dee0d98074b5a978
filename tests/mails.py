"""Parses mails and pages for tests: text, HTML and links."""

import re
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from html.parser import HTMLParser
from pathlib import Path

from lxml import html
from lxml.html import HtmlElement

LINK = re.compile(r"^https?://\S+", re.MULTILINE)


@dataclass(frozen=True)
class Mail:
    """A received mail."""

    message: EmailMessage

    @classmethod
    def of(cls, content: bytes) -> "Mail":
        """Parse the bytes of a mail."""
        message = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        return cls(message)

    @property
    def text(self) -> str:
        """The plain-text part."""
        return self._part("plain")

    @property
    def html(self) -> str:
        """The HTML part."""
        return self._part("html")

    @property
    def links(self) -> list[str]:
        """The links of the text part; asserts that the HTML part has the same links."""
        found = LINK.findall(self.text)
        page: HtmlElement = html.fromstring(self.html)
        assert [str(link) for link in page.xpath("//a/@href")] == found
        return found

    def path(self, place: int = 0) -> str:
        """Return the path of the link at a position."""
        return "/" + self.links[place].split("/", 3)[3]

    def _part(self, kind: str) -> str:
        part = self.message.get_body((kind,))
        assert isinstance(part, EmailMessage)
        content: str = part.get_content()
        return content


def mails_in(folder: Path) -> list[Mail]:
    """Return the mails of a file mailbox, oldest first."""
    return [Mail.of(file.read_bytes()) for file in sorted(folder.glob("*.eml"))]


class Page(HTMLParser):
    """A parsed page: what a browser without scripts shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.forms: list[dict[str, str | None]] = []
        self.state: str | None = None
        self.language: str | None = None
        self._words: list[str] = []
        self._is_hidden = False
        self.feed(text)

    @property
    def words(self) -> str:
        """The visible text."""
        return " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record a tag."""
        given = dict(attrs)
        self.tags.append(tag)
        self._is_hidden = tag in {"style", "script"}
        if tag == "form":
            self.forms.append(given)
        if tag == "main":
            self.state = given["data-state"]
        if tag == "html":
            self.language = given["lang"]

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002  # the parser's own form
        """Note the end of a style or script element."""
        self._is_hidden = False

    def handle_data(self, data: str) -> None:
        """Record visible text."""
        if not self._is_hidden:
            self._words.append(data)
