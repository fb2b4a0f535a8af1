"""`yingda customers resolve`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bot.cli.database import open_database
from bot.cli.progress import progress_bars
from bot.cli.settings import settings_here
from bot.crypto import open_cipher
from bot.customers.resolve.evaluate import evaluate
from bot.customers.resolve.run import THRESHOLD, resolve


@click.command("resolve")
@click.option(
    "--threshold",
    default=THRESHOLD,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Suggest what is one person with this probability.",
)
@click.option(
    "--data", type=click.Path(path_type=Path, dir_okay=False, exists=True), help="Measure on this CSV; the database is not touched."
)
@click.option(
    "--truth", default="rec_id", show_default=True, help="The column of --data that two rows of one person share (or febrl's rec_id)."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(threshold: float, data: Path | None, truth: str, as_json: bool) -> None:
    """Find records of the same person: merge what shares a verified key, suggest what looks alike.

    What is verified is said in VERIFIED_KEYS; without it nothing merges by itself.
    """
    if data is not None:
        with progress_bars() as progress:
            measures = evaluate(data, truth=truth, threshold=threshold, tick=lambda done, total: progress("compare", done, total))
        _print(measures, as_json=as_json)
        return
    settings = settings_here()
    with open_database(settings) as engine, progress_bars() as progress:
        cipher = open_cipher(settings)
        found = resolve(engine, cipher, verified_keys=settings.verified_keys, threshold=threshold, progress=progress)
    _print(found._asdict(), as_json=as_json)
    if not as_json and found.open:
        click.echo("Decide on the suggestions: yingda customers suggestions")


def _print(values: dict[str, float], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(values, indent=2))
        return
    for name, value in values.items():
        click.echo(f"{name:>12}  {value:.4f}" if isinstance(value, float) else f"{name:>12}  {value}")
