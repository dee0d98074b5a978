"""Reads deploy/compose.yaml as `docker compose` does, for tests without a container runtime."""

import re
from dataclasses import dataclass
from typing import Any

import pytest

from tests.deploy.dockerfile import ROOT, command, environment

COMPOSE = ROOT / "deploy" / "compose.yaml"
OURS = "customer-classes"
VARIABLE = re.compile(r"\$\{([A-Z_]+):([-?])([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the composition that runs our image."""

    name: str
    command: list[str]
    settings: dict[str, str]
    """What its environment sets, with that of the image."""
    health: list[str] | None
    after: dict[str, str]
    """By service, the condition that must hold before this one starts."""
    replicas: int


def composition(**variables: str) -> dict[str, Any]:
    """Return the content of the file; variables that it requires must be given."""
    yaml: Any = pytest.importorskip(
        "yaml", reason="PyYAML is not installed; `make docs` installs it"
    )

    def value(found: re.Match[str]) -> str:
        name, kind, rest = found.groups()
        if kind == "?":
            return variables[name]
        return variables.get(name, rest)

    read: dict[str, Any] = yaml.safe_load(VARIABLE.sub(value, COMPOSE.read_text()))
    return read


def services(**variables: str) -> dict[str, Service]:
    """Return the services that run our image, by name."""
    found = composition(**variables)["services"]
    return {
        name: Service(
            name,
            given.get("command") or command("CMD"),
            environment() | given["environment"],
            None if given.get("healthcheck", {}).get("disable") else command("HEALTHCHECK"),
            {before: one["condition"] for before, one in given.get("depends_on", {}).items()},
            given.get("deploy", {}).get("replicas", 1),
        )
        for name, given in found.items()
        if given["image"] == OURS
    }
