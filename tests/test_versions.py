"""The version of the program, and the migrations that a release would apply."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.storage.database import Database
from observability import version as versions
from observability.version import version
from tests.applied_migrations import forget_migration, note_migration
from tests.databases import Databases
from tests.graphql_client import Api
from tests.processes import run

MIGRATIONS = sorted(path.stem for path in Path("models/migrations").glob("[0-9]*.py"))
END = f"{len(MIGRATIONS)} migrations would be applied. Nothing was changed."


@pytest.fixture
async def empty_url(databases: Databases) -> AsyncIterator[str]:
    url = await databases.create_empty()
    yield url
    await databases.drop(url)


async def test_a_plan_lists_the_missing_migrations_and_changes_nothing(empty_url: str) -> None:
    kinds = {
        True: "additive: the previous release can go on writing",
        False: "breaking: the previous release refuses writes afterwards",
    }
    width = max(map(len, MIGRATIONS))
    missing = [f"{name:<{width}}  {kinds[name.endswith('_additive')]}" for name in MIGRATIONS]
    for _ in range(2):  # a plan that had changed something would not be the same again
        status, out, err = await run("migrate", "--plan", DATABASE_URL=empty_url)
        assert (status, out.splitlines(), err) == (0, [*missing, END], "")


async def test_a_plan_makes_no_file(tmp_path: Path) -> None:
    new = tmp_path / "new.sqlite3"
    status, out, err = await run("migrate", "--plan", DATABASE_URL=f"sqlite://{new}")
    assert (status, out.splitlines()[-1], err) == (0, END, "")
    assert not new.exists()


async def test_a_plan_for_a_newer_database_is_refused(databases: Databases) -> None:
    url = await databases.create()
    up_to_date = await run("migrate", "--plan", DATABASE_URL=url)
    assert up_to_date == (0, "The database is up to date.\n", "")
    database = Database(url)
    await database.open()
    await note_migration(database, "0099_next")
    status, out, err = await run("migrate", "--plan", DATABASE_URL=url)
    await forget_migration("0099_next")
    await database.close()
    await databases.give_back(url)
    assert (status, out) == (1, "")
    assert "does not know these migrations: 0099_next. Nothing was applied" in err


async def test_a_command_prints_the_version() -> None:
    assert await run("--version") == (0, f"{version()}\n", "")


async def test_every_answer_and_the_health_check_say_the_version(api: Api) -> None:
    response = await api.http.get("/healthz")
    assert response.json() == {"status": "ok", "version": version()}
    assert response.headers["x-version"] == version()
    refused = await api.http.get("/nothing")
    assert (refused.status_code, refused.headers["x-version"]) == (404, version())


def test_an_image_says_the_commit_that_it_was_built_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(versions, "ROOT", tmp_path)
    monkeypatch.setattr(versions, "BUILT_FROM", tmp_path / "commit")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    assert version.__wrapped__() == "1.2.3"
    (tmp_path / "commit").write_text("9df5311\n")
    assert version.__wrapped__() == "1.2.3+9df5311"
