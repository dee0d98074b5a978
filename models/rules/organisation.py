"""The organisation that runs the service, as mails and pages introduce it. PURE."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who asks, with links for questions; without a name, mails and pages use neutral words."""

    name: str | None = None
    privacy_url: str | None = None
    """Address of the privacy notice."""
    contact: str | None = None
    """An email address, or an http(s) address."""

    @property
    def contact_url(self) -> str | None:
        """The contact as the target of a link."""
        is_mail = self.contact is not None and "://" not in self.contact
        return f"mailto:{self.contact}" if is_mail else self.contact
