"""Commands for budgets that all processes share."""

import asyncio

import click

from app import open_platform
from commands.running import read_settings

budget_cli = click.Group("budget", help="Budgets that all processes share.")


@budget_cli.command("reset")
@click.option("--register", "is_register", is_flag=True, help="The budget of the register's key.")
def reset(*, is_register: bool) -> None:
    """End pauses of a budget, such as one that a process with a wrong clock caused.

    A key that the register refused stays blocked: see `resume`.
    """
    if not is_register:
        raise click.UsageError("Say which budget to reset: --register.")
    settings = read_settings()

    async def work() -> None:
        async with open_platform(settings, with_worker=False) as platform:
            await platform.budget.reset()

    asyncio.run(work())
    print("The register's budget is reset.")
