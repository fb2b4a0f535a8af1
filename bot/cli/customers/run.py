"""`yingda customers run`: every step, one after the other."""

from __future__ import annotations

from pathlib import Path

import click

from bot.cli.customers import ingest, refresh, report, resolve, train


@click.command("run")
@click.argument("mapping", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--quick", is_flag=True, help="Try logistic regression only: seconds instead of minutes.")
@click.pass_context
def command(context: click.Context, mapping: Path | None, quick: bool) -> None:
    """Go the whole way: ingest what MAPPING names (if one is given), resolve, train, refresh, report.

    Each step can be run again without harm: a run that was cut off is simply begun anew. A model that is not the first is a candidate only.
    """
    if mapping:
        _step(context, "Ingest", ingest.command, mapping=mapping)
    _step(context, "Resolve", resolve.command)
    _step(context, "Train", train.command, quick=quick)
    _step(context, "Refresh", refresh.command)
    _step(context, "Report", report.command)


def _step(context: click.Context, title: str, command: click.Command, **parameters: object) -> None:
    click.secho(title, bold=True)
    defaults = {option.name: option.get_default(context) for option in command.params if option.name}
    context.invoke(command, **defaults | {"files": ()} | parameters if "files" in defaults else defaults | parameters)
