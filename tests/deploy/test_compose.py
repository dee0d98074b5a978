"""The services of compose.yaml, run as processes: in order, healthy, and drained at the end."""

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from manage import cli
from settings import Settings
from tests.databases import Databases
from tests.deploy.composition import COMPOSE, Service, composition, services
from tests.deploy.dockerfile import ROOT, instructions
from tests.processes import ENOUGH_S, ask, environment, run

GIVEN = {"POSTGRES_PASSWORD": "given"}
PORT = "8000"
"""The port of each container, which stands for a free one of this machine."""


def test_the_services_start_commands_with_options_that_exist() -> None:
    found = services(**GIVEN)
    assert set(found) == {"migrate", "web", "worker"}
    for service in found.values():
        python, program, name, *options = service.command
        assert (python, program) == ("python", "manage.py")
        cli.commands[name].make_context(name, list(options))


def test_the_services_set_only_settings_that_exist() -> None:
    own = {name.upper() for name in Settings.model_fields}
    for service in services(**GIVEN).values():
        assert set(service.settings) - own == {"PATH", "PYTHONUNBUFFERED"}
        named = {name: text for name, text in service.settings.items() if text}
        settings = Settings.model_validate({name.lower(): text for name, text in named.items()})
        assert settings.drain_s + settings.stop_timeout_s < 45  # stop_grace_period


def test_what_the_services_share_exists() -> None:
    whole = composition(**GIVEN)
    found = whole["services"]
    for service in found.values():
        assert set(service.get("depends_on", ())) <= set(found)
        build = service.get("build")
        if build is not None:
            assert (COMPOSE.parent / build["context"] / build["dockerfile"]).is_file()
    mounted = [one.split(":")[0] for one in found["proxy"]["volumes"]]
    assert [(COMPOSE.parent / path).is_file() for path in mounted] == [True]
    network = whole["networks"]["default"]["ipam"]["config"][0]["subnet"]
    assert found["web"]["environment"]["TRUSTED_PROXIES"] == network
    caddyfile = (COMPOSE.parent / "Caddyfile").read_text()
    assert "name web\n" in caddyfile
    assert f"port {PORT}\n" in caddyfile
    assert [one.text for one in instructions() if one.name == "EXPOSE"] == [PORT]


@pytest.mark.parametrize("name", ["database", "mail", "proxy"])
def test_a_service_of_another_image_is_run(name: str) -> None:
    image = composition(**GIVEN)["services"][name]["image"]
    pytest.skip(f"{image} needs a container runtime")


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Container:
    """A process that stands for a container of a service."""

    def __init__(self, service: Service, url: str, folder: Path) -> None:
        self.port = str(free_port())
        self._service = service
        self._settings = {
            **service.settings,
            "DATABASE_URL": url,
            "SMTP_URL": "",
            "MAILBOX": str(folder),
            "HOST": "127.0.0.1",
            "PORT": self.port,
        }
        self._settings.pop("PATH")

    def _here(self, command: list[str]) -> list[str]:
        return [
            sys.executable if one == "python" else one.replace(PORT, self.port) for one in command
        ]

    async def start(self) -> Process:
        return await asyncio.create_subprocess_exec(
            *self._here(self._service.command),
            cwd=ROOT,
            env=environment(**self._settings),
            stdout=PIPE,
            stderr=PIPE,
        )

    async def is_healthy(self) -> bool:
        """Run the health check of the image once."""
        assert self._service.health is not None
        checking = await asyncio.create_subprocess_exec(
            *self._here(self._service.health), stderr=PIPE
        )
        await checking.communicate()
        return checking.returncode == 0


async def test_the_services_start_in_order_become_healthy_and_stop(
    databases: Databases, tmp_path: Path
) -> None:
    url = await databases.create_empty()
    if url.startswith("sqlite"):
        await databases.drop(url)
        pytest.skip("compose.yaml is for PostgreSQL")
    found = services(**GIVEN)
    migrating = await Container(found["migrate"], url, tmp_path).start()
    async with asyncio.timeout(ENOUGH_S):
        out, err = await migrating.communicate()
    assert (migrating.returncode, err) == (0, b"")
    assert out.decode().splitlines()[-1] == "The database is up to date."
    _, out_of_token, _ = await run("token", "issue", "--scopes", "all", DATABASE_URL=url)

    started: list[tuple[Container, Process]] = []
    try:
        for name in ("web", "worker"):
            assert found[name].after == {"migrate": "service_completed_successfully"}
            for _ in range(found[name].replicas):
                container = Container(found[name], url, tmp_path)
                started.append((container, await container.start()))
        for container, process in started:
            async with asyncio.timeout(ENOUGH_S):
                while not await container.is_healthy():
                    assert process.returncode is None
        token = out_of_token.split()[1]
        for container, _ in started[: found["web"].replicas]:
            endpoint = f"http://127.0.0.1:{container.port}/graphql"
            status, _ = await ask(endpoint, token, "{ viewer { name } }")
            assert status == 200
        for _, process in started:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(ENOUGH_S):
            logs = [(await process.communicate())[1].decode() for _, process in started]
        assert ['"reason":"SIGTERM"' in log for log in logs] == [True] * len(started)
        assert [process.returncode for _, process in started] == [-15, -15, 0, 0]
    finally:
        for _, process in started:
            if process.returncode is None:
                process.kill()
                await process.communicate()
        await databases.drop(url)
