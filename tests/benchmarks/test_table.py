from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchmarks.measure import Use
from benchmarks.rounds import Checked, Round
from benchmarks.table import bars, complaints, ratios, rounded, summarise, table
from benchmarks.trained import Trained

ASKED_FOR = {"turns_per_s_1", "turns_per_s_8", "p50_ms", "p95_ms", "peak_rss_mb", "train_s", "start_s"}
TRAINED = Trained(Path("model.tar.gz"), wall_s=60.0, cpu_s=50.0)


def make_round(speed: float, **changes: Any) -> Round:
    checked = Checked(messages=100, not_ok=0, empty=1, failed_actions=0, right={"all": 0.9, "zh": 0.8, "en": 0.95})
    values: dict[str, Any] = {
        "start_s": 10.0,
        "turns_per_s_1": speed,
        "turns_per_s_8": speed * 1.2,
        "parses_per_s": speed * 2,
        "p50_ms": 1000 / speed,
        "p95_ms": 2000 / speed,
        "cpu_ms_per_turn": 800 / speed,
        "bot": Use(peak_rss_mb=300.0, pss_mb=250.0, cpu_s=10.0),
        "actions": Use(peak_rss_mb=100.0, pss_mb=80.0, cpu_s=5.0),
        "checked": checked,
    }
    return Round(**{**values, **changes})


def test_the_result_is_the_median_of_the_rounds_and_memory_is_that_of_both_processes() -> None:
    result = summarise([make_round(10), make_round(90), make_round(100)], TRAINED)

    assert result["turns_per_s_1"] == 90
    assert result["peak_rss_mb"] == 400
    assert result["train_s"] == 60
    assert result["answered"] == 0.99
    assert result["right"] == 0.9
    assert set(result) >= ASKED_FOR


def test_the_ratio_of_speeds_is_that_of_each_round_since_neighbours_come_and_go() -> None:
    pairs = [(make_round(100), make_round(20)), (make_round(50), make_round(10)), (make_round(10), make_round(2))]
    ours, stock = (summarise([pair[side] for pair in pairs], TRAINED) for side in (0, 1))

    ratio = ratios(ours, stock, pairs)

    assert ratio["turns_per_s_1"] == 5
    assert ratio["p50_ms"] == pytest.approx(0.2)
    assert ratio["peak_rss_mb"] == 1
    assert set(ratio) >= ASKED_FOR


def test_bars_are_met_by_the_slower_of_both_speeds() -> None:
    met = {"turns_per_s_1": 3.1, "turns_per_s_8": 5.0, "peak_rss_mb": 0.6}

    assert [fine for _, fine in bars(met)] == [True, True]
    assert [fine for _, fine in bars({**met, "turns_per_s_1": 2.9, "peak_rss_mb": 0.7})] == [False, False]


def test_a_bot_that_is_silent_or_whose_actions_fail_makes_the_comparison_worthless() -> None:
    good = summarise([make_round(10)], TRAINED)

    assert complaints(good, good) == []
    [silent, failing] = complaints(good, {**good, "answered": 0.5, "failed_actions": 3.0})
    assert "stock answered 50.0%" in silent
    assert "3 actions failed" in failing


def test_the_table_and_the_json_show_all_that_is_asked_for() -> None:
    pair = (make_round(100), make_round(20))
    ours, stock = (summarise([one], TRAINED) for one in pair)
    ratio = ratios(ours, stock, [pair])
    console = Console(width=120, record=True, quiet=False, file=None)

    with console.capture() as shown:
        console.print(table(ours, stock, ratio, title="a title"))

    assert "turns per second, 8 senders" in shown.get()
    assert set(rounded({"ratio": ratio})["ratio"]) >= ASKED_FOR
