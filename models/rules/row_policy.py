"""What a bulk mutation does if some of its rows have errors, and its maximum sizes. PURE."""

from enum import StrEnum, unique


@unique
class RowPolicy(StrEnum):
    """What to do with the rows without errors if other rows of the call have errors."""

    REFUSE_ALL = "REFUSE_ALL"
    REFUSE_FAILED_ROWS = "REFUSE_FAILED_ROWS"


MAX_ROWS = 200
"""Rows of one call. A call with this number of new customers takes about a second."""

MAX_CONTACTS = 20
"""Contacts that can be saved together with one customer."""

MAX_CONTACTS_OF_CALL = 500
"""Contacts that one call can save together with customers.

Each reference is locked until the call ends, and PostgreSQL has room for some thousand locks.
"""
