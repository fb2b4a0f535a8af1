"""`yingda customers follow`."""

from __future__ import annotations

import click

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.customers.follow import follow
from bot.database import sync_engine


@click.command("follow")
def command() -> None:
    """Read what the shop's tables and our own conversations hold into customers' events; what is there already stays as it is."""
    settings = settings_here()
    with open_database(settings):
        engine = sync_engine(settings.database_url)
        with engine.begin() as connection:
            counts = follow(connection, everything=True)
        engine.dispose()
    click.echo(f"{counts.stored} events are new, {counts.corrected} were corrected.")
