"""A cache that callers share fairly: a caller who adds many entries evicts only their own.

Each entry counts towards the share of its owner, the caller who added it. When the cache is full,
entries that were not used for an hour are evicted first; after these, the least recently used entry
of the owner with the largest share.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

IDLE_S = 3600.0

Value = TypeVar("Value")


class Entry(NamedTuple, Generic[Value]):
    """A value, its size, and the key of the caller whose share of the cache it uses."""

    value: Value
    size: int
    owner: str


class _Share:
    """The entries of one owner: their keys, least recently used first, and their total size."""

    __slots__ = ("keys", "size")

    def __init__(self) -> None:
        self.keys: OrderedDict[Hashable, None] = OrderedDict()
        self.size = 0


class FairCache(Generic[Value]):
    """A cache of values by key.

    It has at most `max_entries` values, whose sizes add up to at most `max_size`. `clock` returns
    seconds.
    """

    def __init__(
        self, max_entries: int, max_size: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._max_entries = max_entries
        self._max_size = max_size
        self._clock = clock
        self._entries: dict[Hashable, Entry[Value]] = {}
        self._used_at: OrderedDict[Hashable, float] = OrderedDict()
        self._shares: dict[str, _Share] = {}
        self._parts: dict[str, float] = {}
        """Each owner's fraction of the entries or of the total size, whichever is larger."""
        self._size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> Value | None:
        """Return the value of a key, and count that as a use; None if there is no value."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        self._used_at[key] = self._clock()
        self._used_at.move_to_end(key)
        self._shares[entry.owner].keys.move_to_end(key)
        return entry.value

    def put(self, key: Hashable, entry: Entry[Value]) -> None:
        """Add or replace an entry, and evict entries while the cache is too full."""
        self.pop(key)
        share = self._shares.setdefault(entry.owner, _Share())
        share.keys[key] = None
        share.size += entry.size
        self._parts[entry.owner] = self._part(share)
        self._entries[key] = entry
        self._used_at[key] = self._clock()
        self._size += entry.size
        while len(self._entries) > self._max_entries or self._size > self._max_size:
            self.pop(self._least_needed())

    def pop(self, key: Hashable) -> Entry[Value] | None:
        """Remove an entry and return it; None if there is none."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return None
        del self._used_at[key]
        self._size -= entry.size
        share = self._shares[entry.owner]
        del share.keys[key]
        share.size -= entry.size
        self._parts[entry.owner] = self._part(share)
        if not share.keys:
            del self._shares[entry.owner], self._parts[entry.owner]
        return entry

    def _least_needed(self) -> Hashable:
        key, used_at = next(iter(self._used_at.items()))
        if self._clock() - used_at > IDLE_S:
            return key
        largest = max(self._parts, key=self._parts.__getitem__)
        return next(iter(self._shares[largest].keys))

    def _part(self, share: _Share) -> float:
        return max(len(share.keys) / self._max_entries, share.size / self._max_size)
