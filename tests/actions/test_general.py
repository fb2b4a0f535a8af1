"""What belongs to no skill: small talk, the FAQ, what was not understood, and the way to a human."""

from __future__ import annotations

import pytest

from actions.choosing import pick
from actions.context import Message
from bot.errors import ConflictError
from bot.faq import FOLDER, read_entries
from bot.shop.demo import DemoShop
from tests.actions.conftest import CUSTOMERS, Start

GIBBERISH = {"zh": "啊吧啊吧哦", "en": "blorp zxq"}


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize(
    "intent", ["greet", "goodbye", "thank", "affirm", "deny", "feedback", "capabilities", "bot_challenge", "small_talk"]
)
async def test_small_words_are_answered(start: Start, intent: str, language: str) -> None:
    turn = await start("visitor", language).say("您好" if language == "zh" else "how do you do", intent)

    assert turn.responses == [f"utter_{intent}"]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_the_second_misunderstanding_goes_to_a_human(start: Start, language: str) -> None:
    chat = start("visitor", language)

    first = await chat.say(GIBBERISH[language], "nlu_fallback")
    second = await chat.say(GIBBERISH[language], "nlu_fallback")

    assert first.responses == ["utter_not_understood"]
    assert first.hand_off is None
    assert second.responses == ["utter_hand_off_not_understood"]
    assert second.hand_off is not None
    assert second.hand_off["reason"] == "not_understood"


async def test_something_understood_in_between_begins_the_count_again(start: Start) -> None:
    chat = start("visitor", "zh")
    await chat.say(GIBBERISH["zh"], "nlu_fallback")
    await chat.say("你好", "greet")

    turn = await chat.say(GIBBERISH["zh"], "nlu_fallback")

    assert turn.hand_off is None


@pytest.mark.parametrize(("language", "title"), [("zh", "退货"), ("en", "return something")])
async def test_two_plausible_meanings_are_offered(start: Start, language: str, title: str) -> None:
    chat = start("loyal", language)
    ranking = [("nlu_fallback", 0.5), ("return_item", 0.3), ("refund_status", 0.2), ("greet", 0.1)]

    asked = await chat.say("退那个啥" if language == "zh" else "that back thing", "nlu_fallback", ranking=ranking)
    chosen = await chat.press(title)

    assert asked.responses == ["utter_did_you_mean"]
    assert len(asked.buttons) == 3
    assert chosen.responses == ["utter_which_item"]


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_what_the_classifier_missed_is_looked_for_in_the_faq(start: Start, language: str) -> None:
    (question, *_) = read_entries(FOLDER / language / "shipping.yml")[0].questions

    turn = await start("visitor", language).say(question, "nlu_fallback")

    assert turn.responses == ["utter_faq"]


async def test_the_faq_is_searched_for_what_was_meant(start: Start) -> None:
    (question, *_) = read_entries(FOLDER / "zh" / "shipping.yml")[0].questions
    chat = start("visitor", "zh")

    typed = await chat.say("zhe ge shi pin yin", "nlu_fallback")
    meant = await chat.say("zhe ge shi pin yin", "nlu_fallback", corrected=question)

    assert typed.responses != ["utter_faq"]
    assert meant.responses == ["utter_faq"]


async def test_in_a_form_it_is_asked_again_then_a_human_comes(start: Start) -> None:
    chat = start("loyal", "zh")
    await chat.say("我要退货", "return_item")

    first = await chat.say(GIBBERISH["zh"], "nlu_fallback")
    second = await chat.say(GIBBERISH["zh"], "nlu_fallback")

    assert first.responses == ["utter_not_understood_in_form", "utter_which_item"]
    assert second.responses == ["utter_hand_off_not_understood"]
    assert second.hand_off is not None
    assert second.hand_off["topic"] == "returns"
    assert chat.form is None


async def test_a_foreign_topic_is_no_misunderstanding(start: Start) -> None:
    chat = start("visitor", "en")

    turns = [await chat.say("book me a flight", "out_of_scope") for _ in range(3)]
    mixed = await chat.say("blorp", "nlu_fallback")

    assert [turn.responses for turn in turns] == [["utter_out_of_scope"]] * 3
    assert all(turn.hand_off is None for turn in turns)
    assert mixed.hand_off is not None


async def test_a_doubtful_foreign_topic_counts_as_not_understood(start: Start) -> None:
    chat = start("visitor", "en")
    doubtful = [("out_of_scope", 0.55), ("greet", 0.2)]

    first = await chat.say("asdf qwer", "out_of_scope", ranking=doubtful)
    second = await chat.say("zxcv", "out_of_scope", ranking=doubtful)

    assert first.responses == ["utter_not_understood"]
    assert second.hand_off is not None


async def test_what_is_unlike_all_that_we_know_is_answered_otherwise_than_a_doubt_between_two(start: Start) -> None:
    doubt = [("nlu_fallback", 0.6), ("return_item", 0.4), ("exchange_item", 0.35)]

    unsure = await start("visitor", "en").say("it back or another one", "nlu_fallback", ranking=doubt)
    foreign = await start("stranger", "en").say("two pints of lager", "nlu_fallback", ranking=doubt, foreign=True)

    assert unsure.responses == ["utter_did_you_mean"]
    assert foreign.responses == ["utter_out_of_scope"]
    assert foreign.hand_off is None


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_a_person_is_asked_what_it_is_about_when_nothing_is_known(start: Start, language: str) -> None:
    turn = await start("visitor", language).say("转人工" if language == "zh" else "agent please", "human_handoff")

    assert turn.hand_off is not None
    assert turn.hand_off["topic"] == "general"
    assert turn.hand_off["question"].endswith("？" if language == "zh" else "?")


async def test_the_topic_of_the_talk_goes_with_the_hand_off(start: Start) -> None:
    chat = start("waiting", "en")
    await chat.say("where is my parcel, it should be here", "track_shipment")

    turn = await chat.say("talk to a person", "human_handoff")

    assert turn.hand_off is not None
    assert (turn.hand_off["topic"], turn.hand_off["question"]) == ("shipping", "")
    assert "track a parcel" in turn.hand_off["summary"]
    assert "it should be here" in turn.hand_off["summary"]


@pytest.mark.parametrize(("language", "text"), [("zh", "垃圾服务，我要投诉你们！"), ("en", "this is a disgrace, I will complain!")])
async def test_anger_gets_sympathy_and_a_human(start: Start, language: str, text: str) -> None:
    turn = await start("loyal", language).say(text, "complaint")

    assert turn.responses == ["utter_complaint"]
    assert turn.hand_off is not None
    assert turn.hand_off["reason"] == "complaint"
    assert turn.hand_off["question"]
    assert text in turn.hand_off["summary"]


async def test_a_bare_number_answers_the_question_before_it(start: Start, demo: DemoShop) -> None:
    chat, order = start("waiting", "zh"), (await demo.orders(CUSTOMERS["waiting"]))[1]
    await chat.say("查快递", "track_shipment")

    tracked = await chat.say(order.number, "inform", order_number=order.number)
    lost = await start("waiting", "zh").say("嗯那个", "inform")

    assert tracked.responses == ["utter_shipment_late"]
    assert lost.responses == ["utter_what_about_it"]


async def test_never_mind_without_a_form_is_answered_too(start: Start) -> None:
    turn = await start("visitor", "zh").say("算了", "stop")

    assert turn.responses == ["utter_nothing_to_stop"]


async def test_an_effect_of_a_conversation_that_was_taken_over_is_refused(start: Start, demo: DemoShop) -> None:
    chat = start("waiting", "zh", epoch=7)

    async def cancel() -> None:
        await chat.say("取消订单", "cancel_order")
        await chat.press("确认")

    with pytest.raises(ConflictError):
        await cancel()

    assert (await demo.orders(CUSTOMERS["waiting"]))[0].status == "paid"


async def test_the_language_of_the_answer_follows_the_message(start: Start) -> None:
    chat = start("loyal", "zh")

    english = await chat.say("hello, where is my order please", "order_status")
    mixed = await chat.say("我的 order 还没 ship 吗", "order_status")

    assert "on its way" in english.text
    assert "已经发货" in mixed.text


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("第二个", 1),
        ("the first one", 0),
        ("2", 1),
        ("第三个", None),
        ("耳机那个", 0),
        ("the kettle one", 1),
        ("最近那个", 0),
        ("我要投诉", None),
        ("x" * 200, None),
    ],
)
def test_choosing_in_words(text: str, chosen: int | None) -> None:
    message = Message("m", 1, "zh", text, "inform", {}, [])

    assert pick(message, [["降噪耳机", "Earbuds"], ["电热水壶", "Electric kettle 1.7 L"]]) == chosen
