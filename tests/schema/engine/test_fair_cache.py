"""A cache shared fairly: a caller who adds thousands of entries evicts only their own."""

from collections.abc import Sequence
from typing import Any

import pytest

from models.tables.access import Scope
from schema.engine.document_cache import Documents
from schema.engine.fair_cache import IDLE_S, Entry, FairCache
from schema.engine.trusted_documents import PREFIX, SentDocuments, id_of
from tests.access_world import add_user, issue
from tests.graphql_client import Api, the_schema


class Clock:
    """A clock in seconds that tests advance."""

    now = 0.0

    def __call__(self) -> float:
        """Return the current time in seconds."""
        return self.now


def filled(cache: FairCache[int], *entries: tuple[str, int]) -> list[str]:
    """Put entries (owner, size), named a0, a1, b0 and so on; return the names that remain."""
    counts: dict[str, int] = {}
    for owner, size in entries:
        number = counts[owner] = counts.get(owner, -1) + 1
        cache.put(f"{owner}{number}", Entry(number, size, owner))
    return kept(cache)


def kept(cache: FairCache[int]) -> list[str]:
    """Return the names of the cached entries, without marking them as used."""
    return sorted(map(str, cache._entries))


def ones(*owners: str) -> Sequence[tuple[str, int]]:
    """Return entries of size one for these owners."""
    return [(owner, 1) for owner in owners]


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        (ones(*"aaaa"), ["a1", "a2", "a3"]),  # a single owner can use the whole cache
        (ones(*"baaaa"), ["a2", "a3", "b0"]),  # an owner who adds many evicts their own
        (
            ones(*"aaab"),
            ["a1", "a2", "b0"],
        ),  # the owner with the most entries makes room for another
        (ones(*"abcd"), ["b0", "c0", "d0"]),  # of equal owners, the first
        ([("a", 3), ("b", 6), ("b", 1)], ["a0", "b0", "b1"]),  # exactly as large as the cache
        ([("a", 3), ("b", 6), ("b", 2)], ["a0", "b1"]),  # by size as well as by number
        ([("a", 5), ("a", 5), ("b", 1)], ["a1", "b0"]),
        ([("a", 1), ("b", 11)], ["a0"]),  # larger than the cache
    ],
)
def test_who_holds_most_makes_room(entries: Sequence[tuple[str, int]], left: list[str]) -> None:
    cache = FairCache[int](3, 10)
    assert filled(cache, *entries) == left
    sizes = [entry.size for entry in cache._entries.values()]
    assert cache._size == sum(sizes) <= 10
    assert sum(share.size for share in cache._shares.values()) == sum(sizes)


def test_an_owner_loses_what_they_used_least_recently() -> None:
    cache = FairCache[int](3, 10)
    filled(cache, *ones(*"aab"))
    assert cache.get("a0") == 0
    cache.put("a2", Entry(2, 1, "a"))
    assert kept(cache) == ["a0", "a2", "b0"]


def test_what_nobody_has_used_for_an_hour_goes_first() -> None:
    clock = Clock()
    cache = FairCache[int](3, 10, clock)
    filled(cache, *ones(*"ba"))
    clock.now = IDLE_S
    assert filled(cache, *ones(*"aa")) == ["a0", "a1", "b0"]  # put again
    clock.now += 1
    cache.put("a2", Entry(2, 1, "a"))
    assert kept(cache) == ["a0", "a1", "a2"]


def test_what_is_taken_out_leaves_nothing_behind() -> None:
    cache = FairCache[int](3, 10)
    filled(cache, *ones(*"aab"))
    assert cache.pop("b0") == Entry(0, 1, "b")
    assert cache.pop("b0") is None
    assert cache.get("b0") is None
    assert (set(cache._shares), len(cache._used_at), cache._size) == ({"a"}, 2, 2)


def test_thousands_of_documents_sent_push_out_nobody_elses() -> None:
    documents = SentDocuments()
    for number in range(20):
        text = f"{{ gentle{number} }}"
        documents.keep(documents.find(text, id_of(text), "gentle"))
    for number in range(10_000):
        text = f"{{ hostile{number} }}"
        documents.keep(documents.find(text, id_of(text), "hostile"))
    for number in range(20):
        text = f"{{ gentle{number} }}"
        assert documents.find(None, id_of(text), "gentle").text == text


def test_documents_prepared_for_one_caller_are_not_pushed_out_by_another() -> None:
    documents, document = Documents(), the_schema().parsed("{ viewer { name } }")
    gentle = [f"{{ gentle{number} }}" for number in range(20)]
    for text in gentle:
        documents.keep(text, document, "gentle")
        assert documents.get(text) is document  # used again, so it stays
    documents.keep("{ first }", document, "gentle")  # it was sent only once
    for number in range(10_000):
        text = f"{{ hostile{number} }}"
        documents.keep(text, document, "hostile")
        if number % 2:
            documents.get(text)  # sent twice
    assert all(documents.get(text) is document for text in [*gentle, "{ first }"])


async def test_one_partners_documents_outlast_a_flood_by_another(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = []
    for name in "AB":
        reseller = await api.save_customer(name=name, classCode="RESELLER_OTHER")
        user = await add_user(api, name, Scope.CUSTOMERS_READ, resellerId=reseller["id"])
        secrets.append((await issue(api, user, Scope.CUSTOMERS_READ))["secret"])
    gentle, hostile = ({"Authorization": f"Bearer {secret}"} for secret in secrets)

    async def code(headers: dict[str, str], **body: Any) -> str | None:
        answer = (await api.http.post("/graphql", json=body, headers=headers)).json()
        return answer["errors"][0]["extensions"]["code"] if "errors" in answer else None

    text = "{ viewer { name } }"
    assert await code(gentle, query=text, documentId=id_of(text)) is None
    monkeypatch.setattr("schema.engine.fair_cache.FairCache.put", _small(5))
    for number in range(20):
        flood = f"{{ viewer {{ name{number}: name }} }}"
        assert await code(hostile, query=flood, documentId=id_of(flood)) is None
    assert await code(gentle, documentId=id_of(text)) is None
    assert await code(hostile, documentId=id_of(flood)) is None
    first = id_of("{ viewer { name0: name } }")
    assert await code(hostile, documentId=first) == "PERSISTED_QUERY_NOT_FOUND"
    # A response to the id must not reveal that another caller registered it.
    assert await code(hostile, documentId=id_of(text)) == "PERSISTED_QUERY_NOT_FOUND"
    assert id_of(text).startswith(PREFIX)


def _small(most: int) -> Any:
    """Return the method `put` of a cache for at most `most` entries."""
    put = FairCache.put

    def put_within(cache: FairCache[Any], key: Any, entry: Entry[Any]) -> None:
        cache._max_entries = most
        put(cache, key, entry)

    return put_within
