"""The rounds as one result, as JSON and as a table that a person can read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks.rounds import Checked, Round
from benchmarks.trained import Trained

Result = dict[str, float]

AT_LEAST_FASTER = 3.0
AT_MOST_MEMORY = 0.65
LEAST_ANSWERED = 0.98  # of the messages; stock Rasa is silent where its interpretation leads nowhere

ROWS = (
    ("turns_per_s_1", "turns per second, 1 sender"),
    ("turns_per_s_8", "turns per second, 8 senders"),
    ("parses_per_s", "parses per second over HTTP, 1 sender"),
    ("p50_ms", "median of a turn, ms"),
    ("p95_ms", "95th percentile, ms"),
    ("cpu_ms_per_turn", "processor time of a turn, ms"),
    ("peak_rss_mb", "peak memory (RSS), bot and actions, MB"),
    ("bot_peak_rss_mb", "  bot alone"),
    ("actions_peak_rss_mb", "  action server alone"),
    ("pss_mb", "memory after the load (PSS), both, MB"),
    ("bot_pss_mb", "  bot alone"),
    ("actions_pss_mb", "  action server alone"),
    ("train_s", "training, s"),
    ("train_cpu_s", "training, processor time, s"),
    ("start_s", "start until the first answer, s"),
)
SHARES = (
    ("answered", "messages answered"),
    ("right", "intent right"),
    ("right_zh", "  Chinese"),
    ("right_en", "  English"),
    ("right_mixed", "  mixed"),
)


def summarise(rounds: Sequence[Round], trained: Trained) -> Result:
    """Return the median of each measurement over the rounds."""

    def middle(value: Callable[[Round], float]) -> float:
        return median(map(value, rounds))

    return {
        "turns_per_s_1": middle(lambda one: one.turns_per_s_1),
        "turns_per_s_8": middle(lambda one: one.turns_per_s_8),
        "parses_per_s": middle(lambda one: one.parses_per_s),
        "p50_ms": middle(lambda one: one.p50_ms),
        "p95_ms": middle(lambda one: one.p95_ms),
        "cpu_ms_per_turn": middle(lambda one: one.cpu_ms_per_turn),
        "peak_rss_mb": middle(lambda one: one.bot.peak_rss_mb + one.actions.peak_rss_mb),
        "bot_peak_rss_mb": middle(lambda one: one.bot.peak_rss_mb),
        "actions_peak_rss_mb": middle(lambda one: one.actions.peak_rss_mb),
        "pss_mb": middle(lambda one: one.bot.pss_mb + one.actions.pss_mb),
        "bot_pss_mb": middle(lambda one: one.bot.pss_mb),
        "actions_pss_mb": middle(lambda one: one.actions.pss_mb),
        "train_s": trained.wall_s,
        "train_cpu_s": trained.cpu_s,
        "start_s": middle(lambda one: one.start_s),
        **_shares([one.checked for one in rounds]),
    }


def ratios(ours: Result, stock: Result, rounds: Sequence[tuple[Round, Round]]) -> Result:
    """Return ours divided by stock. Of the speeds it is the median of the rounds' own ratios, since both halves see the same neighbours."""
    paired = {
        name: median(getattr(one, name) / getattr(other, name) for one, other in rounds)
        for name in ("turns_per_s_1", "turns_per_s_8", "parses_per_s", "p50_ms", "p95_ms", "cpu_ms_per_turn", "start_s")
    }
    return {name: ours[name] / stock[name] for name, _ in ROWS if stock[name]} | paired


def _shares(checked: Sequence[Checked]) -> Result:
    messages = sum(one.messages for one in checked)
    missed = sum(one.not_ok + one.empty for one in checked)
    right = {name: median(one.right.get(name, 0.0) for one in checked) for name in checked[0].right}
    return {
        "answered": 1 - missed / messages,
        "failed_actions": sum(one.failed_actions for one in checked),
        "right": right.pop("all"),
        **{f"right_{language}": share for language, share in right.items()},
    }


def complaints(ours: Result, stock: Result) -> list[str]:
    """Return what makes the comparison worthless: bots that do not answer, or actions that fail."""
    found = []
    for name, result in (("ours", ours), ("stock", stock)):
        if result["answered"] < LEAST_ANSWERED:
            found.append(f"{name} answered {result['answered']:.1%} of the messages; at least {LEAST_ANSWERED:.0%} are asked for")
        if result["failed_actions"]:
            found.append(f"{result['failed_actions']:.0f} actions failed under {name}")
    return found


def bars(ratio: Result) -> list[tuple[str, bool]]:
    slowest = min(ratio["turns_per_s_1"], ratio["turns_per_s_8"])
    return [
        (f"turns per second: {slowest:.1f} times stock's (at least {AT_LEAST_FASTER:g})", slowest >= AT_LEAST_FASTER),
        (f"peak memory: {ratio['peak_rss_mb']:.2f} of stock's (at most {AT_MOST_MEMORY:g})", ratio["peak_rss_mb"] <= AT_MOST_MEMORY),
    ]


def rounded(results: dict[str, Result]) -> dict[str, Any]:
    return {name: {key: round(value, 3) for key, value in result.items()} for name, result in results.items()}


def table(ours: Result, stock: Result, ratio: Result, *, title: str) -> Table:
    made = Table(title=title, title_justify="left")
    for header in ("", "ours", "stock", "ours / stock"):
        made.add_column(header, justify="left" if not header else "right")
    for name, label in ROWS:
        made.add_row(label, _number(ours[name]), _number(stock[name]), f"{ratio[name]:.2f}" if name in ratio else "")
    for name, label in SHARES:
        if name in ours:
            made.add_row(label, f"{ours[name]:.1%}", f"{stock[name]:.1%}", "")
    return made


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
