"""Asserts that a table in a test has all entries, and names the missing ones."""

from collections.abc import Iterable


def assert_complete(table: str, has: Iterable[object], needs: Iterable[object], entry: str) -> None:
    """Assert that a table has exactly the entries `needs`.

    `table` is its name and file, such as "MUTATIONS in tests/mutations.py"; `entry` describes an
    entry, for the message that asks to add one.
    """
    __tracebackhide__ = True
    had, needed = set(has), set(needs)
    missing, left = (sorted(map(str, one)) for one in (needed - had, had - needed))
    assert had == needed, (
        f"{table}: missing {missing or 'nothing'}, no longer in the code {left or 'nothing'}."
        f" Add {entry}; docs/contributing/tests.md lists all such tables."
    )
