"""What the check finds without a model; tests/nlu/quality/test_defects.py has the whole of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.errors import SettingError
from bot.nlu.quality.check import CheckOptions, check, check_before_training
from bot.nlu.quality.findings import Kind, summary
from bot.nlu.training import MODULES, train
from bot.settings import load_settings
from tests.nlu.quality.conftest import ROOT, Project, examples

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

QUICK = CheckOptions(quick=True, min_examples=1)
ELSEWHERE = ["[耳机](product)到了吗", "[耳机](product)坏了", "退[耳机](product)", "换[耳机](product)"]


def found(root: Path, *, ignore: Kind = Kind.MISSING_INTENT) -> list[tuple[str, int]]:
    return [(finding.kind.value, finding.line) for finding in check(root, QUICK) if finding.kind != ignore]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["查订单", "查訂單！"], [("duplicate", 6)]),
        (["查 order", "查ＯＲＤＥＲ"], [("duplicate", 6)]),
        (["[耳机](goods)呢"], [("unknown_entity", 5)]),
        (["我的[ 耳机](product)呢"], [("padded_entity", 5)]),
        (["我的[](product)呢"], [("empty_entity", 5)]),
        (["my head[phones](product)"], [("misaligned_entity", 5)]),
        (["where is my order now", "我的订单"], []),
        (["wo de dingdan"], []),
        ([*ELSEWHERE, "我的耳机呢"], [("unmarked_entity", 9)]),
        ([*ELSEWHERE, "我[的耳机](product)呢"], [("shifted_entity", 9)]),
        ([*ELSEWHERE, "[北京](city)市朝阳区"], []),
    ],
)
def test_examples_are_judged(project: Project, lines: list[str], expected: list[tuple[str, int]]) -> None:
    assert found(project(zh=examples("order_status", *lines))) == expected


def test_chinese_in_the_english_file_and_english_in_the_chinese_one(project: Project) -> None:
    english = [f"where is my order {end}" for end in ("now", "please", "today")]
    root = project(
        zh=examples("order_status", "我的订单", "where is my order", "ok"), en=examples("order_status", *english, "我的 order", "我的单呢")
    )

    assert [finding.place for finding in check(root, QUICK) if finding.kind == Kind.WRONG_LANGUAGE] == [
        "nlu_data/nlu/en/orders.yml:9",
        "nlu_data/nlu/zh/orders.yml:6",
    ]


def test_intents_are_counted(project: Project) -> None:
    root = project(zh=examples("order_status", "查订单"), en=examples("order_statsu", "my order"))

    findings = check(root, CheckOptions(quick=True, min_examples=2))

    assert [(finding.kind.value, finding.place) for finding in findings] == [
        ("missing_intent", "domain.yml:3"),
        ("missing_intent", "domain.yml:4"),
        ("unknown_intent", "nlu_data/nlu/en/orders.yml:3"),
        ("few_examples", "nlu_data/nlu/zh/orders.yml:3"),
    ]
    assert summary(findings) == "4 findings: 2 missing_intent, 1 few_examples, 1 unknown_intent"


def test_one_text_in_two_intents_is_told_once(project: Project) -> None:
    root = project(zh=examples("order_status", "退货") + examples("return_item", "退货。").partition("nlu:\n")[2])

    assert found(root) == [("duplicate_in_other_intent", 8)]
    assert [finding.line for finding in check_before_training(root)] == [8]


def test_training_refuses_what_it_would_lose_and_nothing_else(project: Project) -> None:
    root = project(zh=examples("order_status", "查订单", "查订单。", "my head[phones](product)"))
    for name in MODULES:
        (root / "bot").mkdir(exist_ok=True)
        shutil.copyfile(ROOT / "bot" / name, root / "bot" / name)

    with pytest.raises(SettingError, match=r"1 fault.*zh/orders\.yml:7: misaligned_entity"):
        train(load_settings({}, root=root), root=root)
