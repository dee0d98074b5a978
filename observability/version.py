"""Says which version of this program runs."""

import shutil
import subprocess
import tomllib
from contextlib import suppress
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILT_FROM = ROOT / "build" / "commit"
"""The commit that an image was built from, where there is no checkout."""

GIT_TIMEOUT_S = 2


@cache
def version() -> str:
    """Return the version, followed by the commit if that is known, such as `1.2.0+9df5311`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    commit = _commit()
    return f"{project['version']}+{commit}" if commit else str(project["version"])


def _commit() -> str:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return BUILT_FROM.read_text().strip() if BUILT_FROM.is_file() else ""
    with suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(  # noqa: S603  # no input of anybody's
            [git, "describe", "--always", "--dirty"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=GIT_TIMEOUT_S,
            check=True,
        )
        return done.stdout.strip()
    return ""
