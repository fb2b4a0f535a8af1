"""`yingda customers features`."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table

from bot.customers.features.registry import FOREVER, View, views
from bot.languages import LANGUAGES


@click.command("features")
@click.option("--language", type=click.Choice(LANGUAGES), default="en", show_default=True, help="Language of the meanings.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, in both languages.")
def command(language: str, as_json: bool) -> None:
    """List the feature views: their columns with what they mean, ttl and owner."""
    if as_json:
        click.echo(json.dumps([_plain(view) for view in views().values()], ensure_ascii=False, indent=2))
        return
    table = Table()
    table.add_column("feature", no_wrap=True)
    for name in ("type", "meaning", "ttl", "owner"):
        table.add_column(name)
    for view in views().values():
        for ref, column in zip(view.refs(), view.columns, strict=True):
            table.add_row(ref, column.type, column.meaning[language], _ttl(view), view.owner)
        table.add_section()
    Console().print(table)


def _plain(view: View) -> dict[str, object]:
    columns = [{"ref": ref, "type": column.type, **column.meaning} for ref, column in zip(view.refs(), view.columns, strict=True)]
    about = {"view": view.name, "about": view.about, "entity": list(view.entity), "kinds": list(view.kinds), "ttl": _ttl(view)}
    return {**about, "event_time": view.event_time, "created_time": view.created_time, "owner": view.owner, "columns": columns}


def _ttl(view: View) -> str:
    return f"{view.ttl.days} days" if view.ttl else FOREVER
