"""`yingda customers merge`."""

from __future__ import annotations

import click

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.customers.resolve import merges
from bot.database import audit


@click.command("merge")
@click.argument("suggestion")
@click.option("--refuse", is_flag=True, help="They are two people: do not suggest it again.")
def command(suggestion: str, refuse: bool) -> None:
    """Accept a suggestion: its two records are one person from now on. Nothing is lost; `unmerge` takes it back."""
    with open_database(settings_here()) as engine, engine.begin() as connection:
        if refuse:
            merges.refuse(connection, suggestion, actor="command")
        else:
            merges.accept(connection, suggestion, actor="command")
        audit.record(connection, actor="command", action="refuse_merge" if refuse else "merge", subject=f"suggestion:{suggestion}")
    click.echo("Refused; the two are not suggested again." if refuse else "Merged. Now make the profiles anew: yingda customers refresh")
