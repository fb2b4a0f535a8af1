"""`yingda rotate-key`."""

from __future__ import annotations

from dataclasses import replace

import click

from bot.cli.database import open_database
from bot.cli.progress import progress_bars
from bot.cli.settings import settings_here
from bot.crypto import open_cipher
from bot.database import audit
from bot.errors import ConflictError
from bot.keys import forget_old_keys, make_data_key, secrets_file
from bot.privacy.rotation import rotate
from bot.settings import Settings
from bot.system.place import only_one


@click.command("rotate-key", short_help="Write all personal data anew under a new key.")
def command() -> None:
    """Write all personal data anew under a new key, and forget the old one.

    With the keys in var/secrets.env: stop the system and run this. With the keys in the environment or .env: set YINGDA_DATA_KEY to a new
    key and YINGDA_DATA_KEY_OLD to the old one, restart the system, and run this while it serves. Stopped half-way, run it again.
    """
    settings = settings_here()
    if not settings.older_data_keys:
        settings = _with_a_new_key(settings)
    with open_database(settings) as engine, progress_bars() as progress:
        done = rotate(engine, open_cipher(settings), progress=progress)
        again = rotate(engine, open_cipher(settings))  # what was written meanwhile by a process that began with the old key
        with engine.begin() as connection:
            audit.record(connection, actor="command", action="rotate_key", subject="data key", renewed=done.renewed + again.renewed)
    click.echo(f"{done.renewed} of {done.rows} rows were written anew.")
    if again.unreadable or again.renewed:
        raise ConflictError(
            f"{again.unreadable} rows open with none of the keys, {again.renewed} were written under an old one meanwhile; keep the old "
            "keys, restart the system so that all of it has the new one, and run this again"
        )
    if forget_old_keys(settings.data_dir):
        click.echo(f"The old key is gone from {secrets_file(settings.data_dir)}.")
    else:
        click.echo("Take YINGDA_DATA_KEY_OLD out of the environment or .env now.")
    click.echo("Backups made before hold the old key and open with it; make a new one, and delete those when you may.")


def _with_a_new_key(settings: Settings) -> Settings:
    """Put a new key before the present one in the file of generated secrets, while nothing runs that would not know it."""
    with only_one(settings):
        new = make_data_key(settings.data_dir, settings.data_key)
    return replace(settings, data_key=new, data_key_old=settings.data_key)
