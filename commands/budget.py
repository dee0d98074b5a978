"""Commands for budgets that processes share: an operator makes one whole again."""

import sys

import click

from commands.running import read
from models.point_budget import reset_points

budget_cli = click.Group("budget", help="Budgets that all processes share.")


@budget_cli.command("reset")
@click.option("--points", is_flag=True, help="The points that users and partners may spend.")
@click.option("--all", "everybody", is_flag=True, help="Of everybody.")
@click.option("--key", "keys", multiple=True, help="Of one user (usr_…), reseller or token.")
def reset(*, points: bool, everybody: bool, keys: tuple[str, ...]) -> None:
    """Make budgets whole again, as after a process with a wrong clock has spent them ahead.

    Running processes notice within a second.
    """
    if not points:
        raise click.UsageError("Say which budget: --points.")
    if everybody == bool(keys):
        raise click.UsageError("Say whose budget: --all, or --key once for each.")

    async def work() -> int:
        if everybody:
            return await reset_points(None)
        return sum([await reset_points(key) for key in keys])

    count = read(work)
    print(f"Reset {count} budget{'' if count == 1 else 's'} of points.")
    if keys and count < len(set(keys)):
        print("Nothing of the others was spent.", file=sys.stderr)
