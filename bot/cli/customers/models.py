"""`yingda customers models`, `promote` and `rollback`."""

from __future__ import annotations

import getpass
import json

import click

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.errors import InputError


@click.command("models")
@click.argument("model_id", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the cards as JSON.")
def command(model_id: str | None, as_json: bool) -> None:
    """List the churn models, the newest first, or show the card of one."""
    # scikit-learn and pandas take seconds to import.
    from bot.customers.models import list_models
    from bot.customers.report import card_report, models_report

    with open_database(settings_here()) as engine, engine.connect() as connection:
        rows = [row for row in list_models(connection) if model_id in {None, row.id}]
    if model_id and not rows:
        raise InputError(f"there is no churn model {model_id!r}; `yingda customers models` lists them")
    cards = [{**row.card, "id": row.id, "status": row.status, "kind": row.kind} for row in rows]
    if as_json:
        click.echo(json.dumps(cards, ensure_ascii=False, indent=2))
    elif model_id:
        card_report(cards[0])
    else:
        models_report(rows)


@click.command("promote")
@click.argument("model_id")
@click.option("--shadow", is_flag=True, help="Only score beside the live model, to be compared once outcomes are known.")
@click.option("--accept", multiple=True, metavar="ALARM", help="An alarm of the card that is no leak; it needs --reason.")
@click.option("--reason", default="", help="Why the accepted alarms are no leak; kept in the card with your name and the time.")
@click.option("--by", default="", help="Who decides, where that is not the name of this account.")
def promote(model_id: str, shadow: bool, accept: tuple[str, ...], reason: str, by: str) -> None:
    """Serve this model from now on, without a restart. Open alarms must be accepted with a reason."""
    from bot.customers import models

    with open_database(settings_here()) as engine, engine.begin() as connection:
        before = models.promote(connection, model_id, shadow=shadow, accept=dict.fromkeys(accept, reason), by=by or getpass.getuser())
    click.echo(f"Model {model_id} is {'a shadow' if shadow else 'live'}{f' in place of {before}' if before else ''}.")
    if not shadow:
        click.echo("Now make the profiles anew: yingda customers refresh")


@click.command("rollback")
def rollback() -> None:
    """Serve the model again that was live before."""
    from bot.customers import models

    with open_database(settings_here()) as engine, engine.begin() as connection:
        now, before = models.rollback(connection)
    click.echo(f"Model {now} is live again{f' in place of {before}' if before else ''}.")
    click.echo("Now make the profiles anew: yingda customers refresh")
