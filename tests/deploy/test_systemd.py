"""The systemd units: known directives, commands that exist, and little that they may do."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from manage import cli
from settings import Settings
from tests.deploy.dockerfile import ROOT

UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
ANALYZE = shutil.which("systemd-analyze")
PYTHON = "/opt/customer-classes/.venv/bin/python"
MAX_EXPOSURE = 2.0
"""Of ten; systemd calls less than two OK, the best of its words for a service with a network."""


def directive(unit: Path, name: str) -> str:
    (found,) = re.findall(rf"^{name}=(.+)$", unit.read_text(), re.MULTILINE)
    return str(found)


@pytest.fixture
def analyze() -> str:
    if ANALYZE is None:
        pytest.skip("systemd-analyze is not installed")
    return ANALYZE


def test_there_is_a_unit_for_the_api_and_one_for_the_worker() -> None:
    assert [unit.stem for unit in UNITS] == ["customer-classes-web", "customer-classes-worker"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_starts_a_command_with_options_that_exist(unit: Path) -> None:
    python, program, name, *options = shlex.split(directive(unit, "ExecStart"))
    assert (python, program) == (PYTHON, "manage.py")
    cli.commands[name].make_context(name, list(options))


def test_the_time_to_stop_is_longer_than_the_service_takes() -> None:
    fields = Settings.model_fields
    takes = fields["drain_s"].default + fields["stop_timeout_s"].default + 30
    for unit in UNITS:
        assert int(directive(unit, "TimeoutStopSec")) >= takes


def test_a_second_signal_does_not_end_draining() -> None:
    """Without KillMode=mixed, systemd and the first process would each send SIGTERM."""
    (web,) = [unit for unit in UNITS if "web" in unit.stem]
    assert directive(web, "KillMode") == "mixed"
    assert directive(web, "ExecReload") == "/bin/kill -HUP $MAINPID"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_accepts_a_unit(unit: Path, analyze: str, tmp_path: Path) -> None:
    here = tmp_path / unit.name
    here.write_text(unit.read_text().replace(PYTHON, "/bin/true"))
    done = subprocess.run(  # no input of anybody's
        [analyze, "verify", "--man=no", str(here)], capture_output=True, text=True, check=False
    )
    ours = [line for line in done.stderr.splitlines() if unit.stem in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_a_unit_may_do_little(unit: Path, analyze: str) -> None:
    done = subprocess.run(  # no input of anybody's
        [analyze, "security", "--offline=true", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert found is not None
    assert float(found[1]) < MAX_EXPOSURE
