"""`manage.py budget`: resets budgets that all processes share."""

import asyncio

import click

from commands.running import read, read_settings, report_problem
from models.storage.point_budget import reset_points
from opening import open_platform

budget_cli = click.Group(
    "budget", help="Manage the budgets of requests and of points, which all processes share."
)


@budget_cli.command("reset")
@click.option(
    "--register",
    "is_register",
    is_flag=True,
    help="Reset the budget of requests to Companies House.",
)
@click.option(
    "--points",
    is_flag=True,
    help="Reset the points that users and partners may spend; needs --all or --key.",
)
@click.option(
    "--all",
    "everybody",
    is_flag=True,
    help="With --points: reset the points of all users and partners.",
)
@click.option(
    "--key",
    "keys",
    multiple=True,
    help="With --points: the id of a user, reseller or token whose points to reset; may be"
    " repeated.",
)
def reset(*, is_register: bool, points: bool, everybody: bool, keys: tuple[str, ...]) -> None:
    """Reset budgets, for example after a process with a wrong clock has used them up.

    Running processes notice within a second. An API key that Companies House refused stays
    blocked: see `resume`.
    """
    if not (is_register or points):
        raise click.UsageError("Choose a budget: --register, --points or both.")
    if points and everybody == bool(keys):
        raise click.UsageError("With --points, use either --all or --key, which may be repeated.")
    if is_register:
        asyncio.run(_reset_register())
        print("The budget of requests to Companies House is reset.")
    if points:
        _reset_points(None if everybody else keys)


async def _reset_register() -> None:
    async with open_platform(read_settings(), with_worker=False) as platform:
        await platform.budget.reset()


def _reset_points(keys: tuple[str, ...] | None) -> None:
    async def work() -> int:
        if keys is None:
            return await reset_points(None)
        return sum([await reset_points(key) for key in keys])

    count = read(work)
    print(f"Reset {count} budget{'' if count == 1 else 's'} of points.")
    if keys and count < len(set(keys)):
        report_problem(
            "budgets_unspent", "The other budgets had no spent points, so they were not reset."
        )
