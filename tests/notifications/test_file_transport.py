"""The local mailbox: mails are complete files that only the owner can read."""

from pathlib import Path

import pytest

from models.rules.mail_failure import MailFailureCode
from notifications.errors import MailDelayed
from notifications.file_transport import FileTransport
from tests.mails import mails_in
from tests.notifications.example_mails import letter, written


def names_in(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir()]


TO = "ann@acme.example"


async def test_a_mail_is_a_file_that_nobody_else_may_read(tmp_path: Path) -> None:
    folder = tmp_path / "var" / "mailbox"
    await FileTransport(folder).send(written(letter()).message, TO)
    (file,) = folder.iterdir()
    assert (file.name, file.stat().st_mode & 0o777) == ("cfm_1.eml", 0o600)
    assert folder.stat().st_mode & 0o777 == 0o700
    (mail,) = mails_in(folder)
    assert mail.links == written(letter()).links


async def test_the_same_mail_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    for _ in range(2):
        await FileTransport(tmp_path).send(written(letter()).message, TO)
    assert names_in(tmp_path) == ["cfm_1.eml"]


async def test_a_disk_that_fails_leaves_no_half_mail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("notifications.file_transport.os.fsync", fail)
    with pytest.raises(MailDelayed) as caught:
        await FileTransport(tmp_path).send(written(letter()).message, TO)
    assert caught.value.code is MailFailureCode.UNREACHABLE
    assert names_in(tmp_path) == []


async def test_a_mail_is_deleted_by_its_id_and_one_that_is_gone_is_no_fault(
    tmp_path: Path,
) -> None:
    post = FileTransport(tmp_path)
    await post.send(written(letter()).message, TO)
    await post.remove("cfm_2")
    assert names_in(tmp_path) == ["cfm_1.eml"]
    for _ in range(2):
        await post.remove("cfm_1")
    assert names_in(tmp_path) == []


async def test_a_mail_that_can_not_be_deleted_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "cfm_1.eml").mkdir()  # a folder, which `unlink` cannot remove
    with pytest.raises(MailDelayed):
        await FileTransport(tmp_path).remove("cfm_1")
