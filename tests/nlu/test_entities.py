"""Entities: what is found, where, and how its value is written."""

from __future__ import annotations

import logging
import shutil
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.errors import InputError, SettingError
from bot.nlu.catalogue import write_products
from bot.nlu.entities import RuleEntityExtractor
from bot.nlu.live_catalogue import LiveCatalogue, install_catalogue
from bot.nlu.lookup import Lookup
from bot.nlu.names import Entry, Names, read_names
from bot.nlu.patterns import PatternFinder

SUNDAY = date(2026, 11, 22)

# text, then the entities as (entity, as typed, value) in the order of the text
TABLE: list[tuple[str, list[tuple[str, str, str]]]] = [
    ("订单A20261029-0042到哪了", [("order_number", "A20261029-0042", "A20261029-0042")]),
    ("order a20261029-0042 please", [("order_number", "a20261029-0042", "A20261029-0042")]),
    ("Ａ２０２６１０２９－００４２", [("order_number", "Ａ２０２６１０２９－００４２", "A20261029-0042")]),
    ("XA20261029-00421 is none", []),
    ("查快递SF1234567890123", [("tracking_number", "SF1234567890123", "SF1234567890123")]),
    ("UPS 1Z999AA10123456784?", [("tracking_number", "1Z999AA10123456784", "1Z999AA10123456784")]),
    ("运单号：773012345678901", [("tracking_number", "773012345678901", "773012345678901")]),
    ("我的电话13800138000", [("phone", "13800138000", "+8613800138000")]),
    ("call +86 138-0013-8000", [("phone", "+86 138-0013-8000", "+8613800138000")]),
    ("my number is +44 7700 900123", [("phone", "+44 7700 900123", "+447700900123")]),
    ("发到Li.Lei@example.com谢谢", [("email", "Li.Lei@example.com", "li.lei@example.com")]),
    ("1234", [("phone_last4", "1234", "1234")]),
    ("尾号是1234", [("phone_last4", "1234", "1234")]),
    ("my phone ends with 1234", [("phone_last4", "1234", "1234")]),
    ("A20261029-0042，8000", [("order_number", "A20261029-0042", "A20261029-0042"), ("phone_last4", "8000", "8000")]),
    ("退了299元", [("amount", "299元", "299.00 CNY")]),
    ("I paid $1,299.50 for it", [("amount", "$1,299.50", "1299.50 USD")]),
    ("两百五十块钱", [("amount", "两百五十块钱", "250.00 CNY")]),
    ("给我换一块显示器", [("product", "显示器", "显示器")]),
    ("税号91310000MA1K3XYZ8X", [("tax_number", "91310000MA1K3XYZ8X", "91310000MA1K3XYZ8X")]),
    ("昨天下的单", [("date", "昨天", "2026-11-21")]),
    ("上周五买的", [("date", "上周五", "2026-11-13")]),
    ("赶得上周五吗", [("date", "周五", "2026-11-20")]),
    ("11月20日", [("date", "11月20日", "2026-11-20")]),
    ("十一月二十号送的", [("date", "十一月二十号", "2026-11-20")]),
    ("三天前", [("date", "三天前", "2026-11-19")]),
    ("2026/11/5", [("date", "2026/11/5", "2026-11-05")]),
    ("2026年2月30日", []),
    ("it came yesterday", [("date", "yesterday", "2026-11-21")]),
    ("ordered last Friday", [("date", "last Friday", "2026-11-20")]),
    ("two weeks ago", [("date", "two weeks ago", "2026-11-08")]),
    ("on Nov 20th, 2025", [("date", "Nov 20th, 2025", "2025-11-20")]),
    ("上周的快递", [("date", "上周", "2026-W46")]),
    ("last month", [("date", "last month", "2026-10")]),
    ("去年3月买的", [("date", "去年3月", "2025-03")]),
    ("等了3个月", []),
    ("since October", [("date", "October", "2026-10")]),
    ("it may break", []),
    ("双十一买的", [("date", "双十一", "2026-11-11")]),
    ("春节放假吗", [("date", "春节", "2027-02-06")]),
    ("open on weekends?", [("date", "weekends", "2026-11-21")]),
    ("会员到月底", [("date", "月底", "2026-11-30")]),
    ("下个周期", []),
    ("10/10 would buy again", []),
    ("杯子碎了", [("product", "杯子", "杯子"), ("return_reason", "碎了", "damaged")]),
    ("wrong size, sorry", [("return_reason", "wrong size", "wrong_item")]),
    ("I don’t like it", [("return_reason", "don’t like it", "no_longer_needed")]),
    ("寄到北京", [("city", "北京", "北京")]),
    ("ship it to Shangahi", [("city", "Shangahi", "Shanghai")]),
    ("東京", [("city", "東京", "东京")]),
    ("my hedphones broke", [("product", "hedphones", "headphones"), ("return_reason", "broke", "damaged")]),
    ("the lansheng air 3", [("product", "lansheng air 3", "Lansheng Air 3 noise-cancelling wireless earbuds")]),
    ("the lansheng air 4", []),
    ("in that case, no", []),
    ("my phone number", []),
    ("a standing fan in white", [("product", "standing fan", "standing fan")]),
    ("薄膜键盘多少钱", [("product", "薄膜键盘", "薄膜键盘")]),
    ("手机是13800138000", [("phone", "13800138000", "+8613800138000")]),
    ("are you a computer", []),
    ("送到義烏", [("city", "義烏", "义乌")]),
    ("寄到Jaipur or 克拉玛依？", [("city", "Jaipur", "Jaipur"), ("city", "克拉玛依", "克拉玛依")]),
    ("南京西路1266号", []),
    ("USPS 9400111899223197428490", [("tracking_number", "9400111899223197428490", "9400111899223197428490")]),
    ("12块5", [("amount", "12块5", "12.50 CNY")]),
    ("1.5万元", [("amount", "1.5万元", "15000.00 CNY")]),
    ("满200减30", []),
    ("前两天买的", [("date", "前两天", "2026-11-20/2026-11-21")]),
    ("近三个月的订单", [("date", "近三个月", "2026-08-24/2026-11-22")]),
    ("下个月20号", [("date", "下个月20号", "2026-12-20")]),
    ("20号之前", [("date", "20号", "2026-11-20")]),
    ("5号楼", []),
    ("each Sunday and on Black Friday", [("date", "Sunday", "2026-11-22"), ("date", "Black Friday", "2026-11-27")]),
    ("NBA昨天", [("date", "昨天", "2026-11-21")]),
    ("18 months ago", [("date", "18 months ago", "2025-05")]),
    ("at the end of the month", [("date", "the end of the month", "2026-11-30")]),
    ("do you deliver in two days", []),
    ("她嫌太重", [("return_reason", "嫌太重", "no_longer_needed")]),
    ("quality太差了😡", [("return_reason", "quality太差了", "damaged")]),
    ("耳機😭沒聲音", [("product", "耳機", "耳机"), ("return_reason", "沒聲音", "damaged")]),
    ("跟图片不一样", [("return_reason", "跟图片不一样", "not_as_described")]),
    ("买小了", [("return_reason", "买小了", "no_longer_needed")]),
    ("it won't charge any more", [("return_reason", "won't charge any more", "damaged")]),
    ("it arrived broken", [("return_reason", "arrived broken", "damaged")]),
    ("I already have one", [("return_reason", "already have one", "no_longer_needed")]),
    ("the mug is too heavy", [("product", "mug", "mug"), ("return_reason", "too heavy", "no_longer_needed")]),
]


@pytest.fixture(scope="module")
def extractor() -> RuleEntityExtractor:
    nothing = cast(Any, None)
    return RuleEntityExtractor(RuleEntityExtractor.get_default_config(), nothing, Resource("entities"), today=lambda: SUNDAY)


def made(**options: Any) -> RuleEntityExtractor:
    config = {**RuleEntityExtractor.get_default_config(), **options}
    return RuleEntityExtractor(config, cast(Any, None), Resource("entities"), today=lambda: SUNDAY)


def found(extractor: RuleEntityExtractor, text: str, intent: str = "") -> list[dict[str, Any]]:
    message = Message({TEXT: text, **({INTENT: {"name": intent}} if intent else {})})
    return list(extractor.process([message])[0].get(ENTITIES))


def copied_rules(folder: Path) -> Path:
    shutil.copytree("nlu_data/lookups", folder / "lookups")
    return folder / "lookups"


@pytest.mark.parametrize(("text", "expected"), TABLE, ids=[row[0] for row in TABLE])
def test_entities_have_exact_places_and_normalised_values(
    extractor: RuleEntityExtractor, text: str, expected: list[tuple[str, str, str]]
) -> None:
    entities = found(extractor, text)

    assert [(one["entity"], text[one["start"] : one["end"]], one["value"]) for one in entities] == expected
    assert all(one["extractor"] == "RuleEntityExtractor" for one in entities)


def test_no_entity_swallows_its_neighbours(extractor: RuleEntityExtractor) -> None:
    text = "A20261029-0042昨天到的headphones碎了，退299元，电话13800138000，li@example.com，上海"

    assert [one["entity"] for one in found(extractor, text)] == [
        "order_number",
        "date",
        "product",
        "return_reason",
        "amount",
        "phone",
        "email",
        "city",
    ]


@pytest.mark.parametrize(
    "text", ["满 $ 元", "¥", "1" * 3000, "+" * 500, "3千元", "二〇二六年零月零日", "İstanbul yesterday", "\x00\ud800", "一" * 3000]
)
def test_nothing_that_is_typed_breaks_the_rules(extractor: RuleEntityExtractor, text: str) -> None:
    assert isinstance(found(extractor, text), list)


def test_words_of_their_own_are_no_typing_errors() -> None:
    names = Names((Entry(zh=(), en=("charger",)),))

    assert Lookup("product", names).find("a chargre")
    assert Lookup("product", names).find("they charge me")
    assert not Lookup("product", names, words=frozenset({"charge"})).find("they charge me")


def test_the_list_of_products_is_that_of_the_catalogue(tmp_path: Path) -> None:
    made = write_products(Path("bot/shop/sample/products.yml"), tmp_path / "products.yml")

    assert made.read_text(encoding="utf8") == Path("nlu_data/lookups/products.yml").read_text(encoding="utf8")


@pytest.mark.parametrize("content", ["entries: 3", "names: []", "entries: [a]", "{"])
def test_a_broken_list_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "cities.yml"
    file.write_text(content, encoding="utf8")

    with pytest.raises(SettingError, match=r"cities\.yml"):
        read_names([file])


def test_a_pattern_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SettingError, match="amount"):
        PatternFinder([{"entity": "amount", "pattern": "(", "value": "as_is"}], {})
    with pytest.raises(SettingError, match="allowed are"):
        PatternFinder([{"entity": "amount", "pattern": "x", "value": "lower"}], {})


def test_every_return_reason_is_one_of_the_shop() -> None:
    reasons = yaml.safe_load(Path("nlu_data/lookups/return_reasons.yml").read_text(encoding="utf8"))

    grammar = yaml.safe_load(Path("nlu_data/lookups/reason_grammar.yml").read_text(encoding="utf8"))["patterns"]

    assert set(reasons) == {"damaged", "wrong_item", "not_as_described", "no_longer_needed", "arrived_late", "other"}
    assert set(grammar) <= set(reasons)


def test_an_entity_may_be_restricted_to_intents() -> None:
    extractor = made(intents={"return_reason": ["return_item"]})

    assert [one["entity"] for one in found(extractor, "太大了", "return_item")] == ["return_reason"]
    assert [one["entity"] for one in found(extractor, "太大了")] == ["return_reason"]
    assert found(extractor, "太大了", "delivery_problem") == []


def test_a_changed_catalogue_is_read_without_a_restart(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file, now = tmp_path / "catalogue.yml", [0.0]
    catalogue = LiveCatalogue(file, clock=lambda: now[0])

    def values(text: str) -> list[str]:
        now[0] += 1
        lookup = catalogue.lookup()
        return [one.value for one in lookup.find(text)] if lookup else []

    assert values("the wonder pot") == []
    file.write_text("entries: [{en: [wonder pot], zh: [神锅], sku: SKU-POT-1}]", encoding="utf8")
    assert values("the wonder pot, 神锅") == ["SKU-POT-1", "SKU-POT-1"]
    file.write_text("entries: {", encoding="utf8")
    with caplog.at_level(logging.WARNING):
        assert [values("the wonder pot") for _ in range(3)] == [["SKU-POT-1"]] * 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "wonder" not in caplog.text
    file.unlink()
    assert values("the wonder pot") == []


def test_the_file_is_looked_at_once_a_second_at_most(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yml"
    catalogue = LiveCatalogue(file, clock=lambda: 5.0)

    assert catalogue.lookup() is None
    file.write_text("entries: [{en: [wonder pot]}]", encoding="utf8")
    assert catalogue.lookup() is None


def test_the_live_catalogue_goes_before_the_lists_of_the_model(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.yml"
    file.write_text("entries: [{en: [desk lamp], sku: SKU-LIG-1}]", encoding="utf8")

    assert [one["value"] for one in found(made(catalogue=str(file)), "my desk lamp")] == ["SKU-LIG-1"]


def test_only_a_catalogue_that_can_be_read_is_installed(tmp_path: Path) -> None:
    source, target = tmp_path / "new.yml", tmp_path / "var" / "catalogue.yml"
    source.write_text("entries: [{en: [wonder pot]}]", encoding="utf8")
    assert install_catalogue(source, target) == 1

    for broken in ("entries: []", "{", "entries: [{en: wonder}]"):
        source.write_text(broken, encoding="utf8")
        with pytest.raises(InputError, match=r"new\.yml"):
            install_catalogue(source, target)

    assert [path.name for path in target.parent.iterdir()] == ["catalogue.yml"]
    assert "wonder pot" in target.read_text(encoding="utf8")


@pytest.mark.slow
def test_a_company_may_add_patterns_of_spacy(tmp_path: Path) -> None:
    rules = copied_rules(tmp_path)
    patterns = [
        '{"label": "sku", "pattern": [{"LOWER": "model"}, {"IS_DIGIT": true, "LENGTH": 4}], "id": "SKU-MODEL"}',
        '{"label": "product", "pattern": "神奇小锅 pro"}',
    ]
    (rules / "ruler.jsonl").write_text("\n".join(patterns) + "\n", encoding="utf8")

    text = "昨天😀買的 Model 1234，神奇小锅 Pro"
    assert [(one["entity"], text[one["start"] : one["end"]], one["value"]) for one in found(made(rules=str(rules)), text)] == [
        ("date", "昨天", "2026-11-21"),
        ("sku", "Model 1234", "SKU-MODEL"),
        ("product", "神奇小锅 Pro", "神奇小锅 Pro"),
    ]


@pytest.mark.parametrize("line", ["{", '{"label": "sku"}', '{"label": "sku", "pattern": [{"LOWR": "a"}]}'])
def test_a_pattern_that_spacy_does_not_take_is_named(tmp_path: Path, line: str) -> None:
    rules = copied_rules(tmp_path)
    (rules / "ruler.jsonl").write_text(line, encoding="utf8")

    with pytest.raises(SettingError, match=r"ruler\.jsonl"):
        made(rules=str(rules))
