"""Invoices, payment problems, coupons, price protection."""

from __future__ import annotations

import pytest

from bot.shop.demo import DemoShop
from tests.actions.conftest import CUSTOMERS, Start


async def begin(start: Start, demo: DemoShop, language: str) -> tuple[object, str]:
    """Begin an invoice for the waiting customer's newest paid order."""
    order = (await demo.orders(CUSTOMERS["waiting"]))[0]
    chat = start("waiting", language)
    await chat.say(f"{order.number}", "request_invoice", order_number=order.number)
    return chat, order.number


@pytest.mark.parametrize(
    ("language", "title"), [("zh", "开给北京青禾科技有限公司"), ("en", "make it out to Maple Trading Ltd")], ids=["zh", "en"]
)
async def test_a_companys_invoice_asks_for_its_tax_number(start: Start, demo: DemoShop, language: str, title: str) -> None:
    chat, number = await begin(start, demo, language)

    asked = await chat.say(title, "request_invoice")
    shown = await chat.say("91110108MA01ABCD2X", "inform", tax_number="91110108MA01ABCD2X")
    done = await chat.say("对的" if language == "zh" else "yes", "affirm")

    assert asked.responses == ["utter_ask_tax_number"]
    assert shown.responses == ["utter_confirm_invoice"]
    assert title.split(" to ")[-1].removeprefix("开给") in str(shown.cards)
    assert done.responses == ["utter_invoice_issued"]
    assert (await demo.order(number, customer_id=CUSTOMERS["waiting"])).invoice_number


@pytest.mark.parametrize(("language", "button"), [("zh", "个人"), ("en", "Personal")])
async def test_a_personal_invoice_needs_no_tax_number(start: Start, demo: DemoShop, language: str, button: str) -> None:
    chat, _ = await begin(start, demo, language)

    shown = await chat.press(button)
    done = await chat.press("确认" if language == "zh" else "Confirm")

    assert shown.responses == ["utter_confirm_invoice"]
    assert done.responses == ["utter_invoice_issued"]


@pytest.mark.parametrize(
    ("text", "entities", "title"),
    [
        ("抬头写上海云栖贸易有限公司 税号91310115MA1K4ABC1X", {"tax_number": "91310115MA1K4ABC1X"}, "上海云栖贸易有限公司"),
        ("make it out to Maple Trading Ltd, tax number GB123456789", {"tax_number": "GB123456789"}, "Maple Trading Ltd"),
        ("个人就行", {}, "个人"),
    ],
)
async def test_title_and_tax_number_come_in_one_sentence(
    start: Start, demo: DemoShop, text: str, entities: dict[str, str], title: str
) -> None:
    chat, _ = await begin(start, demo, "zh")

    shown = await chat.say(text, "inform", **entities)

    assert shown.responses == ["utter_confirm_invoice"]
    assert shown.cards[0]["title"] == title


async def test_a_wrong_tax_number_is_asked_for_again(start: Start, demo: DemoShop) -> None:
    chat, _ = await begin(start, demo, "zh")
    await chat.say("上海云栖贸易有限公司", "inform")

    wrong = await chat.say("123", "inform")
    right = await chat.say("没有税号", "deny")

    assert wrong.responses == ["utter_tax_number_hint", "utter_ask_tax_number"]
    assert right.responses == ["utter_confirm_invoice"]


@pytest.mark.parametrize(
    ("text", "intent"),
    [("你们公司太差了", "complaint"), ("发票什么时候能收到？", "delivery_time")],
)
async def test_a_question_or_a_complaint_is_no_title(start: Start, demo: DemoShop, text: str, intent: str) -> None:
    chat, _ = await begin(start, demo, "zh")

    await chat.say(text, intent)

    assert not chat.slots.get("invoice_title")


async def test_an_invoice_is_issued_once(start: Start, demo: DemoShop) -> None:
    chat, number = await begin(start, demo, "zh")
    await chat.press("个人")
    await chat.press("确认")

    turn = await chat.say(f"给 {number} 开发票", "request_invoice", order_number=number)

    assert turn.responses[0] == "utter_refused_invoice_issued"


@pytest.mark.parametrize(("who", "response"), [("loyal", "utter_payment_problem"), ("visitor", "utter_payment_problem")])
async def test_payment_problems_get_advice_and_a_way_to_a_person(start: Start, who: str, response: str) -> None:
    turn = await start(who, "zh").say("付不了款", "payment_problem")

    assert turn.responses == [response]
    assert "转人工" in turn.buttons


@pytest.mark.parametrize(
    ("who", "responses"), [("visitor", {"utter_coupons_need_login"}), ("loyal", {"utter_coupons", "utter_no_coupons"})]
)
async def test_coupons_are_told_to_their_owner(start: Start, who: str, responses: set[str]) -> None:
    turn = await start(who, "en").say("my coupons", "list_coupons")

    assert set(turn.responses) <= responses


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_price_difference_is_granted_at_once_and_once(start: Start, demo: DemoShop, language: str) -> None:
    order = (await demo.orders(CUSTOMERS["loyal"]))[1]  # AUD-001 was dearer when it was bought
    chat = start("loyal", language)

    granted = await chat.say("降价了，补差价" if language == "zh" else "it is cheaper now", "price_protection")
    again = await chat.say("再补一次" if language == "zh" else "once more", "price_protection")

    assert granted.responses == ["utter_price_protected"]
    assert order.number in granted.text
    assert again.responses == ["utter_refused_already_granted"]


async def test_what_is_not_cheaper_now_is_said_so(start: Start) -> None:
    turn = await start("happy", "en").say("price match please", "price_protection")

    assert turn.responses[0] in {"utter_refused_price_not_lower", "utter_price_protected", "utter_which_order"}
