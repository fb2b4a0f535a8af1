"""Orders: status, lists, cancelling, a new address; for customers and for visitors who prove an order."""

from __future__ import annotations

import pytest

from bot.errors import NotFoundError
from bot.shop.demo import DemoShop
from bot.shop.protocol import Order, OrderStatus
from tests.actions.conftest import CUSTOMERS, Start

LOYAL_DIGITS = "1357"  # of the phone that the loyal customer's orders go to


async def order_of(shop: DemoShop, who: str, status: OrderStatus) -> Order:
    return next(order for order in await shop.orders(CUSTOMERS[who], limit=50) if order.status == status)


@pytest.mark.parametrize(("language", "text", "part"), [("zh", "我的订单到哪了", "已经发货"), ("en", "where is my order", "on its way")])
async def test_the_only_order_underway_is_told_without_asking(start: Start, demo: DemoShop, language: str, text: str, part: str) -> None:
    turn = await start("loyal", language).say(text, "order_status")

    order = await order_of(demo, "loyal", OrderStatus.SHIPPED)
    assert part in turn.text
    assert order.number in turn.text
    assert [card["subtitle"] for card in turn.cards] == [order.number]


async def test_several_orders_are_shown_to_choose_from(start: Start, demo: DemoShop) -> None:
    chat = start("waiting", "en")

    asked = await chat.say("where is my order", "order_status")
    paid = await order_of(demo, "waiting", OrderStatus.PAID)
    told = await chat.press(f"{paid.number} This one")

    assert asked.responses == ["utter_which_order"]
    assert len(asked.cards) == 2
    assert told.responses == ["utter_order_paid"]
    assert paid.number in told.text


async def test_an_order_named_once_is_remembered_and_can_be_replaced(start: Start, demo: DemoShop) -> None:
    chat = start("waiting", "zh")
    shipped, paid = await order_of(demo, "waiting", OrderStatus.SHIPPED), await order_of(demo, "waiting", OrderStatus.PAID)

    late = await chat.say(f"{shipped.number} 到哪了", "order_status", order_number=shipped.number)
    tracked = await chat.say("查一下物流", "track_shipment")
    other = await chat.say(f"那 {paid.number} 呢", "inform", order_number=paid.number)

    assert late.responses == ["utter_order_late"]
    assert tracked.cards[0]["subtitle"] == shipped.shipments[0].tracking_number
    assert other.responses == ["utter_not_shipped_paid"]


async def test_somebody_elses_order_does_not_exist(start: Start, demo: DemoShop) -> None:
    foreign = (await demo.orders(CUSTOMERS["happy"]))[0].number

    turn = await start("loyal", "zh").say(f"查订单 {foreign}", "order_status", order_number=foreign)

    assert turn.responses == ["utter_order_not_found"]
    assert not turn.cards


async def test_a_visitor_proves_an_order_and_need_not_again(start: Start, demo: DemoShop) -> None:
    chat, order = start("visitor", "zh"), await order_of(demo, "loyal", OrderStatus.SHIPPED)

    first = await chat.say("我的订单到哪了", "order_status")
    second = await chat.say(order.number, "inform", order_number=order.number)
    third = await chat.say(LOYAL_DIGITS, "inform", phone_last4=LOYAL_DIGITS)
    later = await chat.say("物流呢", "track_shipment")

    assert [first.responses, second.responses] == [["utter_ask_lookup_order"], ["utter_ask_phone_last4"]]
    assert third.responses == ["utter_order_shipped"]
    assert later.responses == ["utter_shipment_in_transit"]
    assert chat.form is None


async def test_number_and_digits_in_one_message_are_enough(start: Start, demo: DemoShop) -> None:
    order = await order_of(demo, "loyal", OrderStatus.SHIPPED)

    turn = await start("visitor", "en").say(
        f"track {order.number}, phone ends in {LOYAL_DIGITS}", "track_shipment", order_number=order.number, phone_last4=LOYAL_DIGITS
    )

    assert turn.responses == ["utter_shipment_in_transit"]


async def test_an_order_proven_in_one_thread_is_not_in_another(start: Start, demo: DemoShop) -> None:
    order = await order_of(demo, "loyal", OrderStatus.SHIPPED)
    await start("visitor").say("查", "order_status", order_number=order.number, phone_last4=LOYAL_DIGITS)

    turn = await start("stranger").say(f"查 {order.number}", "order_status", order_number=order.number)

    assert turn.responses == ["utter_ask_phone_last4"]


async def test_five_wrong_tries_lock_and_offer_a_human_with_that_reason(start: Start, demo: DemoShop) -> None:
    chat, order = start("visitor", "zh"), await order_of(demo, "loyal", OrderStatus.SHIPPED)
    await chat.say(f"查 {order.number}", "order_status", order_number=order.number)

    turns = [await chat.say(digits, "inform", phone_last4=digits) for digits in ("1111", "2222", "3333", "4444", "5555")]
    right = await start("stranger").say("查", "order_status", order_number=order.number, phone_last4=LOYAL_DIGITS)
    human = await chat.say("转人工", "human_handoff")

    assert [turn.responses for turn in turns[:4]] == [["utter_proof_wrong", "utter_ask_phone_last4"]] * 4
    assert turns[4].responses == ["utter_locked_out"]
    assert right.responses == ["utter_locked_out"]
    assert human.hand_off is not None
    assert human.hand_off["reason"] == "locked_out"


async def test_a_wrong_number_and_wrong_digits_get_the_same_answer(start: Start, demo: DemoShop) -> None:
    order = await order_of(demo, "loyal", OrderStatus.SHIPPED)

    wrong_digits = await start("visitor").say("查", "order_status", order_number=order.number, phone_last4="9999")
    wrong_number = await start("stranger").say("查", "order_status", order_number="A20200101-0001", phone_last4=LOYAL_DIGITS)

    assert wrong_digits.text == wrong_number.text


@pytest.mark.parametrize(("language", "part"), [("zh", "已取消"), ("en", "is cancelled")])
async def test_an_order_that_has_not_left_is_cancelled_after_a_yes(start: Start, demo: DemoShop, language: str, part: str) -> None:
    chat, order = start("waiting", language), await order_of(demo, "waiting", OrderStatus.PAID)

    asked = await chat.say("取消订单" if language == "zh" else "cancel my order", "cancel_order")
    done = await chat.press("确认" if language == "zh" else "Confirm")

    assert asked.responses == ["utter_confirm_cancel_order_paid"]
    assert part in done.text
    assert (await demo.order(order.number, customer_id=CUSTOMERS["waiting"])).status == OrderStatus.CANCELLED
    assert chat.form is None


async def test_a_no_keeps_the_order(start: Start, demo: DemoShop) -> None:
    chat = start("waiting", "en")
    await chat.say("cancel my order", "cancel_order")

    turn = await chat.say("no, leave it", "deny")

    assert turn.responses == ["utter_order_kept"]
    assert (await order_of(demo, "waiting", OrderStatus.PAID)).status == OrderStatus.PAID


async def test_what_has_been_shipped_is_not_cancelled(start: Start, demo: DemoShop) -> None:
    shipped = await order_of(demo, "loyal", OrderStatus.SHIPPED)
    chat = start("loyal", "zh")

    turn = await chat.say(f"取消 {shipped.number}", "cancel_order", order_number=shipped.number)

    assert turn.responses == ["utter_refused_already_shipped"]
    assert chat.form is None


async def test_the_address_is_changed_after_it_was_shown(start: Start, demo: DemoShop) -> None:
    chat = start("waiting", "en")

    asked = await chat.say("I need to change the address", "change_address")
    shown = await chat.say("500 Pine Street, Apt 4, Portland, OR 97204", "inform", city="Portland")
    done = await chat.say("yes", "affirm")

    assert asked.responses == ["utter_ask_new_address"]
    assert "500 Pine Street" in str(shown.cards)
    assert done.responses == ["utter_address_changed"]


async def test_an_address_in_the_first_sentence_is_not_asked_for_again(start: Start) -> None:
    turn = await start("waiting", "zh").say("帮我把收货地址改到上海市徐汇区漕溪路88号3栋502室", "change_address")

    assert turn.responses == ["utter_confirm_address"]
    assert ["新地址", "上海市徐汇区漕溪路88号3栋502室"] in turn.cards[0]["rows"]


async def test_the_address_can_be_corrected_before_the_yes(start: Start) -> None:
    chat = start("waiting", "en")
    await chat.say("change my address to 500 Pine Street, Portland, OR 97204", "change_address")

    turn = await chat.say("no, it's 500 Pine Street, Portland, OR 97205", "nlu_fallback", ranking=[("nlu_fallback", 0.3), ("inform", 0.7)])

    assert turn.responses == ["utter_confirm_address"]
    assert ["New address", "500 Pine Street, Portland, OR 97205"] in turn.cards[0]["rows"]


async def test_a_new_address_may_look_like_any_intent(start: Start) -> None:
    chat = start("waiting", "zh")
    await chat.say("改地址", "change_address")

    turn = await chat.say("北京市海淀区中关村大街27号", "track_shipment")

    assert turn.responses == ["utter_confirm_address"]


async def test_all_orders_are_listed_for_customers_only(start: Start) -> None:
    mine = await start("loyal", "zh").say("看我的订单", "list_orders")
    nobodys = await start("visitor", "zh").say("看我的订单", "list_orders")

    assert mine.responses == ["utter_orders"]
    assert len(mine.cards) == 5
    assert nobodys.responses == ["utter_orders_need_login"]


async def test_a_slot_or_an_entity_is_no_identity(start: Start, demo: DemoShop) -> None:
    foreign = (await demo.orders(CUSTOMERS["happy"]))[0]
    chat = start("loyal", "zh")
    chat.slots.update(form_order=foreign.number, confirmed="yes", lookup_order=foreign.number, order_number=foreign.number)

    turn = await chat.say("取消", "cancel_order", order_number=foreign.number, customer_id=CUSTOMERS["happy"])

    assert turn.responses == ["utter_order_not_found"]
    with pytest.raises(NotFoundError):
        await demo.order(foreign.number, customer_id=CUSTOMERS["loyal"])
