"""`yingda customers mapping`."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.settings import settings_here
from bot.customers.ingest.proposal import propose
from bot.errors import InputError

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("mapping")
@click.argument("files", nargs=-1, required=True, type=FILE)
@click.option("--out", type=FILE, help="Write it into this file, which must not be there yet.")
def command(files: tuple[Path, ...], out: Path | None) -> None:
    """Propose a mapping for files that nobody has described, with comments on what is not certain."""
    text = propose(files, time_zone=settings_here().company_timezone)
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        with out.open("x", encoding="utf8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError(f"{out} is there already; name another file") from error
    click.echo(f"{out}: look at every line, above all at those with UNSURE, then: yingda customers ingest {out}")
