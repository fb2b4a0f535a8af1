"""`yingda customers train`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from bot.cli.database import open_database
from bot.cli.progress import progress_bars
from bot.cli.settings import settings_here


@click.command("train")
@click.option(
    "--truth",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The sample data's file of true probabilities, to compare with.",
)
@click.option("--quick", is_flag=True, help="Try logistic regression only: seconds instead of minutes.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole model card as JSON.")
def command(truth: Path | None, quick: bool, as_json: bool) -> None:
    """Learn from the shop's data who leaves, and say how well that is known.

    The model becomes a candidate. Where there is no live model and no alarm, it goes live at once; else `promote` decides.
    """
    # scikit-learn and pandas take seconds to import.
    from bot.customers.churn.training import train
    from bot.customers.report import card_report

    settings = settings_here()
    with open_database(settings), progress_bars() as progress:
        card = train(settings, truth=truth, progress=progress, quick=quick)
    if as_json:
        click.echo(json.dumps(card, ensure_ascii=False, indent=2))
        return
    card_report(card)
    if card["status"] == "live":
        click.echo(f"Model {card['id']} is live. Now make the profiles anew: yingda customers refresh")
    else:
        click.echo(f"Model {card['id']} is a candidate. To use it: yingda customers promote {card['id']}")
