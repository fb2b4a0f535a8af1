"""`yingda customers run`: every step, one after the other."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.customers import ingest, refresh, report, resolve, train


@click.command("run")
@click.argument("mapping", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--quick", is_flag=True, help="Try logistic regression only: seconds instead of minutes.")
def command(mapping: Path | None, quick: bool) -> None:
    """Go the whole way: ingest what MAPPING names (if one is given), resolve, train, refresh, report.

    Each step can be run again without harm: a run that was cut off is simply begun anew. A model that is not the first is a candidate only.
    """
    if mapping:
        _step("Ingest", ingest.command, str(mapping))
    _step("Resolve", resolve.command)
    _step("Train", train.command, *(["--quick"] if quick else []))
    _step("Refresh", refresh.command)
    _step("Report", report.command)


def _step(title: str, command: click.Command, *arguments: str) -> None:
    click.secho(title, bold=True)
    command.main(args=list(arguments), standalone_mode=False)
