"""`yingda train`."""

from __future__ import annotations

import asyncio
import os
import signal

import click

from bot.cli.settings import settings_here
from bot.nlu.training import is_trained, newest_model
from bot.system.log import Log
from bot.system.narrator import Narrator
from bot.system.place import project_root, running
from bot.system.processes import python_process
from bot.system.steps import run_step


@click.command("train", short_help="Train the bot when its configuration or examples have changed.")
@click.option("--force", is_flag=True, help="Train even when nothing has changed.")
def command(force: bool) -> None:
    """Train the bot when config.yml, domain.yml or nlu_data have changed; a running system then serves the new model."""
    settings, root = settings_here(), project_root()
    if is_trained(settings, root=root):
        if not force:
            click.echo(f"Nothing has changed; the model is {newest_model(settings)}")
            return
        newest_model(settings).unlink()
    narrator, log = Narrator(), Log(settings.data_dir / "logs" / "learn.log")
    try:
        asyncio.run(run_step(python_process("learn", "bot.system.learn", settings=settings, root=root), log, narrator.sequence()))
    finally:
        narrator.quiet()
        log.close()
    click.echo(f"The model is {newest_model(settings)}")
    other = running(settings)
    if other and other.pid:
        os.kill(other.pid, signal.SIGUSR1)
        click.echo("The running system changes over to it; customers wait a moment meanwhile.")
