"""The organisation that runs the service, as named in mails and on pages. PURE."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Organisation:
    """The organisation's name and links; without a name, mails and pages use neutral words."""

    name: str | None = None
    privacy_url: str | None = None
    """The URL of the privacy notice."""
    contact: str | None = None
    """An email address, or an http(s) URL."""

    @property
    def contact_url(self) -> str | None:
        """`contact` as the target of a link: a `mailto:` URL for an email address."""
        is_mail = self.contact is not None and "://" not in self.contact
        return f"mailto:{self.contact}" if is_mail else self.contact
