"""Entities: what is found, where, and how its value is written."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from rasa.engine.storage.resource import Resource
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.errors import SettingError
from bot.nlu.catalogue import write_products
from bot.nlu.entities import RuleEntityExtractor
from bot.nlu.lookup import Entry, Lookup, read_entries
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
]


@pytest.fixture(scope="module")
def extractor() -> RuleEntityExtractor:
    nothing = cast(Any, None)
    return RuleEntityExtractor(RuleEntityExtractor.get_default_config(), nothing, Resource("entities"), today=lambda: SUNDAY)


def found(extractor: RuleEntityExtractor, text: str) -> list[dict[str, Any]]:
    return list(extractor.process([Message({TEXT: text})])[0].get(ENTITIES))


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
    entries = [Entry(zh=(), en=("charger",))]

    assert Lookup("product", entries).find("a chargre")
    assert Lookup("product", entries).find("they charge me")
    assert not Lookup("product", entries, words=frozenset({"charge"})).find("they charge me")


def test_the_list_of_products_is_that_of_the_catalogue(tmp_path: Path) -> None:
    made = write_products(Path("bot/shop/sample/products.yml"), tmp_path / "products.yml")

    assert made.read_text(encoding="utf8") == Path("nlu_data/lookups/products.yml").read_text(encoding="utf8")


@pytest.mark.parametrize("content", ["entries: 3", "names: []", "entries: [a]", "{"])
def test_a_broken_list_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "cities.yml"
    file.write_text(content, encoding="utf8")

    with pytest.raises(SettingError, match=r"cities\.yml"):
        read_entries(file)


def test_a_pattern_that_cannot_be_read_is_named() -> None:
    with pytest.raises(SettingError, match="amount"):
        PatternFinder([{"entity": "amount", "pattern": "(", "value": "as_is"}], {})
    with pytest.raises(SettingError, match="allowed are"):
        PatternFinder([{"entity": "amount", "pattern": "x", "value": "lower"}], {})


def test_every_return_reason_is_one_of_the_shop() -> None:
    reasons = yaml.safe_load(Path("nlu_data/lookups/return_reasons.yml").read_text(encoding="utf8"))

    assert set(reasons) == {"damaged", "wrong_item", "not_as_described", "no_longer_needed", "arrived_late", "other"}
