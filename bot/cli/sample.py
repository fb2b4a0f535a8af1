"""`yingda sample-data`."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.database import open_database
from bot.cli.progress import progress_bars
from bot.cli.settings import settings_here
from bot.crypto import open_cipher
from bot.errors import ConflictError
from bot.shop.sample import generate, load, write_truth


@click.command("sample-data", short_help="Fill the embedded database with the demo shop's customers.")
@click.option("--customers", default=2000, show_default=True, help="How many customers to invent.")
@click.option("--seed", default=7, show_default=True, help="The same seed gives the same customers.")
@click.option("--truth", type=click.Path(path_type=Path, file_okay=False), help="Write the true churn probabilities into this folder.")
def command(customers: int, seed: int, truth: Path | None) -> None:
    """Invent customers, memberships, products, orders and all that follows over two years, and load them.

    Only an empty embedded database is filled, never the one of DATABASE_URL.
    """
    settings = settings_here()
    if not settings.embedded_database:
        raise ConflictError("DATABASE_URL names a database of your own; sample data goes into the embedded one only (unset DATABASE_URL)")
    with open_database(settings) as engine, progress_bars() as progress:
        data = generate(customers, seed, progress=progress)
        load(engine, open_cipher(settings), data, progress=progress)
    for table, rows in data.rows.items():
        click.echo(f"{len(rows):>8} {table}")
    if truth:
        click.echo(f"The true churn probabilities are in {write_truth(data, truth)}")
