"""The command to run after a restore of the database."""

import click

from commands.running import run_change
from models.tables.event_feed import begin_generation


@click.command()
def restored() -> None:
    """Note that the database was restored from a backup, before processes are started.

    Cursors of the event feed that are newer than the backup are then refused, so that no reader
    misses events without noticing.
    """
    run_change(lambda _: begin_generation())
    click.echo("Cursors of the event feed that are newer than the backup are refused from now on.")
