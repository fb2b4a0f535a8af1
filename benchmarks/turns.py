"""Full turns of our bot against the stock Rasa configuration: `python -m benchmarks.turns [--json]`. See docs/benchmarks.md."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from benchmarks import ours, stock
from benchmarks.bots import Bot, Ours, Stock
from benchmarks.conversations import Conversation, read_scripts, with_messages
from benchmarks.ground import database_file, make_shop, open_conversations
from benchmarks.place import ROOT, free_ports
from benchmarks.rounds import Round, Script, run_round
from benchmarks.service import Service, running
from benchmarks.table import bars, complaints, ratios, rounded, summarise, table
from benchmarks.trained import Trained
from bot.keys import SECRET_NAMES
from bot.settings import Settings

WARM_UP = 24  # messages
QUICK_MESSAGES = 60
QUICK_EPOCHS = 2
ROUNDS = 3


@dataclass(frozen=True)
class Bench:
    """What all rounds share: models, the shop's database, what is said."""

    folder: Path
    shop: Settings
    secrets: dict[str, str]
    models: dict[str, Trained]
    project: stock.StockProject
    scripts: list[Conversation]

    def run(self, name: str, number: int) -> Round:
        """Run one round of a bot, with a database and an action server of its own."""
        folder = self.folder / f"{name}-{number}"
        (folder / "models").mkdir(parents=True)
        shutil.copy(database_file(self.shop), folder)
        bot_port, actions_port = free_ports(2)
        environment = ours.environment(folder, bot_port=bot_port, actions_port=actions_port, secrets=self.secrets)
        settings = ours.settings_of(environment)
        script = self._script(settings)
        with ExitStack() as stack:
            actions = stack.enter_context(running(ours.actions_service(settings, environment), folder))
            actions.wait_until_listening()
            process = stack.enter_context(running(self._service(name, settings, environment), folder))
            return asyncio.run(run_round(_bot(name, process.url, settings), process, actions, script))

    def _script(self, settings: Settings) -> Script:
        warm = with_messages(self.scripts[::-1], WARM_UP)
        passes = [[self.scripts[0]], warm, self.scripts, self.scripts]
        first, warm, one, many = asyncio.run(open_conversations(settings.database_url, passes))
        return Script(first[0], warm, one, many)

    def _service(self, name: str, settings: Settings, environment: dict[str, str]) -> Service:
        model = self.models[name].model
        if name == "ours":
            shutil.copy(model, settings.model_dir)
            return ours.bot_service(settings, environment)
        token, port = settings.internal_token, settings.rasa_port
        return stock.service(self.project, model, port=port, actions_url=settings.actions_url, token=token)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--messages", default=300, show_default=True, help="How many messages one pass has.")
@click.option("--rounds", default=ROUNDS, show_default=True, help="How often both bots are started and measured; medians are shown.")
@click.option(
    "--epochs", type=int, help="Train stock Rasa for fewer epochs than its own 100: as large and as fast, but it understands less."
)
@click.option("--quick", is_flag=True, help=f"One round of {QUICK_MESSAGES} messages, stock Rasa trained for {QUICK_EPOCHS} epochs.")
@click.option(
    "--stories/--no-stories", default=True, show_default=True, help="Tell stock Rasa the rules as stories too, so that TED is trained."
)
@click.option("--cache", type=click.Path(path_type=Path), default=ROOT / "var" / "benchmarks", help="Where trained models are kept.")
def command(as_json: bool, messages: int, rounds: int, epochs: int | None, quick: bool, stories: bool, cache: Path) -> None:
    """Measure full turns of our bot and of the stock Rasa configuration, on the same messages, one bot after the other."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # so that what was started is ended too
    console = Console(stderr=True, highlight=False)
    if quick:
        messages, rounds, epochs = QUICK_MESSAGES, 1, QUICK_EPOCHS
    try:
        scripts = with_messages(read_scripts(), messages)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--messages") from error
    with tempfile.TemporaryDirectory(prefix="yingda-benchmark-") as folder:
        ground = Path(folder)
        keys = {name: secrets.token_hex(32) for name in SECRET_NAMES}
        shop = ours.settings_of(ours.environment(ground / "shop", bot_port=5005, actions_port=5055, secrets=keys))
        project = stock.write_project(ground / "stock", root=ROOT, company=shop.company_name_zh, stories=stories, epochs=epochs)
        models = trained_models(shop, project, cache=cache.absolute(), console=console)
        with console.status("Making the demo shop's database"):
            make_shop(shop)
        bench = Bench(ground, shop, keys, models, project, scripts)
        pairs = [_pair(bench, number, console) for number in range(1, rounds + 1)]
    sys.exit(report(bench, pairs, as_json=as_json, title=f"{messages} messages a pass, median of {rounds}"))


def trained_models(shop: Settings, project: stock.StockProject, *, cache: Path, console: Console) -> dict[str, Trained]:
    with console.status("Training our model, unless it is in the cache"):
        mine = ours.train(shop, cache)
    console.print(f"Our model took {mine.wall_s:.0f} s to train")
    with console.status("Training stock Rasa on our data, unless it is in the cache; this can take an hour"):
        theirs = stock.train(project, cache)
    console.print(f"The stock model took {theirs.wall_s:.0f} s to train")
    return {"ours": mine, "stock": theirs}


def _pair(bench: Bench, number: int, console: Console) -> tuple[Round, Round]:
    """Run both bots, one after the other; who is first changes from round to round."""
    found: dict[str, Round] = {}
    for name in ("ours", "stock") if number % 2 else ("stock", "ours"):
        with console.status(f"Round {number}: {name}"):
            found[name] = bench.run(name, number)
        one = found[name]
        console.print(
            f"Round {number}: {name:5} {one.turns_per_s_1:.1f} and {one.turns_per_s_8:.1f} turns/s with 1 and 8 senders, "
            f"{one.bot.peak_rss_mb:.0f} + {one.actions.peak_rss_mb:.0f} MB"
        )
    return found["ours"], found["stock"]


def report(bench: Bench, pairs: list[tuple[Round, Round]], *, as_json: bool, title: str) -> int:
    """Print the result; return non-zero when the answers were not such that it counts."""
    mine = summarise([one for one, _ in pairs], bench.models["ours"])
    theirs = summarise([other for _, other in pairs], bench.models["stock"])
    ratio = ratios(mine, theirs, pairs)
    if as_json:
        print(json.dumps(rounded({"ours": mine, "stock": theirs, "ratio": ratio}), indent=2))
    else:
        console = Console(highlight=False)
        console.print(table(mine, theirs, ratio, title=title))
        for text, met in bars(ratio):
            console.print(f"{'met' if met else 'NOT MET':8}{text}")
    wrong = complaints(mine, theirs)
    for complaint in wrong:
        print(complaint, file=sys.stderr)
    return 1 if wrong else 0


def _bot(name: str, url: str, settings: Settings) -> Bot:
    return Ours(url, settings.internal_token) if name == "ours" else Stock(url)


if __name__ == "__main__":
    command()
