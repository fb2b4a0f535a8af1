"""`yingda customers evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.progress import progress_bars
from bot.errors import InputError

if TYPE_CHECKING:
    from bot.customers.churn.columns import Kind


@click.command("evaluate")
@click.option("--data", type=click.Path(path_type=Path), required=True, help="The table: CSV, Excel or Parquet, a row a customer.")
@click.option("--target", required=True, help="The column that says whether the customer left.")
@click.option("--id", "id_", help="The column that names the customer; several rows of one customer are kept on one side of each split.")
@click.option("--time", help="The column that says when the row was observed; then earlier rows are learned from, later ones tested on.")
@click.option("--positive", help="The value of the target that means that the customer left, where it is not yes, 1, churned …")
@click.option(
    "--types", multiple=True, metavar="COLUMN=KIND", help="A column's kind where the guess is wrong: number, category, date, id, drop."
)
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(
    data: Path, target: str, id_: str | None, time: str | None, positive: str | None, types: tuple[str, ...], as_json: bool
) -> None:
    """Compare eight families of churn models on any table, honestly, and say which to take.

    Kinds of columns are guessed and stated. Nothing is stored.
    """
    # scikit-learn and pandas take seconds to import.
    from bot.customers.churn.dataset import Asked
    from bot.customers.churn.evaluate import evaluate_file
    from bot.customers.report import evaluation_report

    asked = Asked(data=data, target=target, id=id_, time=time, positive=positive, types=dict(map(_typed, types)))
    with progress_bars() as progress:
        result = evaluate_file(asked, progress=progress)
    if as_json:
        click.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        evaluation_report(result)


def _typed(text: str) -> tuple[str, Kind]:
    from bot.customers.churn.columns import Kind

    name, _, kind = text.rpartition("=")
    told = {"number": Kind.NUMBER, "category": Kind.CATEGORY, "date": Kind.DATE, "id": Kind.ID, "drop": Kind.DROP}
    if not name or kind not in told:
        raise InputError(f"--types {text!r} is not COLUMN=KIND with a kind of {', '.join(told)}")
    return name, told[kind]
