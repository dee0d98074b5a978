"""`manage.py doctor` tells the state of a deployment, line by line."""

import json
from datetime import timedelta
from os import listdir
from pathlib import Path
from stat import S_IFDIR, S_IFREG
from typing import Any

import pytest
from pydantic import SecretStr

from commands.doctor import OF_DATABASE, Level, lines_of
from commands.doctor_checks import Examined, Places, examine_disks, examine_files, places_of
from commands.doctor_rules import (
    LONG_PAUSE,
    QueueState,
    budget_findings,
    clock_findings,
    disk_findings,
    endpoint_findings,
    job_findings,
    key_findings,
    mode_findings,
    postgres_findings,
)
from commands.findings import Finding
from enrichment.sandbox import SandboxConfig, sandbox_server
from models import JobPause, WebhookEndpoint
from models.storage.database import Database
from models.storage.secret_cipher import SecretCipher
from opening import utc_now
from settings import Settings
from tests.applied_migrations import forget_migration
from tests.notifications.servers import mail_server
from tests.processes import run

GB = 10**9
SERVER = {
    "server_version_num": "160002",
    "server_encoding": "UTF8",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
}
LONG, OTHER = "a" * 16, "b" * 16

FOUND: list[tuple[list[Finding], list[str]]] = [
    # clocks within five seconds, either way
    (clock_findings(timedelta(seconds=5)), []),
    (clock_findings(timedelta(seconds=-5)), []),
    (clock_findings(timedelta(seconds=5.1)), ["CLOCK_DIFFERS"]),
    (clock_findings(timedelta(seconds=-5.1)), ["CLOCK_DIFFERS"]),
    # PostgreSQL
    (postgres_findings(SERVER), []),
    (postgres_findings(SERVER | {"server_version_num": "130000"}), []),
    (postgres_findings(SERVER | {"server_version_num": "120018"}), ["DATABASE_TOO_OLD"]),
    (postgres_findings(SERVER | {"server_encoding": "SQL_ASCII"}), ["DATABASE_NOT_UTF8"]),
    (postgres_findings(SERVER | {"fsync": "off"}), ["DATABASE_NOT_DURABLE"]),
    (postgres_findings(SERVER | {"full_page_writes": "off"}), ["DATABASE_NOT_DURABLE"]),
    (postgres_findings(SERVER | {"synchronous_commit": "off"}), ["COMMITS_NOT_DURABLE?"]),
    (postgres_findings(SERVER | {"synchronous_commit": "local"}), []),
    (postgres_findings(SERVER | {"autovacuum": "off"}), ["AUTOVACUUM_OFF?"]),
    # disks: little is less than 2 GB or than a twentieth
    (disk_findings("x", "/x", 2 * GB, 40 * GB), []),
    (disk_findings("x", "/x", 2 * GB, 41 * GB), ["DISK_NEARLY_FULL?"]),
    (disk_findings("x", "/x", 2 * GB - 1, 2 * GB), ["DISK_NEARLY_FULL?"]),
    (disk_findings("x", "/x", GB // 5, 2 * GB), ["DISK_NEARLY_FULL?"]),
    (disk_findings("x", "/x", GB // 5 - 1, 2 * GB), ["DISK_FULL"]),
    # files
    (mode_findings("x", "/x", S_IFREG | 0o640), []),
    (mode_findings("x", "/x", S_IFREG | 0o644), ["FILE_READABLE?"]),
    (mode_findings("x", "/x", S_IFREG | 0o602), ["FILE_WRITABLE"]),
    (mode_findings("x", "/x", S_IFDIR | 0o777), ["FILE_WRITABLE"]),
    (mode_findings("x", "/x", S_IFDIR | 0o750), []),
    # secrets
    (key_findings({}), []),
    (key_findings({"WEBHOOK_KEYS": (LONG, OTHER)}), []),
    (key_findings({"EXPORT_SECRET": (LONG[1:],)}), ["SECRET_IS_SHORT"]),
    (key_findings({"EXPORT_SECRET": (LONG,), "WEBHOOK_KEYS": (LONG,)}), ["SECRET_IS_SHARED"]),
    (key_findings({"WEBHOOK_KEYS": (LONG, LONG)}), ["KEY_IS_REPEATED?"]),
    (endpoint_findings(0, 0, has_keys=True), []),
    (endpoint_findings(0, 3, has_keys=False), []),  # `check` has a hint about the missing key
    (endpoint_findings(0, 3, has_keys=True), ["SECRET_IS_PLAIN?"]),
    (endpoint_findings(1, 0, has_keys=False), ["SECRET_UNREADABLE"]),
    # budget and jobs
    (budget_findings(QueueState()), []),
    (budget_findings(QueueState(pause=LONG_PAUSE)), []),
    (budget_findings(QueueState(pause=2 * LONG_PAUSE)), ["BUDGET_SPENT_AHEAD?"]),
    (budget_findings(QueueState(LONG_PAUSE * 2, "UNAUTHORISED")), ["REGISTER_BLOCKED"]),
    (job_findings(QueueState(unfinished=3)), []),
    (job_findings(QueueState(has_worker=False)), ["NO_WORKER?"]),
    (job_findings(QueueState(has_worker=False, unfinished=1)), ["NO_WORKER"]),
    (job_findings(QueueState(paused=("a", "b"))), ["JOBS_PAUSED?", "JOBS_PAUSED?"]),
    (job_findings(QueueState(given_up=1)), ["JOBS_GIVEN_UP?"]),
]
"""What is measured, and the codes of what is found; ? stands for a hint."""


@pytest.mark.parametrize(("found", "codes"), FOUND)
def test_what_is_measured_is_judged(found: list[Finding], codes: list[str]) -> None:
    assert [f"{one.code}{'?' * one.is_hint}" for one in found] == codes
    assert all(one.message.endswith((".", "on it.")) for one in found)


def test_a_finding_is_a_warning_or_a_failure_and_may_be_accepted() -> None:
    hint, problem = Finding("A", None, "Know.", is_hint=True), Finding("B", "X", "Mend.")
    examined = Examined("area", (hint, problem), "fine")
    assert [one.level for one in lines_of(examined)] == [Level.WARN, Level.FAIL]
    assert [one.level for one in lines_of(examined, ["B"])] == [Level.WARN, Level.WARN]
    (line,) = lines_of(Examined("area", (), "fine"))
    assert (line.level, line.message, line.code) == (Level.OK, "fine", None)


def test_files_that_do_not_exist_yet_are_looked_for_where_they_will_be(tmp_path: Path) -> None:
    places = places_of(
        Settings(database_url=f"sqlite://{tmp_path}/a/x.sqlite3", mailbox=tmp_path / "b" / "mails")
    )
    assert list(places.folders) == ["the database", "mails"]
    assert examine_disks(places).detail.count("GB free") == 2
    assert examine_files(places).findings == []
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.sqlite3").touch(0o600)
    assert examine_files(places).findings == []
    (tmp_path / "a" / "x.sqlite3").chmod(0o666)
    assert [one.code for one in examine_files(places).findings] == ["FILE_WRITABLE"]
    at_server = Settings(database_url="postgres://db/x", smtp_url=SecretStr("smtp://mail.example"))
    assert places_of(at_server) == Places()


async def examined(
    *arguments: str, **settings: str
) -> tuple[int | None, dict[str, list[tuple[str, str | None]]]]:
    """Run the command; return its exit status, and level and code of each line by area."""
    status, out, err = await run("doctor", "--json", *arguments, **settings)
    assert err == ""
    body: dict[str, Any] = json.loads(out)
    assert body["ok"] is (status == 0)
    found: dict[str, list[tuple[str, str | None]]] = {}
    for line in body["lines"]:
        found.setdefault(line["area"], []).append((line["level"], line["code"]))
    return status, found


async def test_a_sound_deployment_passes_and_each_fault_has_its_line(
    database: Database,
) -> None:
    ok = [("OK", None)]
    async with mail_server() as mails, sandbox_server(SandboxConfig()) as register:
        given = {
            "DATABASE_URL": database.url,
            "COMPANIES_HOUSE_API_KEY": "key-of-the-tests",
            "COMPANIES_HOUSE_URL": register.api_url,
            "SMTP_URL": mails.url,
            "PUBLIC_URL": "https://customers.example",
            "TRUSTED_PROXIES": "10.0.0.0/8",
            "MAX_CONNECTIONS": "100",
            "WEBHOOK_KEYS": "k" * 40,
            "ORGANISATION_NAME": "Acme Telecom",
        }
        # A server for tests need not be durable.
        accepted = ("--accept", "SQLITE", "--accept", "DATABASE_NOT_DURABLE")
        status, found = await examined(*accepted, **given)
        assert (status, found.pop("jobs")) == (0, [("WARN", "NO_WORKER")])
        disk, files = found.pop("disk"), found.pop("files")
        assert {code for _, code in disk} <= {None, "DISK_NEARLY_FULL"}
        assert {code for _, code in files} <= {None, "FILE_READABLE"}
        for_tests = {"DATABASE_NOT_DURABLE", "COMMITS_NOT_DURABLE", "AUTOVACUUM_OFF"}
        assert {code for _, code in found.pop("server")} <= {None, *for_tests}
        settings = found.pop("settings")
        assert settings == (ok if database.is_postgres else [("WARN", "SQLITE")])
        assert found == dict.fromkeys(
            (
                *("database", "migrations", "clock", "connections", "webhooks"),
                *("budget", "register", "mail", "identity provider", "secrets"),
            ),
            ok,
        )
        await JobPause.create(kind="import", paused_at=utc_now())
        secret = SecretCipher(["another key"]).encrypt("s", "whe_1")
        now = utc_now()
        await WebhookEndpoint.create(
            id="whe_1",
            url="https://x.example",
            secret=secret,
            created_at=now,
            last_modified_at=now,
        )
        many = ("--processes", "10000")
        status, found = await examined(*accepted, *many, **given | {"EXPORT_SECRET": "short"})
        assert status == 1
        assert found["webhooks"] == [("FAIL", "SECRET_UNREADABLE")]
        assert found["secrets"] == [("FAIL", "SECRET_IS_SHORT")]
        assert ("WARN", "JOBS_PAUSED") in found["jobs"]
        few = [("FAIL", "TOO_FEW_DATABASE_CONNECTIONS")]
        assert found["connections"] == (few if database.is_postgres else ok)
        await forget_migration("0012_append_only")
        status, found = await examined(*accepted, **given)
    assert (status, found["migrations"]) == (1, [("FAIL", "MIGRATIONS_PENDING")])
    assert found["database"] == ok
    assert [found[area] for area in OF_DATABASE] == [[("WARN", "NOT_CHECKED")]] * len(OF_DATABASE)


async def test_settings_and_database_that_are_wrong_are_told_as_lines(tmp_path: Path) -> None:
    status, out, err = await run(
        "doctor", DATABASE_URL=f"sqlite://{tmp_path}/absent/x.sqlite3", PORT="abc"
    )
    lines = {line[6:23].strip(): line[:4].strip() for line in out.splitlines()[::-1]}
    assert (status, err) == (1, "")
    assert (lines["settings"], lines["database"], lines["jobs"]) == ("FAIL", "FAIL", "WARN")
    assert listdir(tmp_path) == []
