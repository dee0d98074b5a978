"""What is stored of one person is found, exported and erased by the operator's commands."""

import json

import pytest

from models.changes.subject import Wanted
from tests.graphql_client import Api, stored
from tests.test_manage import run


@pytest.mark.parametrize(
    ("wanted", "value", "is_in"),
    [
        (Wanted(name="Ann Lee"), "Ann Lee", True),
        (Wanted(name="ann  lee"), "Dear ANN LEE,", True),
        (Wanted(name="Ann Lee"), {"before": ["x", {"name": "Ann Lee"}]}, True),
        (Wanted(name="Ann Lee"), "Joann Lee", False),
        (Wanted(name="Ann Lee"), "Ann Leeds", False),
        (Wanted(name="Jörg"), {"name": "JÖRG"}, True),
        (Wanted(name='A "B" C'), {"name": 'A "B" C'}, True),
        (Wanted(name="Ann Lee"), b'{"name": "Ann Lee"}', True),
        (Wanted(email="ann@a.example"), "write to ANN@a.example.", True),
        (Wanted(email="ann@a.example"), "joann@a.example", False),
        (Wanted(email="ann@a.example"), "ann@a.example2", False),
    ],
)
def test_a_person_is_mentioned_by_whole_words(wanted: Wanted, value: object, is_in: bool) -> None:
    assert wanted.is_in(value) is is_in


@pytest.mark.parametrize(
    ("wanted", "name", "email", "is_it"),
    [
        (Wanted(name="Ann Lee"), "ANN  LEE", None, True),
        (Wanted(name="Ann"), "Ann Lee", None, False),
        (Wanted(email=" Ann@a.example "), "Ann", "ann@A.example", True),
        (Wanted(email="ann@a.example"), "ann@a.example", None, False),
        (Wanted(name="Ann"), None, "ann@a.example", False),
    ],
)
def test_a_person_is_who_has_the_whole_name_or_address(
    wanted: Wanted, name: str | None, email: str | None, is_it: bool
) -> None:
    assert (wanted.is_named(name) or wanted.is_at(email)) is is_it


async def people(api: Api) -> dict[str, str]:
    """Make a contact, an individual, a user, and an organisation that names the person."""
    company = (await api.save_customer(name="Acme"))["id"]
    given = {"customerId": company, "name": "Ann Lee", "email": "ann@a.example"}
    contact = (await api.done("saveContact", "contact { id }", **given))["contact"]["id"]
    await api.done("requestEmailVerification", "", contactId=contact)
    await api.work()
    await api.done("saveContact", "", id=contact, name="Ann Former", email="new@a.example")
    person = (await api.save_customer(name="Ann Lee", classCode="RESIDENTIAL"))["id"]
    other = {"customerId": company, "name": "Ann Leeds", "email": "joann@a.example"}
    await api.done("saveContact", "", **other)
    await api.done(
        "recordConsent",
        "",
        customerId=company,
        basis="WRITTEN_OPT_IN",
        method="PAPER",
        givenBy="Ann Lee",
        documentName="Terms",
        documentVersion="1",
        isEmailingCovered=True,
        evidenceReference="file",
    )
    user = (await api.done("saveUser", "user { id }", name="Ann Lee"))["user"]["id"]
    return {"company": company, "contact": contact, "person": person, "user": user}


async def test_a_person_is_found_exported_and_erased(api: Api) -> None:
    """A18: former names and addresses too; what must be kept is told."""
    ids = await people(api)
    settings = api.platform.settings
    env = {"DATABASE_URL": settings.database_url, "MAILBOX": str(settings.mailbox)}

    status, out, err = await run("subject", "find", "--email", "ann@a.example", **env)
    assert (status, err) == (0, "")
    assert f"contact   {ids['contact']}" in out
    assert "mention   contact_state.email" in out
    assert "mention   audit_entry.before" in out
    assert "mention   confirmation.email" in out
    assert ".eml" in out
    assert "joann" not in out

    status, out, err = await run("subject", "export", "--name", "ann lee", **env)
    assert (status, err) == (0, "")
    exported = json.loads(out)
    assert exported["subjects"].keys() == {ids["contact"], ids["person"], ids["user"]}
    tables = exported["subjects"][ids["contact"]]
    assert {one["name"] for one in tables["contact_state"]} == {"Ann Lee", "Ann Former"}
    assert "audit_entry" in tables
    assert "salt" not in out
    named = {one["table"] for one in exported["mentions"]}
    assert {"contact_state", "customer", "app_user", "consent_testimony"} <= named

    before = await stored()
    status, out, _ = await run("subject", "erase", "--name", "Ann Lee", **env)
    assert (status, "Nothing was erased" in out) == (0, True)
    status, _, err = await run("subject", "erase", "--name", "Ann Lee", "--yes", **env)
    assert (status, "Disable the user first" in err or "active user" in err) == (1, True)
    assert await stored() == before

    await api.done("disableUser", "", id=ids["user"])
    status, out, err = await run("subject", "erase", "--name", "Ann Lee", "--yes", **env)
    assert {f"erased {ids[one]}" for one in ("contact", "person", "user")} <= set(out.splitlines())
    left = [line.split()[1] for line in out.splitlines() if line.startswith("mention")]
    assert (status, left) == (2, ["consent_testimony.given_by"])
    assert "still mentioned in 1 place" in err
    text = repr(await stored()).casefold()
    for gone in ("ann former", "new@a.example", "'ann@a.example"):
        assert gone not in text
    assert "ann leeds" in text
    status, out, _ = await run("subject", "find", "--email", "ann@a.example", **env)
    assert (status, out) == (0, "")


@pytest.mark.parametrize(
    "options", [[], ["--email", "a@a.example", "--name", "A"], ["--name", " "]]
)
async def test_a_person_is_given_by_one_of_the_two(api: Api, options: list[str]) -> None:
    url = api.platform.settings.database_url
    status, _, err = await run("subject", "find", *options, DATABASE_URL=url)
    assert (status, "by --email or by --name" in err) == (2, True)
