"""Scrapes metrics as Prometheus does, and reads the text format."""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from observability.metrics import PREFIX

Key = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True)
class Scrape:
    """A page of metrics: its values by name and labels."""

    values: Mapping[Key, float]
    text: str

    def of(self, name: str, **labels: str) -> float:
        """Return the value of a series of our own; 0 if there is none."""
        return self.values.get((PREFIX + name, frozenset(labels.items())), 0)

    def series(self, name: str = "") -> dict[Key, float]:
        """Return the series of our own whose names begin with `name`."""
        return {key: one for key, one in self.values.items() if key[0].startswith(PREFIX + name)}

    def since(self, before: "Scrape", name: str) -> dict[tuple[str, ...], float]:
        """Return by label values, sorted by label, how much a counter grew; without zeros."""
        grown = {key: value - before.values.get(key, 0) for key, value in self.series(name).items()}
        return {
            tuple(value for _, value in sorted(labels)): number
            for (_, labels), number in grown.items()
            if number
        }


async def scrape(address: str | None, path: str = "/metrics") -> Scrape:
    """Scrape an address; asserts that the page is complete and in the text format."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://{address}{path}") as response,
    ):
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/plain; version=")
        return parsed(await response.text())


def parsed(text: str) -> Scrape:
    """Read a page; asserts that no series is there twice."""
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    values = {(one.name, frozenset(one.labels.items())): one.value for one in samples}
    assert len(values) == len(samples)
    return Scrape(values, text)
