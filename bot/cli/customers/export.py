"""`yingda customers export`."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.crypto import open_cipher
from bot.privacy.export import export


@click.command("export")
@click.argument("wanted", metavar="ID")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def command(wanted: str, file: Path) -> None:
    """Write all that is held on a customer into FILE, a ZIP with JSON in it, for them to have.

    ID is the shop's customer number, a customer's id, a phone number or an e-mail address; for a visitor without a record a
    conversation's id.
    Make sure that whoever asks is that person: the file holds everything in clear.
    """
    settings = settings_here()
    with open_database(settings) as engine:
        counts = export(engine, open_cipher(settings), wanted, file, actor="command")
    for name, count in counts.items():
        click.echo(f"{count:>8} {name}")
    click.echo(f"{file} is for this person only.", err=True)
