"""The lock file pins the dependencies in pyproject.toml, for all platforms."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DECLARED = [
    Requirement(text)
    for texts in (PROJECT["dependencies"], *PROJECT["optional-dependencies"].values())
    for text in texts
]
LOCKED = [
    Requirement(line)
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if not line.startswith("#")
]


def test_the_lock_pins_each_package_exactly_and_names_no_place_to_get_it() -> None:
    loose = [one for one in LOCKED if [part.operator for part in one.specifier] != ["=="]]
    assert loose == []
    assert [one for one in LOCKED if one.url] == []


def test_the_lock_has_a_version_that_each_declared_range_allows() -> None:
    pins = {one.name: next(iter(one.specifier)).version for one in LOCKED}
    wrong = [str(one) for one in DECLARED if not one.specifier.contains(pins.get(one.name, "0"))]
    assert wrong == []
