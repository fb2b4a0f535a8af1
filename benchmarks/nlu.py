"""config.yml's pipeline on public data sets: `python -m benchmarks.nlu --data FOLDER [--peer SET …] [--json]`. See docs/nlu.md."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks.place import ROOT
from benchmarks.stock import stock_config
from bot.cli.evaluate import Evaluation, evaluate
from bot.cli.progress import progress_bars
from bot.nlu.training import settled_config
from bot.settings import load_settings

Measures = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Bar:
    """A number that is wanted: where it is among the measures, at least (or at most) how much, and the aim."""

    name: str
    value: Callable[[Measures], float]
    at_least: float
    aim: float
    at_most: bool = False

    def met(self, value: float) -> bool:
        return value <= self.at_least if self.at_most else value >= self.at_least


@dataclass(frozen=True)
class Set:
    """One training and what it is measured on; files are relative to the data folder."""

    train: str
    tests: dict[str, str]
    bars: tuple[Bar, ...]
    oos_labels: tuple[str, ...] = ()


def _accuracy(name: str, at_least: float, aim: float, *, test: str = "test", language: str = "") -> Bar:
    if language:
        return Bar(f"{name}, accuracy {language}", lambda found: found[test]["accuracy_by_language"][language], at_least, aim)
    return Bar(f"{name}, accuracy", lambda found: found[test]["accuracy"], at_least, aim)


def _calibration(name: str) -> Bar:
    return Bar(f"{name}, calibration error", lambda found: found["test"]["ece"], 0.05, 0.02, at_most=True)


def _auroc(name: str, label: str, at_least: float, aim: float) -> Bar:
    return Bar(name, lambda found: found["test"]["by_oos_label"][label]["oos_auroc"], at_least, aim)


SETS = {
    "banking77": Set(
        "banking77/train.tsv", {"test": "banking77/test.tsv"}, (_accuracy("banking77", 0.938, 0.95), _calibration("banking77"))
    ),
    "massive_en": Set(
        "massive_en/train.tsv",
        {"test": "massive_en/test.tsv", "zh": "massive_zh/test.tsv"},
        (
            _accuracy("massive_en", 0.886, 0.90),
            _calibration("massive_en"),
            _accuracy("massive_en on Chinese, without one Chinese example", 0.76, 0.80, test="zh"),
        ),
    ),
    "massive_zh": Set(
        "massive_zh/train.tsv",
        {"test": "massive_zh/test.tsv", "unseen": "massive_zh/test_unseen.tsv", "mixed": "massive_zh_mixed/test.tsv"},
        (
            _accuracy("massive_zh", 0.862, 0.88),
            _calibration("massive_zh"),
            _accuracy("massive_zh, unseen texts", 0.862, 0.88, test="unseen"),
            Bar(
                "massive_zh_mixed, points below massive_zh",
                lambda found: found["test"]["accuracy"] - found["mixed"]["accuracy"],
                0.03,
                0.0,
                at_most=True,
            ),
        ),
    ),
    "msva_service_bilingual": Set(
        "msva_service_bilingual/train.tsv",
        {"test": "msva_service_bilingual/test.tsv"},
        (
            _accuracy("msva", 0.95, 0.97, language="zh"),
            _accuracy("msva", 0.95, 0.97, language="en"),
            _calibration("msva"),
        ),
    ),
    "crosswoz_acts": Set(
        "crosswoz_acts/train.tsv", {"test": "crosswoz_acts/test.tsv"}, (_accuracy("crosswoz", 0.895, 0.915), _calibration("crosswoz"))
    ),
    "hint3_curekart": Set(
        "hint3_curekart/train.tsv",
        {"test": "hint3_curekart/test.tsv"},
        (
            _accuracy("hint3_curekart, in scope", 0.87, 0.90),
            Bar("hint3_curekart, foreign found where 90 % of ours stay", lambda found: found["test"]["oos_recall_at_90"], 0.75, 0.82),
            _calibration("hint3_curekart"),
        ),
        ("oos",),
    ),
    "banking77_oos": Set(
        "banking77_oos/train.tsv",
        {"test": "banking77_oos/test.tsv"},
        (_auroc("banking77_oos, near, AUROC", "oos_id", 0.885, 0.93), _auroc("banking77_oos, far, AUROC", "oos_ood", 0.997, 0.999)),
        ("oos_id", "oos_ood"),
    ),
    "fewshot10": Set(
        "banking77/fewshot10.tsv", {"test": "banking77/test.tsv"}, (_accuracy("banking77, ten examples an intent", 0.83, 0.86),)
    ),
}
COMPARED = ("accuracy", "oos_recall_at_90", "oos_recall", "in_scope_kept", "train_s", "parse_ms_p50", "peak_rss_mb", "serve_rss_mb")


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True, help="Folder of the sets, a folder each with train.tsv, test.tsv …")
@click.option("--set", "names", type=click.Choice(list(SETS)), multiple=True, help="Only these sets.")
@click.option("--peer", "peers", type=click.Choice(list(SETS)), multiple=True, help="Train Rasa's stock pipeline on these sets too.")
@click.option("--peer-epochs", type=int, help="Epochs of the stock pipeline, where its own 100 take too long; it then understands less.")
@click.option("--json", "as_json", is_flag=True, help="Print the measures as JSON.")
def command(data: Path, names: tuple[str, ...], peers: tuple[str, ...], peer_epochs: int | None, as_json: bool) -> None:
    """Train on each set, measure on its test, and say which bars are met."""
    chosen = names or tuple(SETS)
    missing = [file for name in {*chosen, *peers} for file in (SETS[name].train, *SETS[name].tests.values()) if not (data / file).is_file()]
    if missing:
        raise click.BadParameter(f"{data} lacks {', '.join(sorted(missing))}; it wants a folder a set", param_hint="--data")
    mine = settled_config(load_settings(root=ROOT), ROOT)
    stock = {"language": "en", "assistant_id": "stock", "pipeline": stock_config(peer_epochs)["pipeline"]}
    with progress_bars() as show:
        ours = {name: _run(name, data, mine, show) for name in chosen}
        theirs = {name: _run(name, data, stock, show) for name in peers}
    rows = [(bar, bar.value(ours[name])) for name in chosen for bar in SETS[name].bars]
    if as_json:
        bars = [_told(bar, value) for bar, value in rows]
        click.echo(json.dumps({"ours": ours, "stock": theirs, "bars": bars}, ensure_ascii=False, indent=2))
    else:
        _print(rows, ours, theirs)
    sys.exit(any(not bar.met(value) for bar, value in rows))


def _run(name: str, data: Path, config: dict[str, Any], show: Callable[[str, int, int], None]) -> Measures:
    one = SETS[name]
    evaluation = Evaluation(
        train=data / one.train, tests={test: data / file for test, file in one.tests.items()}, oos_labels=one.oos_labels
    )
    return evaluate(evaluation, yaml.safe_load(yaml.safe_dump(config)), lambda what, done, total: show(f"{name} {what}", done, total))


def _told(bar: Bar, value: float) -> dict[str, Any]:
    bound = "at_most" if bar.at_most else "at_least"
    return {"bar": bar.name, "value": round(value, 4), bound: bar.at_least, "aim": bar.aim, "met": bar.met(value)}


def _print(rows: list[tuple[Bar, float]], ours: dict[str, Measures], theirs: dict[str, Measures]) -> None:
    console = Console(highlight=False)
    table = Table("", "measured", "at least", "aim", "")
    for bar, value in rows:
        table.add_row(bar.name, f"{value:.3f}", f"{bar.at_least:g}", f"{bar.aim:g}", "met" if bar.met(value) else "NOT MET")
    console.print(table)
    for name, found in theirs.items():
        peer = Table(name, "ours", "stock", "ours / stock")
        for measure in COMPARED:
            mine, other = ours.get(name, {}).get("test", {}).get(measure), found["test"].get(measure)
            if mine is not None and other is not None:
                peer.add_row(measure, f"{mine:.3f}", f"{other:.3f}", f"{mine / other:.2f}" if other else "")
        console.print(peer)


if __name__ == "__main__":
    command()
