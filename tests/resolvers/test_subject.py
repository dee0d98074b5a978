"""The operator's commands find, export and erase the data of one person."""

import json

import pytest

from models.rules.wanted_person import Wanted
from tests.graphql_client import Api, stored
from tests.processes import run


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
        (Wanted(email="ann@a.example"), "ann@a.example.org", False),
        (Wanted(email="ann@a.example"), "x.ann@a.example", False),
        (Wanted(name="Jos\u00e9 N\u00fa\u00f1ez"), "Jose\u0301 Nu\u0301n\u0303ez asked", True),
        (Wanted(name="Jose Nunez"), "Jos\u00e9\u200b N\u00fa\u00f1ez", True),
        (Wanted(name="O'Brien"), "Mr O\u2019Brien", True),
        (Wanted(name="Jo Wide"), "\uff2a\uff4f Wide", True),
        (Wanted(email="jo@b\u00fccher.example"), "by jo@xn--bcher-kva.example", True),
        (Wanted(email="jo@xn--bcher-kva.example"), "by Jo@B\u00dcCHER.example", True),
        (Wanted(email="jo@b\u00fccher.example"), "by jo@bucher.example", False),
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
        (Wanted(name="O\u2019BRIEN"), "O'Brien", None, True),
        (Wanted(name="Jose"), "Jose\u0301\u200b", None, True),
        (Wanted(email="jo@xn--bcher-kva.example"), None, "Jo@b\u00fccher.example", True),
        (Wanted(email="jos\u00e9@a.example"), None, "jose@a.example", False),
    ],
)
def test_a_person_is_who_has_the_whole_name_or_address(
    wanted: Wanted, name: str | None, email: str | None, is_it: bool
) -> None:
    assert (wanted.is_named(name) or wanted.is_at(email)) is is_it


async def people(api: Api) -> dict[str, str]:
    """Create a contact, an individual, a user, and an organisation named after one person."""
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
    """A18: also by former names and addresses; the output says what must be kept."""
    ids = await people(api)
    settings = api.platform.settings
    env = {"DATABASE_URL": settings.database_url, "MAILBOX": str(settings.mailbox)}

    status, out, err = await run("subject", "find", "--email", "ann@a.example", **env)
    assert (status, err) == (0, "")
    assert f"contact   {ids['contact']}" in out
    assert "mention   contact_state.email" in out
    assert "mention   audit_entry.before" in out
    assert out.count("mention   ") == out.count(": `erase` erases it")
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

    _, out, _ = await run("subject", "find", "--name", "Ann Lee", **env)
    staying = [line.split()[1] for line in out.splitlines() if ": stays, because" in line]
    assert staying == ["consent_testimony.given_by"]
    assert out.count(": `erase` erases it") > 8
    before = await stored()
    status, out, _ = await run("subject", "erase", "--name", "Ann Lee", **env)
    assert (status, "Nothing was erased" in out) == (0, True)
    status, _, err = await run("subject", "erase", "--name", "Ann Lee", "--yes", **env)
    assert (status, "The user is active" in err) == (1, True)
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
    assert (status, "by either --email or --name" in err) == (2, True)


async def test_an_individual_is_found_by_a_former_name(api: Api) -> None:
    """A18: the audit trail has the former name until the customer is erased."""
    person = (await api.save_customer(name="Ren\u00e9e Old", classCode="RESIDENTIAL"))["id"]
    await api.save_customer(id=person, name="Ren\u00e9e New")
    company = (await api.save_customer(name="Renee Old"))["id"]
    await api.save_customer(id=company, name="Acme")
    env = {"DATABASE_URL": api.platform.settings.database_url}
    _, out, _ = await run("subject", "find", "--name", "Renee Old", **env)
    assert [line for line in out.splitlines() if not line.startswith("mention")] == [
        f"customer  {person}"
    ]


async def test_texts_about_others_that_mention_the_person_are_erased_when_asked(api: Api) -> None:
    """A18: reasons in class changes and in the audit trail; the rest of the history is kept."""
    customer = (await api.save_customer(name="Acme"))["id"]
    given = {"customerId": customer, "name": "Ann Lee", "email": "ann@a.example"}
    contact = (await api.done("saveContact", "contact { id }", **given))["contact"]["id"]
    public = await api.class_of("PUBLIC_SECTOR")
    change = {"customerId": customer, "classId": public["id"]}
    await api.done("changeCustomerClass", "", reason="Ann Lee asked", **change)
    env = {"DATABASE_URL": api.platform.settings.database_url}
    _, out, _ = await run("subject", "find", "--name", "Ann Lee", **env)
    asked = [line.split()[1] for line in out.splitlines() if "erase --mentions" in line]
    assert sorted(asked) == ["audit_entry.reason", "class_change.reason"]
    status, out, _ = await run("subject", "erase", "--name", "Ann Lee", "--mentions", **env)
    assert (status, out.count("would erase")) == (0, 3)
    only = ("--only", contact, "--mentions", "--yes")
    status, out, _ = await run("subject", "erase", "--name", "Ann Lee", *only, **env)
    assert (status, out.count("erase --mentions")) == (2, 2)
    erase = ("subject", "erase", "--name", "Ann Lee", "--mentions", "--yes")
    assert (await run(*erase, **env))[0] == 0
    rows = await stored()
    assert "Ann Lee" not in repr(rows)
    (moved,) = [one for one in rows["ClassChange"] if one["from_class_id"] is not None]
    assert (moved["reason"], moved["to_class_id"]) == ("(erased)", public["id"])
    told = [one for one in rows["AuditEntry"] if one["operation"] == "mentions.erased"]
    assert [(one["subject_id"], one["after"]) for one in told] == [(customer, {"entries": 2})]
    assert [one["reason"] for one in rows["AuditEntry"] if one["subject_id"] == customer] == [
        None
    ] * sum(one["subject_id"] == customer for one in rows["AuditEntry"])
