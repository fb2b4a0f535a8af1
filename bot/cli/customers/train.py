"""`yingda customers train`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bot.cli.database import open_database
from bot.cli.progress import progress_bars
from bot.cli.settings import settings_here
from bot.customers import run


@click.command("train")
@click.option(
    "--truth",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The sample data's file of true probabilities, to compare with.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the whole model card as JSON.")
def command(truth: Path | None, as_json: bool) -> None:
    """Learn from the shop's data who leaves, say how well that is known, and use it from now on."""
    settings = settings_here()
    with open_database(settings), progress_bars() as progress:
        card = run.train(settings, truth=truth, progress=progress)
    if as_json:
        click.echo(json.dumps(card, ensure_ascii=False, indent=2))
        return
    click.echo(f"Learned from {card['customers']} customers, of whom {card['churned']} left within {card['horizon_days']} days.")
    for name, value in card["metrics"].items():
        click.echo(f"{name:>20}  {_short(value)}")
    click.echo("Now make the profiles anew: yingda customers refresh")


def _short(value: object) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {_short(one)}" for name, one in value.items())
    return f"{value:.3f}" if isinstance(value, float) else str(value)
