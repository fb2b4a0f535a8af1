"""Products found as customers ask for them, on the demo's own catalogue."""

from __future__ import annotations

import pytest

from bot.shop.protocol import Money, Product
from bot.shop.sample.catalogue import load_range
from bot.shop.search import Catalogue, Entry


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue(
        Entry(Product(item.sku, item.name_zh, item.name_en, item.category, Money(item.price_minor, "CNY")), item.keywords)
        for item in load_range().items
    )


@pytest.mark.parametrize(
    ("text", "sku"),
    [
        ("蓝牙耳机", "AUD-001"),
        ("我想买个蓝牙耳机", "AUD-001"),
        ("do you have noise cancelling headphones?", "AUD-002"),
        ("hedphones", "AUD-002"),
        ("藍牙耳機", "AUD-001"),
        ("扫地机器人多少钱", "CLE-001"),
        ("robot vacum", "CLE-001"),
        ("rice coker", "KIT-001"),
        ("电饭锅", "KIT-001"),
        ("台灯有货吗", "LIG-001"),
        ("有没有适合送老人的手机", "PHO-004"),
        ("kids watch", "WEA-004"),
        ("手机壳", "ACC-004"),
        ("帮我找一下 air fryer", "KIT-002"),
        ("tea set", "COO-010"),
        ("aud-003", "AUD-003"),
    ],
)
def test_what_is_meant_comes_first(catalogue: Catalogue, text: str, sku: str) -> None:
    assert catalogue.search(text, limit=3)[0].sku == sku


@pytest.mark.parametrize("text", ["", "   ", "？！", "asdfgh", "推荐", "hello how are you", "我的快递到哪了", "\x00", "🙂", "x" * 10_000])
def test_nothing_is_found_where_nothing_is_meant(catalogue: Catalogue, text: str) -> None:
    assert catalogue.search(text, limit=3) == []


def test_a_category_finds_its_products_up_to_the_limit(catalogue: Catalogue) -> None:
    assert {product.category for product in catalogue.search("headphones", limit=3)} == {"audio"}
    assert len(catalogue.search("headphones", limit=2)) == 2
    assert catalogue.search("headphones", limit=0) == []


def test_an_empty_catalogue_finds_nothing() -> None:
    assert Catalogue([]).search("耳机", limit=3) == []
