"""`yingda customers quarantine`."""

from __future__ import annotations

import csv
import os
from itertools import islice
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bot.cli.database import open_database
from bot.cli.settings import settings_here
from bot.crypto import open_cipher
from bot.customers.ingest import quarantine, runs

SHOWN = 100  # in the terminal; a file has all
COLUMNS = ("run", "source", "file", "row", "column", "value", "rule")


@click.command("quarantine")
@click.option("--run", "run_id", default="", help="Of this run only; the beginning of its id is enough.")
@click.option("--csv", "to", type=click.Path(path_type=Path, dir_okay=False), help="Write all of them into this file.")
def command(run_id: str, to: Path | None) -> None:
    """Show the values that ingestion refused, with file, row, column and the rule that they break."""
    settings = settings_here()
    with open_database(settings) as engine, engine.connect() as connection:
        cipher = open_cipher(settings)
        found = quarantine.show(connection, cipher, run_id=runs.one(connection, run_id).id if run_id else "")
        rows = ([one.run_id, one.source, one.file, str(one.row), one.column, one.value or "", one.rule] for one in found)
        if to is None:
            _print(list(islice(rows, SHOWN + 1)))
            return
        # Only its owner may read it: the values are somebody's.
        with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            count = sum(1 for row in rows if writer.writerow([_harmless(cell) for cell in row]))
    click.echo(f"{count} values are in {to}.")


def _print(rows: list[list[str]]) -> None:
    if not rows:
        click.echo("Nothing is in quarantine.")
        return
    table = Table(*COLUMNS[1:])
    for row in rows[:SHOWN]:
        table.add_row(*(_harmless(cell) for cell in row[1:]))
    Console().print(table)
    if len(rows) > SHOWN:
        click.echo(f"There are more than these {SHOWN}; --csv FILE writes all.")


def _harmless(cell: str) -> str:
    """Return a cell that a spreadsheet takes for a text: one that begins as a formula would be run."""
    return (
        f"'{cell}" if cell[:1] in {"=", "@", "\t", "\r"} or (cell[:1] in {"+", "-"} and not cell[1:].replace(".", "").isdigit()) else cell
    )
