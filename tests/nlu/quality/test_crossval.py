"""Cross-validation of a small set of examples, and the report of it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bot.nlu.quality.crossval import Outcome, cross_validate
from bot.nlu.quality.examples import Annotated
from bot.nlu.quality.markup import read_markup
from bot.nlu.quality.report import picture, write_report
from bot.nlu.training import settled_config
from bot.settings import load_settings

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.filterwarnings("ignore")

SAID = {
    ("return_item", "zh"): ["我要退货", "怎么退货", "这个[耳机](product)我想退", "想退掉", "申请退货", "能退吗我想退货"],
    ("return_item", "en"): [
        "return my item",
        "i want to return this",
        "how do i send it back",
        "send back the [kettle](product)",
        "return it",
    ],
    ("order_status", "zh"): [
        "我的订单到哪了",
        "查一下订单",
        "订单发货了吗",
        "订单[A20261029-0042](order_number)呢",
        "我的订单呢",
        "查订单",
    ],
    ("order_status", "en"): ["where is my order", "order status please", "has my order shipped", "my order?", "status of my order"],
}


def annotated(marked: str, intent: str, language: str, line: int) -> Annotated:
    text, entities, _ = read_markup(marked)
    return Annotated(text, intent, language, entities, Path(f"nlu_data/nlu/{language}/a.yml"), line)


EXAMPLES = [
    annotated(marked, intent, language, line) for (intent, language), texts in SAID.items() for line, marked in enumerate(texts, start=5)
]


@pytest.mark.slow
def test_each_example_is_judged_by_a_model_that_has_not_seen_it(tmp_path: Path) -> None:
    pipeline = settled_config(load_settings({"YINGDA_DATA_DIR": str(tmp_path / "var")}, root=ROOT), ROOT)["pipeline"]
    quick = [{**one, "min_steps": 200, "epochs": 1} if "min_steps" in one else one for one in pipeline]
    heard: list[tuple[int, int]] = []

    outcome = cross_validate(EXAMPLES, quick, tmp_path, lambda done, total: heard.append((done, total)))

    assert heard[-1] == (5, 5)
    assert set(outcome.predicted) == {"return_item", "order_status"}
    assert outcome.macro_f1("zh") > 0.8
    assert outcome.entity_f1("zh")[""] == 1.0
    assert set(outcome.entity_f1("en")) == {"product", ""}


def test_the_report_tells_scores_and_mistakes_with_their_places(tmp_path: Path) -> None:
    predicted = [one.intent for one in EXAMPLES]
    predicted[0] = "order_status"
    outcome = Outcome(EXAMPLES, predicted, np.full(len(EXAMPLES), 0.9), {"zh": {}, "en": {}})  # type: ignore[dict-item]

    page = write_report(outcome, tmp_path / "new" / "report.html", floors={"intents": 0.95, "entities": 0.95}).read_text(encoding="utf8")

    assert outcome.confusions() == [("return_item", "order_status", 1)]
    assert outcome.accuracy("zh") == pytest.approx(11 / 12)
    assert "我要退货 <code>nlu_data/nlu/zh/a.yml:5</code>" in page
    assert re.search(r'<td class="n low">0\.9\d\d', page)
    assert picture(outcome).startswith(b"\x89PNG")
