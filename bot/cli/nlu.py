"""`yingda nlu`."""

from __future__ import annotations

import json

import click

from bot.cli.settings import settings_here
from bot.nlu.parse import parse


@click.group("nlu", short_help="See what the bot understands.")
def command() -> None:
    """See what the bot understands."""


@command.command("parse")
@click.argument("text")
def parse_text(text: str) -> None:
    """Print intent, confidence, entities, language and tokens of TEXT as JSON."""
    click.echo(json.dumps(parse(settings_here(), text), ensure_ascii=False, indent=2))
