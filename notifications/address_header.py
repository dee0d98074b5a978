"""Writes From and To headers of mails with exactly one email address each, for any name. PURE.

Python's own headers lose the quotes around a name when a long header is folded (split into lines),
so a comma in the name turns one address into two (python/cpython#80222). Here a name is never
folded: it stays on one line, which may have up to 998 characters. If that line is long, the email
address is on the next.
"""

import re
from email.header import Header
from email.policy import EmailPolicy
from typing import Self

LINE_LENGTH = 76

_PLAIN = re.compile(r"[\w!#$%&'*+/=?^_`{|}~ -]*")
"""Matches names that need no quotes (RFC 5322, atoms)."""


class MailboxHeader(str):
    """The value of a From or To header: a name and an email address.

    `EmailMessage` stores the value unchanged, and calls `fold` to write it.
    """

    name: str
    """The name of the header: From or To."""

    def __new__(cls, header: str, name: str, address: str) -> Self:
        """Create the value of `header`; `name` may be empty.

        Neither name nor address may contain control characters.
        """
        made = super().__new__(cls, f"{_quoted(name)} <{address}>" if name else address)
        made.name, made._who, made._address = header, name, address
        return made

    _who: str
    _address: str

    def fold(self, *, policy: EmailPolicy) -> str:
        """Return the header as lines of text.

        A name with characters outside ASCII is encoded, unless the policy allows UTF-8.
        """
        if not self._who:
            return f"{self.name}: {self._address}{policy.linesep}"
        who = _quoted(self._who)
        if not policy.utf8 and not who.isascii():
            encoded = Header(self._who, "utf-8", LINE_LENGTH, header_name=self.name)
            who = encoded.encode(linesep=policy.linesep)
        last = f"{self.name}: {who}".rpartition(policy.linesep)[2]
        is_short = len(last) + len(self._address) + len(" <>") <= LINE_LENGTH
        space = " " if is_short else f"{policy.linesep} "
        return f"{self.name}: {who}{space}<{self._address}>{policy.linesep}"


def _quoted(name: str) -> str:
    """Return a name for a header, in quotes if needed; other than ASCII is not encoded."""
    if _PLAIN.fullmatch(name) and "  " not in name:
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
