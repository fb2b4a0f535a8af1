"""Products and the account."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.database import Database
from bot.database.people import customers
from bot.shop.demo import DemoShop
from tests.actions.conftest import CUSTOMERS, Start


@pytest.mark.parametrize(
    ("language", "text", "product"), [("zh", "有没有蓝牙耳机", "蓝牙耳机"), ("en", "do you have headphones", "headphones")]
)
async def test_products_are_found_in_both_languages(start: Start, language: str, text: str, product: str) -> None:
    turn = await start("visitor", language).say(text, "find_product", product=product)

    assert turn.responses == ["utter_products_found"]
    assert len(turn.cards) == 3
    assert all("¥" in card["rows"][0][1] for card in turn.cards)


async def test_a_product_in_pinyin_is_searched_as_it_was_meant(start: Start) -> None:
    turn = await start("visitor", "zh").say("lan ya er ji", "find_product", corrected="蓝牙耳机")

    assert turn.responses == ["utter_products_found"]
    assert turn.cards


async def test_what_there_is_not_is_said(start: Start) -> None:
    turn = await start("visitor", "zh").say("有没有坦克", "find_product", product="坦克")

    assert turn.responses == ["utter_product_not_found"]


async def test_recommendations_come_from_the_profile_else_from_a_question(start: Start, demo: DemoShop) -> None:
    chat = start("visitor", "zh")

    known = await start("happy", "en").say("recommend something", "recommend_products")
    asked = await chat.say("推荐点东西", "recommend_products")
    shown = await chat.press("耳机音响")

    assert [card["subtitle"] for card in known.cards] == ["AUD-001", "KIT-003", "SMA-001"]
    assert asked.responses == ["utter_what_do_you_like"]
    assert shown.responses == ["utter_products_found"]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_profile_shows_what_we_know_masked(start: Start, demo: DemoShop, language: str) -> None:
    contact = await demo.contact(CUSTOMERS["loyal"])

    turn = await start("loyal", language).say("你们知道我什么" if language == "zh" else "what do you know about me", "my_profile")

    shown = str(turn.cards)
    assert turn.responses == ["utter_profile"]
    assert contact.phone[-4:] in shown
    assert not any(secret in shown for secret in (contact.phone, contact.email, contact.address, contact.name))


async def test_without_profiling_the_profile_says_so(start: Start, database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(sa.update(customers).values(objects_to_profiling=True))

    turn = await start("happy", "en").say("what do you know about me", "my_profile")
    recommended = await start("happy", "en").say("recommend something", "recommend_products")

    assert turn.responses == ["utter_profile_without_profiling"]
    assert recommended.responses == ["utter_what_do_you_like"]


async def test_a_visitor_has_no_profile(start: Start) -> None:
    turn = await start("visitor", "zh").say("我的资料", "my_profile")

    assert turn.responses == ["utter_profile_needs_login"]
