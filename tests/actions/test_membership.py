"""Membership: leaving it with one fitting offer, no tricks, and a human for those at high risk."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.database import Database
from bot.database.intelligence import offers_made
from bot.database.people import customer_profiles, customers
from bot.shop.demo import DemoShop
from tests.actions.conftest import CUSTOMERS, Start

CANCEL = {"zh": "我要取消会员", "en": "cancel my membership"}


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_offer_is_accepted_and_granted(start: Start, demo: DemoShop, language: str) -> None:
    chat = start("happy", language)

    offered = await chat.say(CANCEL[language], "cancel_membership")
    accepted = await chat.press("接受优惠" if language == "zh" else "Accept the offer")

    assert offered.responses == ["utter_membership_offer"]
    assert "5%" in offered.text
    assert accepted.responses == ["utter_offer_granted"]
    assert (await demo.membership(CUSTOMERS["happy"])).status == "active"


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_at_low_risk_declining_cancels(start: Start, demo: DemoShop, language: str) -> None:
    chat = start("loyal", language)
    await chat.say(CANCEL[language], "cancel_membership")

    turn = await chat.press("不用了，继续退订" if language == "zh" else "No thanks, cancel")

    assert turn.responses == ["utter_membership_was_cancelled"]
    assert turn.hand_off is None
    assert (await demo.membership(CUSTOMERS["loyal"])).status == "cancelled"


async def test_at_low_risk_a_bare_no_is_made_sure_of(start: Start, demo: DemoShop) -> None:
    chat = start("loyal", "zh")
    await chat.say(CANCEL["zh"], "cancel_membership")

    unsure = await chat.say("不用了", "deny")
    kept = await chat.say("再想想吧", "deny")

    assert unsure.responses == ["utter_confirm_cancel_membership"]
    assert kept.responses == ["utter_membership_kept"]
    assert (await demo.membership(CUSTOMERS["loyal"])).status == "active"


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(("intent", "entities"), [("cancel_membership", {}), ("deny", {}), ("deny", {"offer": "declined"})])
async def test_at_high_risk_insisting_goes_to_a_human(
    start: Start, demo: DemoShop, language: str, intent: str, entities: dict[str, str]
) -> None:
    chat = start("leaving", language)
    await chat.say(CANCEL[language], "cancel_membership")

    turn = await chat.say("不要，我就是要退" if language == "zh" else "no, I want to leave", intent, **entities)

    assert turn.responses == ["utter_hand_off_churn_risk"]
    assert turn.hand_off is not None
    assert (turn.hand_off["reason"], turn.hand_off["topic"]) == ("churn_risk", "membership")
    assert ("流失" if language == "zh" else "churn") in turn.hand_off["summary"]
    assert (await demo.membership(CUSTOMERS["leaving"])).status == "active"


async def test_insisting_in_words_that_look_like_a_return_is_understood(start: Start) -> None:
    chat = start("leaving", "zh")
    await chat.say(CANCEL["zh"], "cancel_membership")

    turn = await chat.say("不用了，就是要退", "return_item", ranking=[("return_item", 0.47), ("cancel_membership", 0.21), ("deny", 0.14)])

    assert turn.responses == ["utter_hand_off_churn_risk"]
    assert turn.hand_off is not None
    assert turn.hand_off["topic"] == "membership"


@pytest.mark.parametrize(("language", "button"), [("zh", "直接退订"), ("en", "Cancel now")])
async def test_cancel_now_works_at_high_risk(start: Start, demo: DemoShop, language: str, button: str) -> None:
    chat = start("leaving", language)
    await chat.say(CANCEL[language], "cancel_membership")
    await chat.press("不用了，继续退订" if language == "zh" else "No thanks, cancel")

    turn = await chat.press(button)

    assert turn.responses == ["utter_membership_was_cancelled"]
    assert (await demo.membership(CUSTOMERS["leaving"])).status == "cancelled"


async def test_the_offer_is_made_once_in_a_conversation(start: Start) -> None:
    chat = start("leaving", "zh")
    await chat.say(CANCEL["zh"], "cancel_membership")
    await chat.say("算了", "stop")

    turn = await chat.say(CANCEL["zh"], "cancel_membership")
    done = await chat.say("确认", "affirm")

    assert turn.responses == ["utter_confirm_cancel_membership"]
    assert done.responses == ["utter_membership_was_cancelled"]


async def test_who_has_accepted_an_offer_lately_gets_no_other(start: Start) -> None:
    first = start("leaving", "zh")
    await first.say(CANCEL["zh"], "cancel_membership")
    await first.press("接受优惠")
    later = start("leaving", "zh")

    turn = await later.say(CANCEL["zh"], "cancel_membership")

    assert turn.responses == ["utter_confirm_cancel_membership"]


async def test_what_the_shop_has_granted_before_is_not_granted_again(start: Start, database: Database) -> None:
    first = start("leaving", "zh")
    await first.say(CANCEL["zh"], "cancel_membership")
    await first.press("接受优惠")
    async with database.write() as connection:
        await connection.execute(sa.delete(offers_made))  # only the shop knows of it
    later = start("leaving", "zh")
    await later.say(CANCEL["zh"], "cancel_membership")

    turn = await later.press("接受优惠")

    assert turn.responses == ["utter_refused_already_granted"]
    assert "直接退订" in turn.buttons


async def test_an_offer_is_on_record_with_its_reasons(start: Start, database: Database) -> None:
    chat = start("leaving", "zh")
    await chat.say(CANCEL["zh"], "cancel_membership")
    await chat.press("接受优惠")

    async with database.read() as connection:
        [made] = (await connection.execute(sa.select(offers_made))).all()

    assert (made.conversation_id, made.rule, made.held_out) == ("leaving", "three_months", False)
    assert made.probability == pytest.approx(0.81)
    assert made.expected_loss_minor == round(0.81 * 345_600)
    assert [reason["feature"] for reason in made.reasons] == ["troubled_180d"]
    assert made.accepted_at is not None


async def test_the_offer_stays_the_same_when_the_profile_changes_in_between(start: Start, database: Database) -> None:
    chat = start("leaving", "zh")
    offered = await chat.say(CANCEL["zh"], "cancel_membership")
    async with database.write() as connection:
        await connection.execute(sa.delete(customer_profiles))

    again = await chat.say("有什么会员权益", "membership_benefits")

    assert "会员延长 3 个月" in offered.text
    assert "会员延长 3 个月" in again.text


async def test_who_objects_to_profiling_gets_the_same_offer_as_everybody(start: Start, database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(
            sa.update(customers).where(customers.c.shop_customer_id == CUSTOMERS["leaving"]).values(objects_to_profiling=True)
        )
    chat = start("leaving", "zh")

    offered = await chat.say(CANCEL["zh"], "cancel_membership")
    declined = await chat.press("不用了，继续退订")

    assert "会员延长 1 个月" in offered.text
    assert declined.responses == ["utter_membership_was_cancelled"]


async def test_a_question_about_the_benefits_in_between_is_answered(start: Start) -> None:
    chat = start("leaving", "en")
    await chat.say(CANCEL["en"], "cancel_membership")

    turn = await chat.say("what do members get?", "membership_benefits")

    assert turn.responses == ["utter_faq", "utter_membership_offer"]


@pytest.mark.parametrize(
    ("who", "intent", "response"),
    [
        ("visitor", "cancel_membership", "utter_membership_needs_login"),
        ("visitor", "membership_status", "utter_membership_needs_login"),
        ("waiting", "membership_status", "utter_membership_active"),
        ("waiting", "renew_membership", "utter_faq"),
    ],
)
async def test_membership_is_told_to_its_owner(start: Start, who: str, intent: str, response: str) -> None:
    for language in ("zh", "en"):
        turn = await start(who, language).say("会员" if language == "zh" else "membership please", intent)

        assert turn.responses == [response]
