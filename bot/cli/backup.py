"""`yingda backup`."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.settings import settings_here
from bot.system.backup import backup


@click.command("backup", short_help="Write everything that cannot be made again into one file.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def command(file: Path) -> None:
    """Write the database and the keys into FILE, while the system runs or not.

    FILE holds the keys that open its personal data: whoever has it can read everything. Keep it like a password.
    """
    manifest = backup(settings_here(), file)
    click.echo(f"{file} holds the {manifest.database} database and its keys ({file.stat().st_size / 1e6:.1f} MB).")
    click.echo("Whoever has this file can read all personal data in it; keep it like a password.", err=True)
