"""`yingda customers retention`."""

from __future__ import annotations

import click

from bot.cli.database import open_database
from bot.cli.progress import progress_bars
from bot.cli.settings import settings_here
from bot.privacy.retention import keep_within, overdue, read_rules


@click.command("retention")
@click.option("--dry-run", is_flag=True, help="Only say what is kept too long.")
def command(dry_run: bool) -> None:
    """Delete what is kept longer than retention.yml allows; the worker does it every night.

    The file is in bot/privacy; one of the same form in the data directory replaces it.
    """
    settings = settings_here()
    rules = read_rules(settings)
    with open_database(settings) as engine, progress_bars() as progress:
        counts = overdue(engine, rules) if dry_run else keep_within(engine, rules, progress=progress)
    for rule in rules:
        only = f" where {rule.only}" if rule.only else ""
        click.echo(f"{rule.table}{only}: " + (f"{rule.days} days after {rule.age}" if rule.days else "for ever") + f". {rule.why}")
    for name, count in sorted(counts.items()):
        click.echo(f"{count:>8} {name} {'are kept too long' if dry_run else 'deleted'}")
