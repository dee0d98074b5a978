"""`manage.py check` reports all problems of settings and environment at once."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from pydantic import ValidationError

from commands.findings import findings_of, too_few_files
from commands.process import shown_settings, without_password
from commands.unknown_variables import resembling
from models.storage.database import Database
from settings import Settings
from tests.applied_migrations import forget_migration, note_migration
from tests.databases import Databases
from tests.notifications.servers import mail_server
from tests.pgbouncer import pgbouncer
from tests.processes import run

WHOLE: dict[str, Any] = {
    "database_url": "postgres://db/name",
    "companies_house_api_key": "key-of-the-tests",
    "smtp_url": "smtp://mail.example",
    "public_url": "https://customers.example",
    "trusted_proxies": "10.0.0.0/8",
    "organisation_name": "Acme Telecom",
    "webhook_keys": "a long random text",
}
"""Settings without problems."""

SAID = [
    ({}, []),
    ({"companies_house_api_key": None}, ["NO_REGISTER_KEY"]),
    ({"companies_house_api_key": None, "companies_house_sandbox": True}, ["SANDBOX"]),
    (
        {"companies_house_api_key": None, "companies_house_url": "http://127.0.0.1:9"},
        ["NO_REGISTER_KEY"],
    ),
    ({"companies_house_url": "http://127.0.0.1:9"}, []),
    ({"smtp_url": None}, ["NO_MAIL_SERVER"]),
    ({"webhook_keys": None}, ["NO_WEBHOOK_KEYS"]),
    ({"webhook_private_targets": True}, ["PRIVATE_WEBHOOKS"]),
    ({"metrics_port": 8000}, ["PUBLIC_METRICS"]),
    ({"metrics_port": 9464}, []),
    ({"metrics_port": 0, "port": 0}, []),
    ({"database_url": "sqlite:///x.sqlite3"}, ["SQLITE"]),
    ({"public_url": None}, ["NO_PUBLIC_URL"]),
    ({"public_url": "http://customers.example"}, ["PUBLIC_URL_IS_HTTP"]),
    ({"organisation_name": None}, ["NO_ORGANISATION_NAME"]),
    ({"trusted_proxies": ()}, ["NO_TRUSTED_PROXY"]),
    ({"trusted_proxies": "10.0.0.0/8 0.0.0.0/0"}, ["EVERYBODY_IS_TRUSTED"]),
    ({"trusted_proxies": "::/0"}, ["EVERYBODY_IS_TRUSTED"]),
    ({"public_url": "http://customers.example", "trusted_proxies": ()}, ["PUBLIC_URL_IS_HTTP"]),
]

MISSPELT = {
    "COMPANY_HOUSE_API_KEY": "COMPANIES_HOUSE_API_KEY",
    "COMPANIES_HOUSE_KEY": "COMPANIES_HOUSE_API_KEY",
    "COMPANIES_HOUSE_APIKEY": "COMPANIES_HOUSE_API_KEY",
    "DATABSE_URL": "DATABASE_URL",
    "DATABASE_URI": "DATABASE_URL",
    "DATABASEURL": "DATABASE_URL",
    "database_ulr": "DATABASE_URL",
    "DATABASE-URL": "DATABASE_URL",
    "WORKER_SLOT": "WORKER_SLOTS",
    "SMPT_URL": "SMTP_URL",
    "OICD_ISSUER": "OIDC_ISSUER",
    "TRUSTED_PROXY": "TRUSTED_PROXIES",
    "CORS_ORIGIN": "CORS_ORIGINS",
    "QUERY_TIMEOUT": "QUERY_TIMEOUT_S",
    "QUERY_TIMEOUT_MS": "QUERY_TIMEOUT_S",
    "MAX_REQUEST_SIZE": "MAX_REQUEST_BYTES",
    "CONSENT_AGE_DAY": "CONSENT_AGE_DAYS",
    "MAIL_FORM": "MAIL_FROM",
    "LOGLEVEL": "LOG_LEVEL",
    "PROT": "PORT",
    "HSOT": "HOST",
}
OTHERS = (
    *("PATH", "HOME", "HOSTNAME", "HOSTS", "XHOST", "PORTS", "SPORT", "PGHOST", "PGPORT"),
    *("PGDATABASE", "POSTGRES_URL", "POSTGRES_HOST", "DATABASE_HOST", "DATABASE_PORT"),
    *("DATABASE_NAME", "DATABASE_USER", "DATABASE_PASSWORD", "DATABASE_SERVICE_HOST"),
    *("DATABASE_PORT_5432_TCP_ADDR", "TEST_DATABASE_URL", "REDIS_URL", "BASE_URL", "SMTP_HOST"),
    *("SMTP_PORT", "SMTP_USER", "SMTP_PASSWORD", "MAIL", "MAIL_TO", "MAILCHECK", "MAILPATH"),
    *("LOGNAME", "LOG_FILE", "LOG_DIR", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET", "HTTP_PROXY"),
    *("NO_PROXY", "MAX_POST", "MAX_WORKERS", "WEB_CONCURRENCY", "WORKER_CLASS", "PUBLIC_KEY"),
    *("KUBERNETES_PORT", "CUSTOMER_CLASSES_PORT", "PUBLIC_HOST", "LANG", "LC_ALL", "TERM", "PWD"),
    *("OLDPWD", "USER", "EXPORT", "REPORT", "FORWARDED_ALLOW_IPS", "DOCKER_HOST", "QUERY_STRING"),
)


def settings_with(**changes: Any) -> Settings:
    given = {name: value for name, value in (WHOLE | changes).items() if value is not None}
    return Settings(**given)


@pytest.mark.parametrize(("changes", "codes"), SAID)
def test_each_thing_that_is_wrong_for_production_has_a_code(
    changes: dict[str, Any], codes: list[str]
) -> None:
    found = findings_of(settings_with(**changes), ())
    assert [one.code for one in found] == codes
    assert all(one.variable and one.variable in one.message for one in found)


@pytest.mark.parametrize("name", MISSPELT)
def test_a_misspelt_variable_is_told_with_the_setting_that_was_meant(name: str) -> None:
    assert resembling([name], Settings.model_fields) == {name: MISSPELT[name]}


@pytest.mark.parametrize("name", [*OTHERS, *(one.upper() for one in Settings.model_fields)])
def test_variables_of_other_programs_and_ours_are_left_alone(name: str) -> None:
    assert resembling([name], Settings.model_fields) == {}


def test_a_former_name_of_a_setting_is_told_with_its_present_name() -> None:
    called = {
        "GUESSES": "AUTH_FAILURE_LIMIT",
        "GUESS_WINDOW_S": "AUTH_FAILURE_WINDOW_S",
        "MOST_CONNECTIONS": "MAX_CONNECTIONS",
    }
    assert [one.message for one in findings_of(settings_with(), called)] == [
        f"{old} has no effect, because the setting is called {new} now. Rename it."
        for old, new in called.items()
    ]


def test_every_setting_is_described_in_sentences() -> None:
    said = {name: field.description or "" for name, field in Settings.model_fields.items()}
    assert [name for name, text in said.items() if not re.match(r"[A-Z]", text)] == []
    assert [name for name, text in said.items() if not text.endswith(".")] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("organisation_name", "Acme\nTelecom"),
        ("organisation_name", " "),
        ("organisation_name", "x" * 101),
        ("organisation_privacy_url", "acme.example/privacy"),
        ("organisation_privacy_url", "javascript:alert(1)"),
        ("organisation_privacy_url", "https://user@acme.example"),
        ("organisation_contact", "nobody"),
        ("organisation_contact", "a@b@acme.example"),
        ("organisation_contact", "help@acme.example\nx"),
    ],
)
def test_an_organisation_that_cannot_be_shown_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({name: value})


def test_every_connection_needs_an_open_file() -> None:
    settings = settings_with(max_connections=1000)
    assert too_few_files(settings, 1_076) is None
    found = too_few_files(settings, 1_075)
    assert found is not None
    assert (found.code, found.variable) == ("TOO_FEW_FILES", "MAX_CONNECTIONS")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgres://user:hunter2@db/x", "postgres://user:***@db/x"),
        ("postgres://user:hun/ter@2@db/x", "postgres://user:***@db/x"),
        ("postgres://user@db/x?password=hunter2&a=b", "postgres://user@db/x?password=***&a=b"),
        ("postgres://:hunter2@db/x", "postgres://:***@db/x"),
        ("sqlite:////tmp/a.sqlite3", "sqlite:////tmp/a.sqlite3"),
        ("https://customers.example:8443/api", "https://customers.example:8443/api"),
    ],
)
def test_an_address_is_shown_without_its_password(address: str, shown: str) -> None:
    assert without_password(address) == shown


def test_the_effective_settings_are_shown_without_secrets() -> None:
    settings = settings_with(
        companies_house_api_key="hunter2",
        smtp_url="smtps://user:hunter2@mail.example",
        database_url="postgres://user:hunter2@db/x",
        database_direct_url="postgres://user:hunter2@server/x",
    )
    shown = shown_settings(settings)
    assert shown.keys() == Settings.model_fields.keys()
    assert "hunter2" not in json.dumps(shown)
    assert (shown["companies_house_api_key"], shown["smtp_url"]) == (
        "***",
        "smtps://user:***@mail.example",
    )


@pytest.fixture
async def url(databases: Databases) -> AsyncIterator[str]:
    made = await databases.borrow()
    yield made
    await databases.give_back(made)


async def checked(**settings: str) -> tuple[int | None, list[str], str]:
    """Run the command; return its exit status, the codes of the problems, and its output."""
    status, out, err = await run("check", "--json", **settings)
    assert err == ""
    body = json.loads(out)
    assert body["ok"] is (status == 0)
    return status, [one["code"] for one in body["problems"]], out


async def test_all_is_told_at_once_and_nothing_is_made(tmp_path: Any) -> None:
    """Also problems after an invalid setting."""
    status, codes, out = await checked(
        PORT="abc",
        MAX_DEPTH="0",
        OIDC_ISSUER="https://id.example",
        CORS_ORIGINS="*",
        DATABASE_URL=f"sqlite://{tmp_path}/absent/x.sqlite3",
        SMTP_URL="smtp://user:hunter2@127.0.0.1:9",
        DATABSE_URL="x",
    )
    assert status == 1
    assert codes == [
        "INVALID_SETTING",
        "INVALID_SETTING",
        "INVALID_SETTING",
        "INVALID_SETTING",
        "NO_REGISTER_KEY",
        "SQLITE",
        "NO_PUBLIC_URL",
        "UNKNOWN_VARIABLE",
        *(["TOO_FEW_FILES"] if "TOO_FEW_FILES" in codes else []),
        "DATABASE_UNREACHABLE",
        "MAIL_SERVER_UNREACHABLE",
    ]
    for name in ("PORT", "MAX_DEPTH", "OIDC_ISSUER", "CORS_ORIGINS"):
        assert f'"{name}"' in out
    assert "hunter2" not in out
    assert list(tmp_path.iterdir()) == []


async def test_a_production_environment_passes(url: str) -> None:
    async with mail_server() as mails:
        given = {
            "DATABASE_URL": url,
            "COMPANIES_HOUSE_API_KEY": "key-of-the-tests",
            "SMTP_URL": mails.url,
            "PUBLIC_URL": "https://customers.example",
            "TRUSTED_PROXIES": "10.0.0.0/8",
            "MAX_CONNECTIONS": "100",
            "WEBHOOK_KEYS": "k" * 40,
        }
        status, codes, _ = await checked(**given)
        is_lite = url.startswith("sqlite")
        assert (status, codes) == ((1, ["SQLITE"]) if is_lite else (0, []))
        accepted = await run("check", "--accept", "SQLITE", **given)
        assert (accepted[0], accepted[2]) == (0, "")
        assert accepted[1].endswith(
            "hint  NO_ORGANISATION_NAME: Mails and confirmation pages do not name your"
            " organisation. Set ORGANISATION_NAME to the name by which your customers know you.\n"
            "Ready for production.\n"
        )
        named = await run("check", "--json", **given, ORGANISATION_NAME="Acme Telecom")
        assert json.loads(named[1])["hints"] == []
    assert mails.taken == []


async def test_a_key_is_asked_for_online_alone(url: str) -> None:
    given = {"DATABASE_URL": url, "COMPANIES_HOUSE_URL": "http://127.0.0.1:9"}
    _, offline, _ = await checked(**given)
    assert "REGISTER_UNREACHABLE" not in offline
    status, out, _ = await run("check", "--json", "--online", **given)
    assert status == 1
    assert "REGISTER_UNREACHABLE" in out


async def test_missing_migrations_are_named(databases: Databases) -> None:
    empty = await databases.create_empty()
    if empty.startswith("sqlite"):
        open(empty.removeprefix("sqlite://"), "w").close()  # noqa: ASYNC230
    _, codes, out = await checked(DATABASE_URL=empty)
    assert "MIGRATIONS_PENDING" in codes
    assert "0001_initial" in out
    await databases.drop(empty)


@pytest.mark.parametrize(("name", "is_newer"), [("0099_next", True), ("0099_i_additive", False)])
async def test_a_newer_schema_is_told_and_migrated_no_further(
    url: str, name: str, *, is_newer: bool
) -> None:
    database = Database(url)
    await database.open()
    await note_migration(database, name)
    _, codes, out = await checked(DATABASE_URL=url)
    migrated = await run("migrate", DATABASE_URL=url)
    await forget_migration(name)
    await database.close()
    assert ("SCHEMA_NEWER" in codes, name in out) == (is_newer, is_newer)
    if is_newer:
        said = (
            "The database is newer than this program, which does not know these migrations:"
            f" {name}."
        )
        assert migrated[:2] == (1, "")
        assert migrated[2].startswith(said)
    else:
        assert migrated == (0, "The database is up to date.\n", "")


async def test_a_database_that_takes_no_writes_is_told(url: str) -> None:
    if not url.startswith("postgres"):
        pytest.skip("a file is made read-only for all but root")
    connection = await asyncpg.connect(url)
    try:
        name = await connection.fetchval("SELECT quote_ident(current_database())")
        await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        _, codes, out = await checked(DATABASE_URL=url)
        assert "DATABASE_READ_ONLY" in codes
        assert "25006" in out
    finally:
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await connection.close()


async def test_an_address_whose_options_forbid_writes_is_told_as_read_only(url: str) -> None:
    if not url.startswith("postgres"):
        pytest.skip("addresses of files have no such option")
    forbidding = f"{url}?options=-c%20default_transaction_read_only%3Don&sslmode=prefer"
    _, codes, out = await checked(DATABASE_URL=forbidding)
    assert {"DATABASE_READ_ONLY", "MIGRATIONS_PENDING"} & {*codes} == {"DATABASE_READ_ONLY"}
    assert "25006" in out


@pytest.mark.parametrize(
    ("given", "untrue"),
    [
        (
            {"COMPANIES_HOUSE_API_KEY": "key-of-the-tests", "COMPANIES_HOUSE_SANDBOX": "true"},
            "NO_REGISTER_KEY",
        ),
        ({"PUBLIC_URL": "customers.example"}, "NO_PUBLIC_URL"),
    ],
)
async def test_what_is_set_and_makes_no_sense_is_not_told_as_missing(
    tmp_path: Any, given: dict[str, str], untrue: str
) -> None:
    _, codes, _ = await checked(DATABASE_URL=f"sqlite://{tmp_path}/absent.sqlite3", **given)
    assert "INVALID_SETTING" in codes
    assert untrue not in codes


async def test_a_pooler_is_told_of_unless_it_is_set(databases: Databases, url: str) -> None:
    async with pgbouncer(url) as pooled:
        _, codes, _ = await checked(DATABASE_URL=pooled)
        assert "SHARED_SESSIONS" in codes
        assert "DATABASE_UNREACHABLE" not in codes
        given = {"DATABASE_URL": pooled, "DATABASE_POOLER": "transaction"}
        _, codes, _ = await checked(**given, DATABASE_DIRECT_URL=url)
        assert {"SHARED_SESSIONS", "DIRECT_URL_IS_POOLED", "DIRECT_URL_DIFFERS"}.isdisjoint(codes)
        _, codes, _ = await checked(**given, DATABASE_DIRECT_URL=pooled)
        assert "DIRECT_URL_IS_POOLED" in codes
        other = await databases.borrow()
        _, codes, _ = await checked(**given, DATABASE_DIRECT_URL=other)
        assert "DIRECT_URL_DIFFERS" in codes
        await databases.give_back(other)


async def test_an_unreachable_database_is_told_without_its_password() -> None:
    _, codes, out = await checked(DATABASE_URL="postgres://user:hunter2@127.0.0.1:9/x")
    assert "DATABASE_UNREACHABLE" in codes
    assert "ECONNREFUSED" in out
    assert "hunter2" not in out


def test_a_port_that_is_chosen_at_start_is_not_named_in_a_warning() -> None:
    """A link with port 0 would not work."""
    (found,) = [
        one
        for one in findings_of(settings_with(port=0, public_url=None), [])
        if one.code == "NO_PUBLIC_URL"
    ]
    assert ":0" not in found.message
    assert "chosen at start" in found.message
