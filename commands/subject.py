"""Commands for requests of a data subject: what is stored of a person, and its erasure."""

import json
import sys
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import click

from commands.running import do, read, read_settings, say
from models.changes.subject import (
    Mention,
    Subjects,
    Wanted,
    confirmations_of,
    erase,
    mentions,
    records_of,
    subjects_of,
)
from models.tables.audit import ActorContext
from models.tables.personal_columns import Content

subject_cli = click.Group("subject", help="What is stored of one person (a data subject).")

WHY_KEPT = {
    Content.PERSONAL: "kept with its customer: evidence of consent, or text about somebody else",
    Content.REFERENCE: "a reference of a customer",
    Content.ACTOR: "the name of a credential, in the history of what it did",
    Content.STAFF: "a user or a token; disable the user first",
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
                {"table": one.table, "id": one.row_id, "column": one.column, "of": one.owner_id}
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
@click.option("--yes", "is_meant", is_flag=True, help="Erase; without it, only list what would be.")
def erase_subject(
    email: str | None, name: str | None, ids: tuple[str, ...], *, is_meant: bool
) -> None:
    """Erase the contacts, individual customers and disabled users that are the person.

    All of them in one transaction. It cannot be undone. Several people may have one name: see
    `find` first, and choose with --only.
    """
    wanted = _wanted(email, name)

    async def chosen() -> Subjects:
        subjects = await subjects_of(wanted)
        return subjects.only(ids) if ids else subjects

    if not is_meant:
        for subject_id in read(chosen).ids:
            print(f"would erase {subject_id}")
        print("Nothing was erased: add --yes.")
        return

    async def work(act: ActorContext) -> tuple[Subjects, list[str]]:
        subjects = await chosen()
        await erase(act, subjects)
        return subjects, await confirmations_of(subjects)

    erased, confirmations = do(work)
    for subject_id in erased.ids:
        print(f"erased {subject_id}")
    for confirmation_id in confirmations:
        file = read_settings().mailbox / f"{confirmation_id}.eml"
        if file.exists():
            file.unlink()
            print(f"deleted {file}")
    left = read(lambda: mentions(wanted))
    if left:
        _print_mentions(left)
        say("subject_mentioned", f"The person is still mentioned in {len(left)} places.")
        sys.exit(2)


async def _look(wanted: Wanted) -> tuple[Subjects, list[Mention]]:
    return await subjects_of(wanted), await mentions(wanted)


def _print_mentions(found: list[Mention]) -> None:
    for one in found:
        of = f" of {one.owner_id}" if one.owner_id and one.owner_id != one.row_id else ""
        print(f"mention   {one.table}.{one.column} {one.row_id}{of}: {WHY_KEPT[one.content]}")


def _mails(wanted: Wanted) -> list[Path]:
    """Return the files of the local mailbox that mention the person."""
    return [
        file
        for file in sorted(read_settings().mailbox.glob("*.eml"))
        if wanted.is_in(_text_of(file.read_bytes()))
    ]


def _text_of(content: bytes) -> str:
    """Return what people read of a mail: whom it is for, and its text."""
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)  # noqa: S101  # by that policy
    body = message.get_body(("plain",))
    text = "" if body is None else body.get_content()
    return f"{message['To']}\n{text}"
