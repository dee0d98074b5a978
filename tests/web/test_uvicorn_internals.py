"""Private names of uvicorn: the versions checked, and the only module that may use them."""

import re
from importlib.metadata import version
from pathlib import Path

from web.uvicorn_internals import STATUS_LINE

ROOT = Path(__file__).parent.parent.parent
INTERNAL = re.compile(
    r"uvicorn\.(protocols|server|main)\b|\bserver_state\b|\b_captured_signals\b|\bself\.cycle\b"
    r"|\b_should_upgrade\b|\bself\.conn\b|\bhandle_exit\b"
)


def test_the_internals_are_of_versions_that_were_read() -> None:
    """Before allowing a newer version, compare `web/uvicorn_internals.py` with its sources."""
    assert version("uvicorn").startswith("0.54.")
    assert version("websockets").startswith("17.")
    pinned = (ROOT / "pyproject.toml").read_text()
    assert '"uvicorn>=0.54,<0.55"' in pinned
    assert '"websockets>=17,<18"' in pinned


def test_one_module_names_them() -> None:
    paths = [*ROOT.glob("web/*.py"), *ROOT.glob("commands/*.py"), ROOT / "manage.py"]
    naming = [path.name for path in paths if INTERNAL.search(path.read_text())]
    assert naming == ["uvicorn_internals.py"]


def test_the_status_lines_that_are_needed_are_known() -> None:
    for status in (400, 408, 414, 431, 501, 503, 505):
        assert re.fullmatch(rb"HTTP/1\.1 %d [A-Za-z /-]+\r\n" % status, STATUS_LINE[status])
