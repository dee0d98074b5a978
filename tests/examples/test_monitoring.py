"""The examples of monitoring: alerts with instructions, and a dashboard, about known metrics."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from observability.metrics import PREFIX, Kind
from observability.metrics_page import DEFINITIONS

ROOT = Path(__file__).resolve().parent.parent.parent
EXAMPLE = ROOT / "examples" / "monitoring"
RUNBOOK = ROOT / "docs" / "operators" / "runbook.md"
ALERTS = (EXAMPLE / "alerts.yml").read_text()
PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus"
)
NAME = re.compile(rf"\b{PREFIX}\w+")
SELECTOR = re.compile(rf"\b({PREFIX}\w+)\{{([^}}]*)\}}")
LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
OF_PROMETHEUS = {"job", "instance", "le"}
SUFFIXES = {
    Kind.COUNTER: ("",),
    Kind.GAUGE: ("",),
    Kind.HISTOGRAM: ("_bucket", "_sum", "_count"),
    Kind.SUMMARY: ("_sum", "_count"),
}
LABELS = {one.name + suffix: {*one.labels} for one in DEFINITIONS for suffix in SUFFIXES[one.kind]}


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLE / "dashboard.json").read_text())
    return found


def panels() -> Iterator[dict[str, Any]]:
    return (one for one in dashboard()["panels"] if one["type"] != "row")


def expressions() -> str:
    """Return the text of all alerts, and the queries of all panels."""
    queries = [target["expr"] for panel in panels() for target in panel["targets"]]
    variables = [one.get("definition", "") for one in dashboard()["templating"]["list"]]
    tests = (EXAMPLE / "alerts_test.yml").read_text()
    return "\n".join((ALERTS, tests, *queries, *variables))


def alert_names(key: str, text: str) -> list[str]:
    return re.findall(rf"^\s*- {key}: (\w+)", text, re.MULTILINE)


def test_every_metric_of_the_examples_exists_with_its_labels() -> None:
    assert set(NAME.findall(expressions())) - LABELS.keys() == set()
    unknown = {
        (name, label)
        for name, labels in SELECTOR.findall(expressions())
        for label in LABEL.findall(labels)
        if label not in LABELS[name] | OF_PROMETHEUS
    }
    assert unknown == set()


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    names = set(NAME.findall(shown))
    whole = {
        one.name
        for one in DEFINITIONS
        if not {one.name + suffix for suffix in SUFFIXES[one.kind]} & names
    }
    assert whole == set()


def test_panels_have_ids_and_places_of_their_own() -> None:
    found = dashboard()["panels"]
    assert len({one["id"] for one in found}) == len(found)
    places = {(one["gridPos"]["x"], one["gridPos"]["y"]) for one in found}
    assert len(places) == len(found)


def test_every_alert_leads_to_a_section_of_the_runbook() -> None:
    links = re.findall(r"runbook_url: docs/operators/runbook\.md#(\S+)", ALERTS)
    assert len(links) == len(alert_names("alert", ALERTS))
    headings = re.findall(r"^## (.+)$", RUNBOOK.read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings}
    assert set(links) - anchors == set()


def test_every_alert_has_values_at_which_it_is_quiet_and_fires() -> None:
    tested = alert_names("name", (EXAMPLE / "alerts_test.yml").read_text().replace(" quiet", "_q"))
    names = alert_names("alert", ALERTS)
    assert sorted(tested) == sorted([*names, *(f"{one}_q" for one in names)])


def test_names_follow_the_conventions_of_prometheus() -> None:
    """https://prometheus.io/docs/practices/naming/: base units, and _total for counters only."""
    assert len({one.name for one in DEFINITIONS}) == len(DEFINITIONS)
    for one in DEFINITIONS:
        assert re.fullmatch(rf"{PREFIX}[a-z]+(_[a-z]+)*", one.name)
        assert one.name.endswith("_total") == (one.kind is Kind.COUNTER)
        assert not re.search(r"_(ms|minutes|hours|percent|kb)\b", one.name)
        assert one.meaning.endswith(".")


@needs_promtool
@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "rules", "alerts.yml"),
        ("check", "config", "--syntax-only", "prometheus.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
)
def test_prometheus_accepts_the_rules(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["promtool", *arguments], cwd=EXAMPLE, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
