"""Commands for requests of data subjects: find, export and erase the data about a person."""

import json
import sys
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import click

from commands.running import read, read_settings, report_problem, run_change
from models.changes.subject import (
    ErasureAction,
    Mention,
    Subjects,
    confirmations_of,
    erase,
    erase_mentioned,
    mentions,
    records_of,
    subjects_of,
)
from models.rules.wanted_person import Wanted
from models.tables.audit import ActorContext

subject_cli = click.Group(
    "subject", help="Find, export and erase what is stored about one person (a data subject)."
)

ERASURE_ACTIONS = {
    ErasureAction.ERASED: "`erase` erases it",
    ErasureAction.ON_REQUEST: "stays, because it is about somebody else; `erase --mentions` erases"
    " it",
    ErasureAction.EVIDENCE: "stays, because it is evidence of consent, kept until its customer is"
    " erased",
    ErasureAction.CREDENTIAL: "stays, because it names an access token, or the actor of a change",
    ErasureAction.SIGN_IN: "stays, so that the erased user cannot sign in as a new user",
    ErasureAction.OTHER: "stays, because it is data of somebody else; edit it with the mutations of"
    " the API",
}


def _wanted(email: str | None, name: str | None) -> Wanted:
    given = [one for one in (email, name) if one is not None]
    if len(given) != 1 or not given[0].strip():
        raise click.UsageError("Name the person by either --email or --name, and not by both.")
    return Wanted(email, name)


by_email = click.option("--email", help="The person's email address.")
by_name = click.option("--name", help="The person's name.")


@subject_cli.command("find")
@by_email
@by_name
def find(email: str | None, name: str | None) -> None:
    """List who the person is, and every place that mentions them, one a line."""
    wanted = _wanted(email, name)
    subjects, found = read(lambda: _look(wanted))
    for kind, ids in (
        ("contact", subjects.contacts),
        ("customer", subjects.customers),
        ("user", subjects.users),
    ):
        for subject_id in ids:
            print(f"{kind:<9} {subject_id}")
    _print_mentions(found)
    for file in _mails(wanted):
        print(f"mail      {file}")


@subject_cli.command("export")
@by_email
@by_name
def export(email: str | None, name: str | None) -> None:
    """Print all rows about the person, and the places that mention them, as JSON."""
    wanted = _wanted(email, name)

    async def collect() -> dict[str, Any]:
        subjects, found = await _look(wanted)
        return {
            "subjects": {one: await records_of(one) for one in subjects.ids},
            "mentions": [
                {
                    "table": one.table,
                    "id": one.row_id,
                    "column": one.column,
                    "of": one.owner_id,
                    "isErased": one.action is ErasureAction.ERASED,
                }
                for one in found
            ],
        }

    exported = read(collect)
    exported["mails"] = [str(file) for file in _mails(wanted)]
    print(json.dumps(exported, indent=2, ensure_ascii=False, default=str))


@subject_cli.command("erase")
@by_email
@by_name
@click.option(
    "--only",
    "ids",
    multiple=True,
    help="Erase only the contact, customer, user or mention with this id; may be repeated.",
)
@click.option(
    "--mentions",
    "with_mentions",
    is_flag=True,
    help="Also erase mentions of the person in data about others: reasons of class changes, and"
    " values and reasons in the audit trail.",
)
@click.option(
    "--yes",
    "is_meant",
    is_flag=True,
    help="Erase; without this option, only list what would be erased.",
)
def erase_subject(
    email: str | None,
    name: str | None,
    ids: tuple[str, ...],
    *,
    with_mentions: bool,
    is_meant: bool,
) -> None:
    """Erase the contacts, individual customers and disabled users that are the person.

    All of them in one transaction. It cannot be undone. Several people may have one name: see
    `find` first, and choose with --only. With --mentions, --only also chooses the rows that
    mention the person.
    """
    wanted = _wanted(email, name)

    async def look() -> tuple[Subjects, list[Mention]]:
        subjects = await subjects_of(wanted)
        if ids:
            subjects = subjects.only(ids)
        return subjects, await mentions(wanted, subjects)

    def wanted_of(found: list[Mention]) -> list[Mention]:
        """Return the mentions to erase: all, or with --only those in rows with the given ids."""
        asked = [one for one in found if one.action is ErasureAction.ON_REQUEST and with_mentions]
        return [one for one in asked if not ids or one.row_id in ids]

    if not is_meant:
        _print_plan(*read(look), wanted_of)
        return

    async def work(act: ActorContext) -> tuple[Subjects, list[str]]:
        subjects, found = await look()
        await erase(act, subjects)
        await erase_mentioned(act, wanted_of(found))
        return subjects, await confirmations_of(subjects)

    _print_erased(*run_change(work))
    _, left = read(lambda: _look(wanted))
    if left:
        _print_mentions(left)
        report_problem(
            "subject_mentioned",
            f"The person is still mentioned in {len(left)} places, which are listed above.",
        )
        sys.exit(2)


def _print_plan(
    subjects: Subjects,
    found: list[Mention],
    wanted_of: Callable[[list[Mention]], list[Mention]],
) -> None:
    for subject_id in subjects.ids:
        print(f"would erase {subject_id}")
    for one in wanted_of(found):
        print(f"would erase {one.table}.{one.column} {one.row_id}")
    print("Nothing was erased. Add --yes to erase all this.")


def _print_erased(erased: Subjects, confirmations: list[str]) -> None:
    """Print which ids were erased, and delete the mails of `confirmations` from MAILBOX."""
    for subject_id in erased.ids:
        print(f"erased {subject_id}")
    for confirmation_id in confirmations:
        file = read_settings().mailbox / f"{confirmation_id}.eml"
        if file.exists():
            file.unlink()
            print(f"deleted {file}")


async def _look(wanted: Wanted) -> tuple[Subjects, list[Mention]]:
    subjects = await subjects_of(wanted)
    return subjects, await mentions(wanted, subjects)


def _print_mentions(found: list[Mention]) -> None:
    for one in found:
        of = f" of {one.owner_id}" if one.owner_id and one.owner_id != one.row_id else ""
        print(f"mention   {one.table}.{one.column} {one.row_id}{of}: {ERASURE_ACTIONS[one.action]}")


def _mails(wanted: Wanted) -> list[Path]:
    """Return the files with mails (in the folder MAILBOX) that mention the person."""
    return [
        file
        for file in sorted(read_settings().mailbox.glob("*.eml"))
        if wanted.is_in(_text_of(file.read_bytes()))
    ]


def _text_of(content: bytes) -> str:
    """Return the recipient and the plain text of a mail, in which to search."""
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)  # noqa: S101  # by that policy
    body = message.get_body(("plain",))
    text = "" if body is None else body.get_content()
    return f"{message['To']}\n{text}"
