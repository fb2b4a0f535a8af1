"""`yingda customers quality`."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.customers.ingest.mapping import Mapping, load_mapping, parse_mapping
from bot.customers.ingest.proposal import propose
from bot.customers.ingest.run import inputs_of
from bot.customers.quality.report import looked_at, page, quality_section, section
from bot.errors import InputError
from bot.settings import Settings

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("quality")
@click.argument("runs_or_files", nargs=-1)
@click.option("--mapping", type=FILE, help="How to read the files; without it a mapping is proposed and used as it is.")
@click.option("--out", type=FILE, default="quality.html", show_default=True, help="The page to write.")
@click.option("--language", type=click.Choice(["zh", "en"]), help="Of the page; by default the company's.")
def command(runs_or_files: tuple[str, ...], mapping: Path | None, out: Path, language: str | None) -> None:
    """Write a page on how good data is, before and after cleaning: of runs, by their ids, or of files, which are only looked at.

    Without either: of the newest stored run of each source.
    """
    settings = settings_here()
    language = language or settings.default_language
    files = [Path(name) for name in runs_or_files if Path(name).is_file()]
    if files and len(files) < len(runs_or_files):
        raise InputError("give either runs or files, not both; what is not a file is taken for a run's id")
    if files:
        known = _mapping(files, mapping, settings)
        inputs = inputs_of(known, files[0].parent, files)
        folder = settings.data_dir / "ingest"
        parts = section([looked_at(one.source, one.path, folder) for one in inputs if one.path], language=language)
    else:
        with open_database(settings) as engine, engine.connect() as connection:
            parts = quality_section(connection, runs_or_files, language=language)
    out.write_text(page(parts, language=language), encoding="utf8")
    click.echo(f"{out}: {len(parts['runs'])} inputs.")


def _mapping(files: list[Path], mapping: Path | None, settings: Settings) -> Mapping:
    if mapping is not None:
        return load_mapping(mapping, time_zone=settings.company_timezone)
    return parse_mapping(propose(files, time_zone=settings.company_timezone), name="the proposed mapping")
