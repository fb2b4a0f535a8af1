"""`yingda customers unmerge`."""

from __future__ import annotations

import click

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.customers.resolve import merges
from bot.database import audit


@click.command("unmerge")
@click.argument("wanted", metavar="ID")
def command(wanted: str) -> None:
    """Take back a merge, or all merges of a customer. They are not suggested or merged by a shared key again."""
    with open_database(settings_here()) as engine, engine.begin() as connection:
        count = merges.undo(connection, wanted, actor="command")
        audit.record(connection, actor="command", action="unmerge", subject=f"merge:{wanted[:36]}")
    click.echo(f"{count} merges are taken back. Now make the profiles anew: yingda customers refresh")
