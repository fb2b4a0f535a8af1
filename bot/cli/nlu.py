"""`yingda nlu`."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bot.cli.evaluate import Evaluation, evaluate
from bot.cli.progress import progress_bars
from bot.cli.settings import settings_here
from bot.errors import NotFoundError
from bot.nlu.live_catalogue import FILE as CATALOGUE
from bot.nlu.live_catalogue import install_catalogue
from bot.nlu.parse import parse
from bot.nlu.training import is_trained, settled_config
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


_FILE = click.Path(path_type=Path)


@command.command("catalogue")
@click.argument("file", type=_FILE)
def install(file: Path) -> None:
    """Let the bot recognise the products in FILE at once, without training. FILE has the form of nlu_data/lookups/products.yml.

    An entry may have a `sku`, which is then the value of what is found. The file before it is replaced.
    """
    count = install_catalogue(file, settings_here().data_dir / CATALOGUE)
    click.echo(f"The bot recognises the {count} products of {file}.")


@command.command("evaluate")
@click.option("--train", "train_file", type=_FILE, required=True, help="Messages to learn from.")
@click.option("--test", "test_file", type=_FILE, required=True, help="Messages to measure on.")
@click.option("--dev", "dev_file", type=_FILE, help="More messages to measure on, shown apart: tune on these.")
@click.option("--oos-label", "oos_labels", multiple=True, help="An intent whose messages are foreign: to be refused, not answered.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate_file(train_file: Path, test_file: Path, dev_file: Path | None, oos_labels: tuple[str, ...], as_json: bool) -> None:
    """Train the pipeline of config.yml through Rasa on one file of messages and measure it, as it is served, on another.

    Files hold lines of text<TAB>intent[<TAB>language], without a header. Accuracy counts the likeliest intent, whether or not the bot would
    act on it; in_scope_kept and oos_recall say what the model's own threshold does.
    """
    tests = {"test": test_file, **({"dev": dev_file} if dev_file else {})}
    evaluation = Evaluation(train=train_file, tests=tests, oos_labels=oos_labels)
    with progress_bars() as show:
        results = evaluate(evaluation, settled_config(settings_here(), project_root()), show)
    if as_json:
        click.echo(json.dumps({**results.pop("test"), **results}, ensure_ascii=False, indent=2))
    else:
        Console().print(_table(results))


def _table(results: dict[str, dict[str, Any]]) -> Table:
    table = Table("", *results)
    flat = {name: dict(_flat(measures)) for name, measures in results.items()}
    for measure in dict.fromkeys(measure for some in flat.values() for measure in some):
        table.add_row(measure, *(_number(some.get(measure)) for some in flat.values()))
    return table


def _flat(measures: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in measures.items():
        found += _flat(value, f"{prefix}{name} ") if isinstance(value, dict) else [(prefix + name, value)]
    return found


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.4f}" if value <= 1 else f"{value:.2f}"
