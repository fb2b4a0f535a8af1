"""`yingda customers runs`."""

from __future__ import annotations

import json

import click
from rich.console import Console
from rich.table import Table

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.customers.ingest import runs


@click.command("runs")
@click.option("--run", "run_id", default="", help="All counts of this run; the beginning of its id is enough.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def command(run_id: str, as_json: bool) -> None:
    """List what was read and made, when, by which code, and what came of it."""
    with open_database(settings_here()) as engine, engine.connect() as connection:
        found = [runs.one(connection, run_id)] if run_id else runs.recent(connection)
    listed = [{**row._mapping, "started_at": str(row.started_at), "finished_at": str(row.finished_at or "")} for row in found]
    if as_json or run_id:
        click.echo(json.dumps(listed[0] if run_id else listed, ensure_ascii=False, indent=2))
        return
    table = Table("run", "step", "source", "input", "status", "began", "rows", "stored", "bad rows")
    for row in found:
        counts = (str(row.counts.get(name, "")) for name in ("rows", "stored", "marred"))
        table.add_row(row.id, row.step, row.source, row.input, row.status, f"{row.started_at:%Y-%m-%d %H:%M}", *counts)
    Console().print(table)
