"""Writes From and To with one mailbox each, whatever the name holds. PURE.

Python's own way forgets the quotes of a name once the header is long, so that a comma in it makes
two mailboxes of one (python/cpython#80222). Here a name stays on one line, which mails allow up to
998 characters; what follows it goes to the next.
"""

import re
from email.header import Header
from email.policy import EmailPolicy
from typing import Self

LINE_LENGTH = 76

_PLAIN = re.compile(r"[\w!#$%&'*+/=?^_`{|}~ -]*")
"""Names that need no quotes (RFC 5322, atoms)."""


class MailboxHeader(str):
    """The value of a header that is a name and an email address.

    A message keeps it as it is, and asks it for its lines.
    """

    name: str
    """The name of the header."""

    def __new__(cls, header: str, name: str, address: str) -> Self:
        """Take a name and an address, neither of which holds a control character."""
        made = super().__new__(cls, f"{_quoted(name)} <{address}>" if name else address)
        made.name, made._who, made._address = header, name, address
        return made

    _who: str
    _address: str

    def fold(self, *, policy: EmailPolicy) -> str:
        """Return the lines of the header; names go out encoded unless UTF-8 is agreed on."""
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
    """Write a name as it stands in a header; characters beyond ASCII stay."""
    if _PLAIN.fullmatch(name) and "  " not in name:
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
