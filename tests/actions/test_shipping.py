"""Parcels: where they are, and what is wrong with them."""

from __future__ import annotations

import pytest

from bot.shop.demo import DemoShop
from tests.actions.conftest import CUSTOMERS, Start


@pytest.mark.parametrize(("language", "step"), [("zh", "到达转运中心"), ("en", "Arrived at the sorting centre")])
async def test_the_way_of_a_parcel_is_told_step_by_step(start: Start, demo: DemoShop, language: str, step: str) -> None:
    order = (await demo.orders(CUSTOMERS["loyal"]))[0]

    turn = await start("loyal", language).say("查快递" if language == "zh" else "track my parcel", "track_shipment")

    (card,) = turn.cards
    assert card["subtitle"] == order.shipments[0].tracking_number
    assert any(step in text for _, text in card["steps"])


async def test_a_late_parcel_is_owned_up_to_with_a_way_to_a_person(start: Start) -> None:
    turn = await start("waiting", "en").say("track", "track_shipment")

    assert turn.responses == ["utter_shipment_late"]
    assert "Talk to a person" in turn.buttons


async def test_a_parcel_is_found_by_its_own_number_but_only_the_customers(start: Start, demo: DemoShop) -> None:
    mine = (await demo.orders(CUSTOMERS["loyal"]))[1].shipments[0].tracking_number
    foreign = (await demo.orders(CUSTOMERS["happy"]))[0].shipments[0].tracking_number

    found = await start("loyal", "zh").say(f"查 {mine}", "track_shipment", tracking_number=mine)
    hidden = await start("loyal", "zh").say(f"查 {foreign}", "inform", tracking_number=foreign)

    assert found.responses == ["utter_shipment_delivered"]
    assert hidden.responses == ["utter_shipment_not_found"]


async def test_a_delivery_problem_leads_to_an_exchange_or_to_a_person(start: Start, demo: DemoShop) -> None:
    chat, order = start("loyal", "zh"), (await demo.orders(CUSTOMERS["loyal"]))[1]

    which = await chat.say("包裹有问题", "delivery_problem")
    problem = await chat.press(f"{order.number} 就是这单")
    item = await chat.press("收到的东西不对")

    assert which.responses == ["utter_which_order"]
    assert problem.responses == ["utter_delivery_problem_delivered"]
    assert item.responses == ["utter_which_item"]
    assert (chat.slots["return_kind"], chat.slots["return_reason"]) == ("exchange", "wrong_item")


async def test_a_parcel_that_never_came_goes_to_a_person_who_knows_which(start: Start, demo: DemoShop) -> None:
    chat, order = start("waiting", "en"), (await demo.orders(CUSTOMERS["waiting"]))[1]
    await chat.say("my parcel never came", "delivery_problem")

    turn = await chat.press("Not received, have it checked")

    assert turn.hand_off is not None
    assert turn.hand_off["topic"] == "shipping"
    assert order.number in turn.hand_off["summary"]
    assert "my parcel never came" in turn.hand_off["summary"]


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("intent", ["delivery_time", "shipping_cost"])
async def test_general_questions_are_answered_from_the_faq(start: Start, intent: str, language: str) -> None:
    turn = await start("visitor", language).say("多久能到" if language == "zh" else "how long does it take", intent)

    assert turn.responses == ["utter_faq"]
