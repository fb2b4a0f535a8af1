"""Returns: the form from the first word to the number, interrupted, resumed, dropped; refunds; damaged goods."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.database import Database
from bot.database.conversations import threads
from bot.database.people import customers
from bot.shop.demo import DemoShop
from bot.shop.protocol import Order
from tests.actions.conftest import CUSTOMERS, Start


async def delivered(shop: DemoShop) -> Order:
    return (await shop.orders(CUSTOMERS["loyal"]))[1]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh", ["我要退货", "选这件", "破损或坏了", "确认"]),
        ("en", ["I want to return something", "This item", "Broken or faulty", "Confirm"]),
    ],
)
async def test_a_return_by_buttons(start: Start, demo: DemoShop, language: str, words: list[str]) -> None:
    chat, order = start("loyal", language), await delivered(demo)

    item = await chat.say(words[0], "return_item")
    reason = await chat.press(words[1])
    confirm = await chat.press(words[2])
    done = await chat.press(words[3])

    assert item.responses == ["utter_which_item"]
    assert [card["title"] for card in item.cards] == [line.product.name(language) for line in order.lines]
    assert reason.responses == ["utter_ask_return_reason"]
    assert confirm.responses == ["utter_confirm_return"]
    assert done.responses == ["utter_return_created"]
    (made,) = await demo.returns(CUSTOMERS["loyal"], limit=1)
    assert (made.order_line_id, made.kind, made.reason) == (order.lines[0].id, "return", "damaged")


async def test_a_return_by_words_with_everything_at_once(start: Start, demo: DemoShop) -> None:
    chat, order = start("loyal", "zh"), await delivered(demo)

    item = await chat.say(f"{order.number} 这单我要退货，发错货了", "return_item", order_number=order.number, return_reason="wrong_item")
    confirm = await chat.say("第二个", "inform")
    done = await chat.say("对", "affirm")

    assert [item.responses, confirm.responses, done.responses] == [
        ["utter_which_item"],
        ["utter_confirm_return"],
        ["utter_return_created"],
    ]
    assert (await demo.returns(CUSTOMERS["loyal"], limit=1))[0].order_line_id == order.lines[1].id


async def test_an_item_is_chosen_by_its_name(start: Start, demo: DemoShop) -> None:
    chat = start("loyal", "zh")
    await chat.say("我要换货", "exchange_item")

    turn = await chat.say("耳机那个", "find_product", product="耳机")

    assert turn.responses == ["utter_ask_return_reason"]
    assert chat.slots["order_line"] == (await delivered(demo)).lines[0].id


async def test_the_product_named_decides_the_order_and_the_item(start: Start, demo: DemoShop) -> None:
    named = await start("loyal", "zh").say("我要退那个蓝牙耳机", "return_item", product="蓝牙耳机")
    not_bought = await start("happy", "en").say("exchange my blender", "exchange_item", product="blender")

    assert named.responses == ["utter_ask_return_reason"]
    assert not_bought.responses == ["utter_which_order"]


async def test_a_question_in_between_is_answered_and_the_form_goes_on(start: Start) -> None:
    chat = start("loyal", "zh")
    await chat.say("我要退货", "return_item")
    await chat.press("选这件")

    question = await chat.say("运费谁出？", "return_policy")
    another = await chat.say("我另一个快递到哪了", "track_shipment")
    confirm = await chat.say("就是不想要了", "inform", return_reason="no_longer_needed")

    assert question.responses == ["utter_faq", "utter_ask_return_reason"]
    assert another.responses == ["utter_shipment_in_transit", "utter_ask_return_reason"]
    assert confirm.responses == ["utter_confirm_return"]


async def test_another_order_asked_about_in_between_does_not_become_the_forms(start: Start, demo: DemoShop) -> None:
    chat, order = start("loyal", "zh"), await delivered(demo)
    underway = (await demo.orders(CUSTOMERS["loyal"]))[0].number
    await chat.say("我要退货", "return_item")
    await chat.press("选这件")

    await chat.say(f"{underway} 到哪了", "track_shipment", order_number=underway)

    assert chat.slots["form_order"] == order.number
    assert chat.form == "return_form"


async def test_the_reason_can_be_corrected_at_the_end(start: Start) -> None:
    chat = start("loyal", "zh")
    await chat.say("我要退货，坏了", "return_item", return_reason="damaged")
    await chat.press("选这件")

    turn = await chat.say("哦不，是发错货了", "inform", return_reason="wrong_item")

    assert turn.responses == ["utter_confirm_return"]
    assert ["原因", "发错货"] in turn.cards[0]["rows"]


@pytest.mark.parametrize(("language", "text"), [("zh", "算了"), ("en", "never mind")])
async def test_never_mind_ends_it_with_a_word(start: Start, demo: DemoShop, language: str, text: str) -> None:
    chat = start("loyal", language)
    await chat.say("我要退货" if language == "zh" else "I want to return it", "return_item")
    before = await demo.returns(CUSTOMERS["loyal"])

    turn = await chat.say(text, "stop")
    after = await chat.say("好" if language == "zh" else "fine", "affirm")

    assert turn.responses == ["utter_stopped"]
    assert chat.form is None
    assert after.responses == ["utter_affirm"]
    assert await demo.returns(CUSTOMERS["loyal"]) == before


@pytest.mark.parametrize(("intent", "response"), [("stop", "utter_stopped"), ("complaint", "utter_complaint")])
async def test_leaving_goes_before_a_reason_in_the_same_words(start: Start, intent: str, response: str) -> None:
    chat = start("loyal", "zh")
    await chat.say("我要退货", "return_item")
    await chat.press("选这件")

    turn = await chat.say("质量太差了，不想要了", intent, return_reason="damaged")

    assert turn.responses == [response]
    assert chat.form is None


async def test_who_logs_in_as_somebody_else_in_the_middle_sees_nothing_of_the_order(
    start: Start, demo: DemoShop, database: Database
) -> None:
    chat, order = start("visitor", "zh"), await delivered(demo)
    await chat.say("退货", "return_item", order_number=order.number, phone_last4="1357")
    async with database.write() as connection:
        happy = sa.select(customers.c.id).where(customers.c.shop_customer_id == CUSTOMERS["happy"]).scalar_subquery()
        await connection.execute(sa.update(threads).where(threads.c.id == "thread-visitor").values(customer_id=happy))

    turn = await chat.say("第一个", "inform")

    assert turn.responses == ["utter_order_not_found"]
    assert chat.form is None


async def test_a_form_begun_again_starts_empty(start: Start) -> None:
    chat = start("loyal", "zh")
    await chat.say("我要退货，坏了", "return_item", return_reason="damaged")
    await chat.press("选这件")
    await chat.say("算了", "stop")

    turn = await chat.say("还是要退货", "return_item")

    assert turn.responses == ["utter_which_item"]


async def test_return_becomes_exchange_in_the_middle(start: Start) -> None:
    chat = start("loyal", "zh")
    await chat.say("我要退货", "return_item")
    await chat.press("选这件")

    still = await chat.say("算换货吧，可以换吗", "exchange_item")
    confirm = await chat.say("坏了", "report_damaged")

    assert still.responses == ["utter_ask_return_reason"]
    assert confirm.responses == ["utter_confirm_exchange"]


async def test_a_person_can_be_asked_for_in_the_middle(start: Start) -> None:
    chat = start("loyal", "en")
    await chat.say("I want to return something", "return_item")

    turn = await chat.say("talk to a person", "human_handoff")

    assert turn.hand_off is not None
    assert turn.hand_off["reason"] == "customer_request"
    assert turn.hand_off["topic"] == "returns"
    assert turn.hand_off["question"] == ""
    assert "return something" in turn.hand_off["summary"]
    assert chat.form is None


async def test_what_went_back_once_is_refused_with_a_word(start: Start, demo: DemoShop) -> None:
    order = await delivered(demo)
    for _ in order.lines:
        chat = start("loyal", "zh")
        await chat.say("退货", "return_item", return_reason="damaged")
        if "utter_which_item" in chat.turn.responses:
            await chat.press("选这件")
        await chat.press("确认")
    chat = start("loyal", "zh")

    none_left = await chat.say("退货", "return_item")
    named = await chat.say(f"退 {order.number}", "return_item", order_number=order.number)

    assert none_left.responses == ["utter_no_order_for_return_form"]
    assert named.responses == ["utter_refused_return_open"]


async def test_an_order_too_old_is_refused_by_the_shop(start: Start, demo: DemoShop) -> None:
    old = next(
        order
        for order in (await demo.orders(CUSTOMERS["leaving"], limit=50))
        if order.status == "delivered" and not order.lines[0].return_status and len(order.lines) == 1
    )
    chat = start("leaving", "en")
    await chat.say(f"return {old.number}", "return_item", order_number=old.number, return_reason="other")

    turn = await chat.say("yes", "affirm")

    assert turn.responses == ["utter_refused_return_period_over"]
    assert chat.form is None
    assert chat.slots["form_order"] is None


async def test_what_is_still_underway_cannot_go_back_yet(start: Start, demo: DemoShop) -> None:
    underway = (await demo.orders(CUSTOMERS["loyal"]))[0].number

    turn = await start("loyal", "zh").say(f"退 {underway}", "return_item", order_number=underway)

    assert turn.responses == ["utter_refused_not_delivered", "utter_ask_order_number"] or turn.responses == [
        "utter_refused_not_delivered",
        "utter_which_order",
    ]


async def test_a_visitor_returns_with_number_and_digits(start: Start, demo: DemoShop) -> None:
    chat, order = start("visitor", "zh"), await delivered(demo)

    number = await chat.say("退货", "return_item")
    digits = await chat.say(order.number, "inform", order_number=order.number)
    item = await chat.say("1357", "inform", phone_last4="1357")

    assert [number.responses, digits.responses, item.responses] == [
        ["utter_ask_order_number"],
        ["utter_ask_phone_last4"],
        ["utter_which_item"],
    ]


async def test_a_visitors_form_goes_on_after_another_order_was_looked_up(start: Start, demo: DemoShop) -> None:
    chat, order = start("visitor", "zh"), await delivered(demo)
    other = (await demo.orders(CUSTOMERS["happy"]))[0]
    await chat.say("退货", "return_item", order_number=order.number, phone_last4="1357")

    ask = await chat.say(f"{other.number} 到哪了", "track_shipment", order_number=other.number)
    told = await chat.say("0468", "inform", phone_last4="0468")

    assert ask.responses == ["utter_ask_phone_last4"]
    assert told.responses == ["utter_shipment_in_transit", "utter_which_item"]
    assert chat.form == "return_form"
    assert chat.slots["form_order"] == order.number


@pytest.mark.parametrize(("language", "part"), [("zh", "换一个新的"), ("en", "exchanged")])
async def test_damaged_goods_get_an_apology_and_every_way_out(start: Start, language: str, part: str) -> None:
    chat = start("loyal", language)

    turn = await chat.say("杯子碎了" if language == "zh" else "the cup is broken", "report_damaged")
    item = await chat.press("换一个" if language == "zh" else "Exchange it")

    assert part in turn.text
    assert item.responses == ["utter_which_item"]
    assert chat.slots["return_reason"] == "damaged"


@pytest.mark.parametrize(("who", "response"), [("leaving", "utter_refund_"), ("visitor", "utter_ask_lookup_order")])
async def test_refunds_are_told(start: Start, who: str, response: str) -> None:
    turn = await start(who, "zh").say("退款到哪了", "refund_status")

    assert turn.responses[0].startswith(response)
