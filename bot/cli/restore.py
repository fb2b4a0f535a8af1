"""`yingda restore`."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.settings import settings_here
from bot.errors import ConflictError
from bot.privacy.erase import erased_before
from bot.system.backup import restore
from bot.system.place import only_one


@click.command("restore", short_help="Put a backup in place of what is there.")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(file: Path, yes: bool) -> None:
    """Put the database and the keys of FILE in place of this system's, which must not be running.

    An embedded database that is there is kept beside the restored one. A PostgreSQL database of DATABASE_URL must be empty.
    """
    settings = settings_here()
    if not yes:
        click.confirm("Replace this system's database and keys?", abort=True)
    try:
        with only_one(settings):
            manifest, kept = restore(settings, file)
    except ConflictError as error:
        raise ConflictError(f"{error}; nothing was restored") from error
    click.echo(f"Restored the {manifest.database} database of {manifest.created_at}.")
    if erased_before(settings):
        click.echo("Whoever was erased after this backup was made is in it again: yingda customers erase --again")
    if kept:
        click.echo(f"What was there before is in {kept}")
