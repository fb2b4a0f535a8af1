"""`yingda backup`."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.database import audit
from bot.system.backup import backup


@click.command("backup", short_help="Write everything that cannot be made again into one file.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def command(file: Path) -> None:
    """Write the database and the keys into FILE, while the system runs or not.

    FILE holds the keys that open its personal data: whoever has it can read everything. Keep it like a password.
    """
    settings = settings_here()
    manifest = backup(settings, file)
    with open_database(settings) as engine, engine.begin() as connection:  # whoever is erased later is still in it: `erase` names it
        audit.record(connection, actor="command", action="backup", subject="database", file=str(file.absolute()))
    click.echo(f"{file} holds the {manifest.database} database and its keys ({file.stat().st_size / 1e6:.1f} MB).")
    click.echo("Whoever has this file can read all personal data in it; keep it like a password.", err=True)
