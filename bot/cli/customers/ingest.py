"""`yingda customers ingest`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from bot.cli.database import open_database
from bot.cli.progress import progress_bars
from bot.cli.settings import settings_here
from bot.crypto import open_cipher
from bot.customers.ingest.mapping import load_mapping
from bot.customers.ingest.run import LIMIT, Ingestion, Outcome, ingest, inputs_of
from bot.errors import InputError

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("ingest")
@click.argument("mapping", type=FILE)
@click.argument("files", nargs=-1, type=FILE)
@click.option("--limit", default=LIMIT, show_default=True, type=click.FloatRange(0, 1), help="Share of bad rows that stops a file.")
@click.option("--again", is_flag=True, help="Read also what has been read before; what is the same stays as it is.")
@click.option("--json", "as_json", is_flag=True, help="Print every count as JSON.")
def command(mapping: Path, files: tuple[Path, ...], limit: float, again: bool, as_json: bool) -> None:
    """Read a company's data as MAPPING says: the FILEs given, or all that it names. Bad rows go to quarantine."""
    settings = settings_here()
    known = load_mapping(mapping, time_zone=settings.company_timezone)
    inputs = inputs_of(known, mapping.parent, files)
    with open_database(settings) as engine, progress_bars() as progress:
        cipher = open_cipher(settings)
        ingestion = Ingestion(engine, cipher, settings.data_dir / "ingest", limit=limit, again=again, progress=progress)
        outcomes = list(ingest(ingestion, inputs))
    if as_json:
        click.echo(json.dumps([asdict(outcome) for outcome in outcomes], ensure_ascii=False, indent=2))
    else:
        for outcome in outcomes:
            click.echo("\n".join(told(outcome)))
    stopped = [outcome for outcome in outcomes if outcome.status == "stopped"]
    if stopped:
        raise InputError(
            f"{len(stopped)} of {len(outcomes)} inputs have more than {limit:.1%} bad rows; nothing of them was stored. "
            f"Look at them: yingda customers quarantine --run {stopped[0].run_id}"
        )


def told(outcome: Outcome) -> list[str]:
    """Return what came of an input, for a person."""
    where = f"{outcome.input} as {outcome.source}"
    if outcome.status == "unchanged":
        return [f"{where}: nothing to do, run {outcome.run_id} has stored this very file under this mapping"]
    counts = outcome.counts
    lines = [f"{where}: {outcome.status}, run {outcome.run_id}: {counts['rows']} rows in {counts['seconds']} s"]
    if outcome.status == "done":
        names = ("stored", "corrected", "unchanged", "duplicates", "corrected_in_file", "customers_new", "traits")
        lines.append("  " + _list({name: counts.get(name, 0) for name in names}))
    if counts["quarantined"]:
        lines.append(f"  bad rows: {counts['marred']}, of which left out: {counts['refused']} ({_list(counts['quarantined'])})")
    if counts["repairs"]:
        lines.append(f"  repaired: {_list(counts['repairs'])}")
    return lines


def _list(counts: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count) or "nothing"
