"""`yingda nlu`."""

from __future__ import annotations

import json
import os
import warnings

import click

from bot.cli.settings import settings_here
from bot.errors import NotFoundError
from bot.nlu.parse import parse
from bot.nlu.training import is_trained
from bot.system.place import project_root
from bot.system.processes import ENVIRONMENT


@click.group("nlu", short_help="See what the bot understands.")
def command() -> None:
    """See what the bot understands."""


@command.command("parse")
@click.argument("text")
def parse_text(text: str) -> None:
    """Print intent, confidence, entities, language and tokens of TEXT as JSON."""
    os.environ.update(ENVIRONMENT)
    warnings.simplefilter("ignore")  # what Rasa and its libraries say of each other while they are loaded
    settings = settings_here()
    if not is_trained(settings, root=project_root()):
        raise NotFoundError("there is no model of what config.yml, domain.yml and nlu_data hold now; run `yingda train`")
    click.echo(json.dumps(parse(settings, text), ensure_ascii=False, indent=2))
