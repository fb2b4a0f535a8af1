"""`yingda customers report`."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.customers.monitor.page import write_page
from bot.ids import utcnow
from bot.languages import LANGUAGES


@click.command("report")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Where the page goes; by default var/reports/.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Of the page; by default DEFAULT_LANGUAGE.")
def command(out: Path | None, language: str | None) -> None:
    """Write one HTML page: who may leave, how good the model is, drift, what offers win, the data's quality."""
    settings = settings_here()
    chosen = language or settings.default_language
    target = out or settings.data_dir / "reports" / f"customers-{chosen}.html"
    with open_database(settings):
        write_page(settings, target, language=chosen, now=utcnow())
    click.echo(f"The report is in {target}")
