"""Commands for data subjects: find, export and erase the data about a person."""

import json
import sys
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import click

from commands.running import do, read, read_settings, say
from models.changes.subject import (
    Fate,
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

subject_cli = click.Group("subject", help="What is stored of one person (a data subject).")

FATES = {
    Fate.ERASED: "goes with erase",
    Fate.ON_REQUEST: "stays, because it is about somebody else; erase --mentions erases it",
    Fate.EVIDENCE: "stays, because it is evidence of consent, kept while its customer is",
    Fate.CREDENTIAL: "stays, because it names a credential: a token, or who did something",
    Fate.SIGN_IN: "stays, so that the user cannot sign in as somebody new",
    Fate.OTHER: "stays, because it is data of somebody else; edit it there",
}


def _wanted(email: str | None, name: str | None) -> Wanted:
    given = [one for one in (email, name) if one is not None]
    if len(given) != 1 or not given[0].strip():
        raise click.UsageError("Give the person by --email or by --name, one of them.")
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
                    "isErased": one.fate is Fate.ERASED,
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
@click.option("--only", "ids", multiple=True, help="Erase only this id; can be repeated.")
@click.option(
    "--mentions",
    "with_mentions",
    is_flag=True,
    help="Also erase reasons of class changes, and values and reasons in the audit trail, that"
    " mention the person and are about somebody else.",
)
@click.option("--yes", "is_meant", is_flag=True, help="Erase; without it, only list what would be.")
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
        """Return the mentions to erase; with --only, just those in the rows with these ids."""
        asked = [one for one in found if one.fate is Fate.ON_REQUEST and with_mentions]
        return [one for one in asked if not ids or one.row_id in ids]

    if not is_meant:
        _print_plan(*read(look), wanted_of)
        return

    async def work(act: ActorContext) -> tuple[Subjects, list[str]]:
        subjects, found = await look()
        await erase(act, subjects)
        await erase_mentioned(act, wanted_of(found))
        return subjects, await confirmations_of(subjects)

    _print_erased(*do(work))
    _, left = read(lambda: _look(wanted))
    if left:
        _print_mentions(left)
        say("subject_mentioned", f"The person is still mentioned in {len(left)} places.")
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
    print("Nothing was erased: add --yes.")


def _print_erased(erased: Subjects, confirmations: list[str]) -> None:
    """Print the erased ids, and delete the mails of `confirmations` from the local mailbox."""
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
        print(f"mention   {one.table}.{one.column} {one.row_id}{of}: {FATES[one.fate]}")


def _mails(wanted: Wanted) -> list[Path]:
    """Return the files of the local mailbox that mention the person."""
    return [
        file
        for file in sorted(read_settings().mailbox.glob("*.eml"))
        if wanted.is_in(_text_of(file.read_bytes()))
    ]


def _text_of(content: bytes) -> str:
    """Return the recipient and the plain text of a mail."""
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)  # noqa: S101  # by that policy
    body = message.get_body(("plain",))
    text = "" if body is None else body.get_content()
    return f"{message['To']}\n{text}"
