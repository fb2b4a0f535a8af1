"""`yingda up`."""

from __future__ import annotations

import asyncio
import time

import click

from bot.cli.settings import settings_here
from bot.errors import ConflictError
from bot.system.narrator import Narrator
from bot.system.place import only_one, project_root, running
from bot.system.supervisor import Supervisor
from bot.system.tables import check_tables


@click.command("up", short_help="Start the whole system and keep it running.")
def command() -> None:
    """Start the whole system and keep it running until Ctrl-C.

    On the first start it makes the database, loads the demo shop's data, trains the bot and makes an agent for the demo;
    all of that only while neither DATABASE_URL nor SHOP_URL names something of your own. A process that dies is started again.
    """
    began = time.monotonic()
    settings = settings_here()
    check_tables()
    narrator = Narrator()
    try:
        with only_one(settings):
            asyncio.run(Supervisor(settings, root=project_root(), narrator=narrator).run(began=began))
    except ConflictError:
        other = running(settings)
        narrator.say("runs_already", url=other.url if other else settings.public_url, pid=other.pid if other else "?")
