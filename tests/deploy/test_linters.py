"""Linters of the folder deploy/, if they are installed: hadolint, and the schema of Compose."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.dockerfile import ROOT

PATHS = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("hadolint", ("Dockerfile",)),
        ("check-jsonschema", ("--builtin-schema", "vendor.compose-spec", "compose.yaml")),
    ],
)
def test_a_linter_finds_nothing(tool: str, arguments: tuple[str, ...]) -> None:
    found = shutil.which(tool, path=PATHS)
    if found is None:
        pytest.skip(f"{tool} is not installed")
    done = subprocess.run(
        [found, *arguments], cwd=ROOT / "deploy", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
