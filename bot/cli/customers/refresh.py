"""`yingda customers refresh`."""

from __future__ import annotations

import click

from bot.cli.database import open_database
from bot.cli.progress import progress_bars
from bot.cli.settings import settings_here
from bot.customers.refresh import refresh_profiles


@click.command("refresh")
def command() -> None:
    """Make every customer's profile anew, with the present churn model; the worker does it once a night."""
    settings = settings_here()
    with open_database(settings), progress_bars() as progress:
        count = refresh_profiles(settings, progress=progress)
    click.echo(f"{count} profiles are up to date.")
