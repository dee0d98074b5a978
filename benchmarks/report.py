"""Turns measurements into ratios, tables and result files."""

import os
import platform
import re
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from benchmarks.load import Measured
from benchmarks.measure import Outcome, Plan
from benchmarks.seed import ROOT
from benchmarks.servers import NODE, PEERS

RESULTS = Path(__file__).resolve().parent / "results"
PACKAGES = (
    "aiosqlite", "asyncpg", "graphql-core", "orjson", "starlette", "strawberry-graphql",
    "tortoise-orm", "uvicorn", "uvloop",
)  # fmt: skip
NODE_PACKAGES = ("fastify", "graphql", "graphql-jit", "mercurius", "pg", "postgraphile")

RATIOS: tuple[tuple[str, str, Callable[[Measured], float]], ...] = (
    ("throughput / PostGraphile", "postgraphile", lambda one: one.per_second),
    ("throughput / Mercurius", "mercurius", lambda one: one.per_second),
    ("throughput / ceiling", "ceiling", lambda one: one.per_second),
    ("throughput / floor", "naive", lambda one: one.per_second),
    ("p99 / PostGraphile", "postgraphile", lambda one: one.p99_ms),
    ("CPU time / PostGraphile", "postgraphile", lambda one: one.cpu_ms or 0.0),
)


def machine() -> dict[str, Any]:
    """Describe the machine and the versions that were measured."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "node": _output_of(NODE, "--version"),
        "peers": {name: found for name in NODE_PACKAGES if (found := _node_version(name))},
        "commit": _output_of("git", "rev-parse", "--short=10", "HEAD"),
    }


def report(outcomes: Iterable[Outcome], plan: Plan, where: dict[str, Any], tool: str) -> str:
    """Return the report in Markdown."""
    lines = [
        f"# {plan.size:,} customers, {datetime.now(UTC):%Y-%m-%d}",
        "",
        (
            f"Commit {where['commit'] or 'unknown'}; {where['cores']} cores ({where['processor']}),"
            f" Python {where['python']}, Node {where['node'] or 'absent'}; {tool}, concurrency"
            f" {plan.concurrency}, {plan.rounds} interleaved rounds of {plan.seconds:g} s. Medians;"
            " only ratios are meaningful, and differences under 10 % are noise."
        ),
    ]
    for outcome in outcomes:
        lines += ["", f"## {_title(outcome)}", "", *_ratio_table(outcome)]
        lines += ["", "### Requests per second", ""]
        lines += _table(outcome, lambda one: one.per_second, _rounded)
        lines += ["", "### p50 / p99, ms", "", *_latency_table(outcome)]
        if any(one.cpu_ms is not None for one in _all(outcome)):
            lines += ["", "### CPU time of the server, ms per request", ""]
            lines += _table(outcome, lambda one: one.cpu_ms or 0.0, lambda ms: f"{ms:.2f}")
        lines += _cursors(outcome)
        lines += ["", "### Memory, MB", "", *_memory_table(outcome), ""]
        lines += [f"- {key}: {title}" for key, title in outcome.operations.items()]
        lines += [f"- {line}" for line in outcome.skipped]
    packages = {**where["packages"], **where["peers"]}
    lines += ["", "Versions: " + ", ".join(f"{name} {found}" for name, found in packages.items())]
    return "\n".join(lines) + "\n"


def write_files(text: str, outcomes: Iterable[Outcome], plan: Plan, where: dict[str, Any]) -> Path:
    """Write the report and its JSON; return the path of the report."""
    RESULTS.mkdir(exist_ok=True)
    stem = f"{datetime.now(UTC):%Y-%m-%d}-{plan.size}"
    taken = {path.stem for path in RESULTS.glob(f"{stem}*.json")}
    name = stem
    for number in range(2, len(taken) + 2):
        if name not in taken:
            break
        name = f"{stem}-{number}"
    record = {
        "measured_at": datetime.now(UTC),
        "machine": where,
        "plan": asdict(plan),
        "databases": [outcome.as_dict() for outcome in outcomes],
    }
    path = RESULTS / f"{name}.md"
    path.write_text(text, encoding="utf-8")
    path.with_suffix(".json").write_bytes(orjson.dumps(record, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def _ratio_table(outcome: Outcome) -> list[str]:
    """Return a table of ratios to other servers, computed per round.

    Turns of the same round run under similar conditions, so their ratio varies less.
    """
    present = [one for one in RATIOS if one[1] in outcome.titles]
    rows = []
    for key, servers in outcome.rounds.items():
        cells = [key]
        for _, peer, of in present:
            pairs = zip(servers.get("ours", []), servers.get(peer, []), strict=False)
            ratios = [of(ours) / of(theirs) for ours, theirs in pairs if of(theirs)]
            cells.append(_spread(ratios))
        rows.append(cells)
    return _markdown(["", *(title for title, _, _ in present)], rows)


def _table(
    outcome: Outcome, of: Callable[[Measured], float], write: Callable[[float], str]
) -> list[str]:
    rows = []
    for server, title in outcome.titles.items():
        cells = [title]
        for servers in outcome.rounds.values():
            turns = servers.get(server)
            cells.append(write(median(of(turn) for turn in turns)) if turns else "")
        rows.append(cells)
    return _markdown(["", *outcome.rounds], rows)


def _latency_table(outcome: Outcome) -> list[str]:
    rows = []
    for server, title in outcome.titles.items():
        cells = [title]
        for servers in outcome.rounds.values():
            turns = servers.get(server, [])
            low, high = ([t.p50_ms for t in turns], [t.p99_ms for t in turns])
            cells.append(f"{_rounded(median(low))} / {_rounded(median(high))}" if turns else "")
        rows.append(cells)
    return _markdown(["", *outcome.rounds], rows)


def _memory_table(outcome: Outcome) -> list[str]:
    moments = list(dict.fromkeys(name for one in outcome.memory_mb.values() for name in one))
    rows = [
        [outcome.titles[server], *(f"{one[name]:.0f}" if name in one else "" for name in moments)]
        for server, one in outcome.memory_mb.items()
    ]
    return _markdown(["", *moments], rows)


def _cursors(outcome: Outcome) -> list[str]:
    """Return a table that compares the last page with the first.

    With keyset cursors both take the same time.
    """
    lines = []
    for server, last in outcome.rounds.get("PN", {}).items():
        pairs = zip(last, outcome.rounds.get("P1", {}).get(server, []), strict=False)
        ratios = [deep.per_second / first.per_second for deep, first in pairs]
        if ratios:
            title = outcome.titles[server]
            lines += ["", f"Last page / first page, {title}: {_spread(ratios)}"]
    return lines


def _title(outcome: Outcome) -> str:
    name = "PostgreSQL" if outcome.database == "postgres" else "SQLite"
    return f"{name} {outcome.version.split()[0]}"


def _all(outcome: Outcome) -> list[Measured]:
    return [turn for one in outcome.rounds.values() for turns in one.values() for turn in turns]


def _spread(values: list[float]) -> str:
    if not values:
        return ""
    return f"{median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"  # noqa: PLR2004  # three digits do


def _markdown(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        found = re.search(r"model name\s*:\s*(.+)", information.read_text(errors="replace"))
        if found:
            return found.group(1)
    return platform.processor() or "unknown"


def _output_of(*command: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  # fixed commands
            command, cwd=ROOT, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _node_version(name: str) -> str | None:
    manifest = PEERS / "node_modules" / name / "package.json"
    if not manifest.exists():
        return None
    found: str = orjson.loads(manifest.read_bytes())["version"]
    return found
