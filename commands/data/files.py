"""Writes files that get their final name only when they are complete and on the disk."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

PIECE = 1 << 20
UNFINISHED = ".partial"


def sqlite_path(url: str) -> Path:
    """Return the path of an SQLite database."""
    return Path(url.removeprefix("sqlite://").partition("?")[0])


@contextmanager
def unfinished(target: Path) -> Iterator[tuple[Path, int]]:
    """Yield a private folder beside `target` to write in, and the descriptor of its lock.

    The folder is removed at the end. If the process is killed, the next call for the same target
    empties it; a program that inherited the lock and still writes prevents that.
    """
    folder = target.parent / f".{target.name}{UNFINISHED}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        if not _is_locked(lock.fileno()):
            raise click.ClickException(f"Another process still writes {target}.")
        _empty(folder)
        try:
            yield folder, lock.fileno()
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_unfinished(folder: Path, beginning: str) -> None:
    """Remove what killed processes left in a folder of files whose names have a beginning."""
    for left in folder.glob(f".{beginning}*{UNFINISHED}"):
        with (left / "lock").open("w") as lock:
            if _is_locked(lock.fileno()):
                shutil.rmtree(left, ignore_errors=True)


def create_private(path: Path, content: bytes = b"") -> None:
    """Create a file that only its owner may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(content)


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def publish(written: Path, target: Path) -> None:
    """Give a complete file its final name, so that it has it after a loss of power too."""
    with written.open("rb") as handle:
        os.fsync(handle.fileno())
    written.replace(target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def copy_private(source: Path, target: Path) -> str:
    """Copy a file for its owner alone; return the SHA-256 of what was copied."""
    create_private(target)
    told = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while piece := reader.read(PIECE):
            told.update(piece)
            writer.write(piece)
    return told.hexdigest()


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _empty(folder: Path) -> None:
    for left in folder.iterdir():
        if left.name != "lock":
            left.unlink()
