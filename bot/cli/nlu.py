"""`yingda nlu`."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bot.cli import nlu_test
from bot.cli.database import open_database
from bot.cli.evaluate import Evaluation, evaluate
from bot.cli.progress import progress_bars
from bot.cli.settings import settings_here
from bot.errors import InputError, NotFoundError
from bot.nlu.live_catalogue import FILE as CATALOGUE
from bot.nlu.live_catalogue import install_catalogue
from bot.nlu.training import is_trained, newest_model, settled_config
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
    from bot.dialogue.understanding import Understanding, explained

    click.echo(json.dumps(explained(Understanding(newest_model(settings)).parse(text)), ensure_ascii=False, indent=2))


@command.command("check")
@click.option("--quick", is_flag=True, help="Leave out what takes minutes: near duplicates and examples in a wrong intent.")
@click.option("--min-examples", default=25, show_default=True, help="Wanted of each intent in each language.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: the findings and how many there are of each kind.")
def check_data(quick: bool, min_examples: int, as_json: bool) -> None:
    """Find what is wrong with the training examples, before they are trained with.

    Broken files and markup, duplicates, examples in the wrong language or intent, too few of them, entities that domain.yml lacks, that are
    misaligned or were forgotten: each with its file and line, and what to do. The exit code is 1 when there is anything.
    """
    _quiet()
    from bot.nlu.quality.check import CheckOptions, check
    from bot.nlu.quality.findings import summary

    options = CheckOptions(cache=settings_here().data_dir / "cache", min_examples=min_examples, quick=quick)
    with progress_bars() as show:
        findings = check(project_root(), options, show)
    if as_json:
        kinds = Counter(finding.kind for finding in findings)
        click.echo(json.dumps({"findings": [finding.as_dict() for finding in findings], "kinds": kinds}, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            click.echo(finding.sentence())
        click.echo(summary(findings))
    sys.exit(bool(findings))


@command.command("suggest")
@click.option(
    "--since", "days", default=30.0, show_default=True, type=click.FloatRange(min=0), help="Look at the messages of this many days."
)
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False, writable=True), help="Write here, not to the terminal.")
def suggest_examples(days: float, output: Path | None) -> None:
    """Make new examples of what customers said and the bot did not understand.

    Personal data are masked, like messages grouped, the largest group first; each group is proposed for an intent, or for a new one. What
    comes out has the form of nlu_data: read it, correct it, and move what is good there.
    """
    _quiet()
    from bot.nlu.quality.suggest import suggest

    settings = settings_here()
    with open_database(settings) as engine, progress_bars() as show:
        suggestions = suggest(engine, settings, project_root(), days=days, show=show)
    if not suggestions.groups:
        click.echo(f"Nothing to suggest: in the last {days:g} days there was no message that the bot did not understand.", err=True)
        return
    if output is None:
        click.echo(suggestions.as_yaml(), nl=False)
        return
    output.write_text(suggestions.as_yaml(), encoding="utf8")
    click.echo(f"{suggestions.messages} messages in {len(suggestions.groups)} groups are in {output}")


def _quiet() -> None:
    """Prepare this process for our NLU's libraries, without what scikit-learn and spaCy would load of TensorFlow."""
    from bot.dialogue.light import TENSORFLOW, leave_out

    os.environ.update(ENVIRONMENT)
    warnings.simplefilter("ignore")
    leave_out(TENSORFLOW)


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


@command.command("test")
@click.option("--report", type=_FILE, help="Where to write the HTML report; by default nlu-test.html in the data directory.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def test_data(report: Path | None, as_json: bool) -> None:
    """Cross-validate nlu_data in both languages; fails when it is below NLU_FLOOR or NLU_ENTITY_FLOOR.

    Each example is judged by a model of config.yml's pipeline that has not seen it. The report shows every intent and entity, a picture
    of who is taken for whom, and the most frequent mistakes with their files and lines.
    """
    _quiet()
    settings, root = settings_here(), project_root()
    with progress_bars() as show:
        result = nlu_test.run(settings, root, report or settings.data_dir / "nlu-test.html", show)
    click.echo(json.dumps(result.as_dict(), ensure_ascii=False, indent=2) if as_json else result.text())
    if result.below:
        raise InputError(f"below the floor: {', '.join(result.below)}; see {result.report}")


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
