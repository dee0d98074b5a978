"""The manifest beside a backup, which says what is in it and how to know that it is whole."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

FORMAT = 1
ENDING = ".manifest.json"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds. It has no personal data and no secrets."""

    dialect: str
    """The database that was backed up: `sqlite` or `postgres`."""
    version: str
    """The version of the program that made the backup."""
    taken_at: str
    """The instant of the snapshot, in ISO 8601. Later changes are not in the backup."""
    migrations: list[str]
    tables: dict[str, int]
    """The number of rows of each table."""
    ledgers: int
    """The number of consent ledgers, whose hash chains were verified."""
    size: int
    sha256: str
    format: int = FORMAT

    def as_json(self) -> bytes:
        """Return the content of the manifest's file."""
        return json.dumps(asdict(self), indent=2).encode() + b"\n"


def manifest_path(backup: Path) -> Path:
    """Return where the manifest of a backup is."""
    return backup.with_name(backup.name + ENDING)


def read_manifest(backup: Path) -> Manifest:
    """Return the manifest of a backup; raises ClickException if there is none, or no valid one."""
    path = manifest_path(backup)
    try:
        told: Any = json.loads(path.read_bytes())
        if told["format"] != FORMAT:
            raise click.ClickException(f"{path} was written by a newer version of this program.")
        return Manifest(**told)
    except FileNotFoundError:
        raise click.ClickException(
            f"{path} does not exist. A backup needs the manifest that was written beside it."
        ) from None
    except (ValueError, TypeError, KeyError):
        raise click.ClickException(f"{path} is not the manifest of a backup.") from None
