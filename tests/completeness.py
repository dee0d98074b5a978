"""Says which entries a table of a test lacks, and where to add them."""

from collections.abc import Iterable


def assert_complete(table: str, has: Iterable[object], needs: Iterable[object], entry: str) -> None:
    """Fail unless a table has an entry for each part of the code, and no other.

    `table` names it with its file, as "MUTATIONS in tests/mutations.py"; `entry` says what to add.
    """
    __tracebackhide__ = True
    had, needed = set(has), set(needs)
    missing, left = (sorted(map(str, one)) for one in (needed - had, had - needed))
    assert had == needed, (
        f"{table}: missing {missing or 'nothing'}, no longer in the code {left or 'nothing'}."
        f" Add {entry}; docs/contributing/tests.md lists all such tables."
    )
