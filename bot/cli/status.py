"""`yingda status`."""

from __future__ import annotations

import asyncio
import sys

import click
import sqlalchemy as sa

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.conversations.estimate import WITHIN, EstimateError, estimate_error
from bot.database.conversations import conversations
from bot.database.escalations import escalations
from bot.database.people import agents, customers
from bot.errors import NotFoundError
from bot.nlu.training import is_trained, newest_model
from bot.settings import Settings
from bot.system.place import project_root, running
from bot.system.ready import missing_parts
from bot.system.tables import check_tables
from bot.tables import FOLDER


@click.command("status", short_help="Say whether the system runs and what is in it.")
def command() -> None:
    """Say whether the system runs and what is in it. Exit code 0: it runs and is ready."""
    settings = settings_here()
    own = check_tables()
    other = running(settings)
    missing = asyncio.run(missing_parts(settings)) if other else []
    if other is None:
        click.echo("System     not running; start it with `yingda up`")
    else:
        state = "ready" if not missing else f"not ready, missing: {', '.join(missing)}"
        click.echo(f"System     {state}; {other.url}, process {other.pid}")
    click.echo(f"Database   {'embedded' if settings.embedded_database else 'DATABASE_URL'}")
    click.echo(f"Redis      {'embedded' if settings.embedded_redis else 'REDIS_URL'}")
    click.echo(f"Model      {_model(settings)}")
    click.echo(f"Tables     {', '.join(own) + ' from ' + str(settings.data_dir / FOLDER) if own else 'as delivered'}")
    _count(settings)
    sys.exit(0 if other and not missing else 3)


def _model(settings: Settings) -> str:
    try:
        name = newest_model(settings).name
    except NotFoundError:
        return "none yet; train one with `yingda train`"
    return (
        name if is_trained(settings, root=project_root()) else f"{name}, older than config.yml, domain.yml or nlu_data; run `yingda train`"
    )


def _count(settings: Settings) -> None:
    waiting = sa.select(sa.func.count()).select_from(escalations).where(escalations.c.status == "waiting")
    counts = {name: sa.select(sa.func.count()).select_from(table) for name, table in _TABLES.items()}
    with open_database(settings) as engine, engine.begin() as connection:
        for name, query in {**counts, "Waiting": waiting}.items():
            click.echo(f"{name:<14} {connection.execute(query).scalar_one():>8}")
        click.echo(f"Wait told      {estimate_line(estimate_error(connection))}")


def estimate_line(error: EstimateError | None) -> str:
    """Say how far the waiting time that customers were told was from the one they had."""
    if error is None:
        return f"nobody was told a time and served in {WITHIN.days} days"
    return (
        f"off by {error.median_s / 60:.1f} min in the median, nine of ten by at most {error.most_s / 60:.1f} min; "
        f"{error.late_share:.0%} waited longer than told ({error.count} in {WITHIN.days} days)".replace("%", " %")
    )


_TABLES = {"Customers": customers, "Conversations": conversations, "Agents": agents}
