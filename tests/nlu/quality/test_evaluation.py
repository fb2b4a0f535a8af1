"""Measures of hand-made parses, and once the whole command through Rasa."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from bot.cli import cli
from bot.nlu.quality.evaluation import Judged, judge, measures
from bot.nlu.quality.measures import calibration_error, foreign_auroc, foreign_recall, macro_f1
from bot.nlu.quality.rows import Row


def parse(*ranking: tuple[str, float], familiarity: float = 1.0) -> dict[str, Any]:
    named = [{"name": name, "confidence": confidence} for name, confidence in ranking]
    return {"intent": named[0], "intent_ranking": named, "novelty": {"familiarity": familiarity}}


def test_a_refused_message_is_judged_by_its_likeliest_intent() -> None:
    row = Row("where is it", "order_status", "en")

    judged = judge(row, parse(("nlu_fallback", 0.7), ("order_status", 0.3), familiarity=0.2), foreign_intent="out_of_scope")

    assert (judged.best, judged.confidence, judged.familiarity, judged.refused) == ("order_status", 0.3, 0.2, True)


def test_the_foreign_intent_is_a_refusal() -> None:
    assert judge(Row("book a flight", "oos", "en"), parse(("out_of_scope", 0.9)), foreign_intent="out_of_scope").refused


def test_measures_of_rows_in_and_out_of_scope() -> None:
    judged = [
        Judged(Row("a", "x", "en"), "x", 0.9, 3.0, False),
        Judged(Row("b", "x", "zh"), "y", 0.6, 2.0, False),
        Judged(Row("c", "y", "zh"), "y", 0.8, 2.5, True),
        Judged(Row("d", "near", "en"), "y", 0.4, 2.2, False),
        Judged(Row("e", "far", "en"), "x", 0.3, 0.1, True),
    ]

    result = measures(judged, foreign_labels=("near", "far"))

    assert result["accuracy"] == pytest.approx(2 / 3)
    assert result["macro_f1"] == pytest.approx(2 / 3)
    assert result["accuracy_by_language"] == {"en": 1.0, "zh": 0.5}
    assert result["in_scope_kept"] == pytest.approx(2 / 3)
    assert (result["oos_rows"], result["oos_recall"]) == (2, 0.5)
    assert result["oos_auroc"] == pytest.approx(5 / 6)
    assert result["by_oos_label"]["far"]["oos_auroc"] == 1.0
    assert result["by_oos_label"]["near"]["oos_recall"] == 0.0


def test_calibration_is_the_distance_of_confidence_and_accuracy() -> None:
    confidences = np.array([0.95, 0.95, 0.95, 0.95, 0.55, 0.55])
    right = np.array([True, True, True, False, True, False])

    assert calibration_error(confidences, right) == pytest.approx(4 / 6 * 0.2 + 2 / 6 * 0.05)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0.0


def test_foreign_messages_are_found_where_nine_of_ten_of_ours_stay() -> None:
    ours, foreign = np.arange(10.0, 20.0), np.array([1.0, 10.5, 15.0])

    assert foreign_recall(ours, foreign) == pytest.approx(2 / 3)
    assert foreign_auroc(ours, foreign) == pytest.approx((10 + 9 + 4.5 + 0) / 30, abs=0.02)


def test_an_intent_that_is_only_predicted_is_no_intent_of_the_mean() -> None:
    assert macro_f1(["a", "a", "b"], ["a", "a", "c"]) == pytest.approx(0.5)


SAID = {
    "return_item": [
        "我要退货",
        "这个东西我想退",
        "怎么退货",
        "i want to return this",
        "how do i send it back",
        "return my item [please](now)",
    ],
    "general/order": ["我的订单到哪了", "查一下订单", "发货了吗", "where is my order", "order status please", "has my order shipped"],
    "oos": ["帮我写作业", "今天股票怎么样", "订机票", "write my homework", "book a flight", "what is the capital of france"],
}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_command_trains_through_rasa_and_measures_what_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train, test = tmp_path / "train.tsv", tmp_path / "test.tsv"
    train.write_text("".join(f"{text}\t{intent}\n" for intent, texts in SAID.items() for text in texts), encoding="utf8")
    test.write_text(
        "我要把它退掉\treturn_item\nwhere's my order\tgeneral/order\n我的 order 发货了吗\tgeneral/order\nbuy me a flight\toos\n",
        encoding="utf8",
    )
    monkeypatch.setenv("YINGDA_DATA_DIR", str(tmp_path / "var"))
    arguments = ["nlu", "evaluate", "--train", str(train), "--test", str(test), "--dev", str(test), "--oos-label", "oos", "--json"]

    done = CliRunner().invoke(cli, arguments)

    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["accuracy"] == 1.0
    assert set(result["accuracy_by_language"]) == {"zh", "en", "mixed"}
    assert result["dev"]["accuracy"] == result["accuracy"]
    assert 0 < result["parse_ms_p50"] <= result["parse_ms_p99"]
    assert result["train_s"] > 0
    assert result["serve_rss_mb"] < result["peak_rss_mb"]
    assert 0 < result["model_mb"] < 8
