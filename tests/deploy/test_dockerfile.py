"""The Dockerfile names files that exist, copies all that the program imports, and is not root."""

import re
import tomllib

from tests.deploy.dockerfile import DOCKERFILE, ROOT, command, copied, environment, instructions
from tests.source_modules import PACKAGES

IGNORED = ROOT / "deploy" / "Dockerfile.dockerignore"


def test_everything_that_is_copied_exists() -> None:
    assert len(copied()) > 20
    assert [path for path in copied() if not (ROOT / path).exists()] == []


def test_everything_that_is_copied_is_sent_to_the_build() -> None:
    sent = [line[1:] for line in IGNORED.read_text().splitlines() if line.startswith("!")]
    assert IGNORED.read_text().splitlines()[1] == "*"
    assert [one for one in sent if not list(ROOT.glob(one))] == []
    allowed = {path.relative_to(ROOT).parts[0] for one in sent for path in ROOT.glob(one)}
    assert [path for path in copied() if path.split("/")[0] not in allowed] == []


def test_all_packages_and_modules_of_the_program_are_copied() -> None:
    modules = {path.name for path in ROOT.glob("*.py")}
    assert {"manage.py", "app.py"} <= modules
    assert {*modules, *PACKAGES} - set(copied()) == set()


def test_the_image_runs_as_nobody_in_particular_and_starts_commands_that_exist() -> None:
    (user,) = [one.text for one in instructions() if one.name == "USER"]
    assert int(user) > 0
    names = [one.name for one in instructions()]
    assert names.index("USER") > max(at for at, name in enumerate(names) if name == "RUN")
    assert command("CMD") == ["python", "manage.py", "serve", "--no-worker"]
    assert "/healthz" in command("HEALTHCHECK")[-1]


def test_the_image_sets_only_settings_and_variables_of_python() -> None:
    from settings import Settings  # noqa: PLC0415  # the names only

    own = {name.upper() for name in Settings.model_fields}
    assert set(environment()) - own == {"PATH", "PYTHONUNBUFFERED"}


def test_the_versions_are_those_that_the_project_supports() -> None:
    text = DOCKERFILE.read_text()
    (python,) = re.findall(r"^ARG PYTHON=(\S+)$", text, re.MULTILINE)
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert tuple(map(int, python.split("."))) >= tuple(
        map(int, wanted.removeprefix(">=").split("."))
    )
    (node,) = re.findall(r"^ARG NODE=(\d+)$", text, re.MULTILINE)
    assert int(node) > 22  # as playground/with-node says


def test_images_are_named_without_a_registry() -> None:
    images = [one.text.split()[0] for one in instructions() if one.name == "FROM"]
    assert images == ["node:${NODE}-slim", "python:${PYTHON}-slim", "python:${PYTHON}-slim"]
