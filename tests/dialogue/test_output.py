import pytest

from bot.dialogue.output import Output, parse_payload
from bot.errors import InputError
from bot.messages import HandOff, HandoffReason


async def collected(*utterances: dict) -> Output:
    output = Output()
    for utterance in utterances:
        await output.send_response("conversation", utterance)
    return output


async def test_all_of_one_utterance_becomes_one_reply():
    card = {"title": "A-1", "rows": [["Total", "5"]], "buttons": [{"title": "Cancel", "payload": '/cancel_order{"order_number": "A-1"}'}]}

    output = await collected({"text": "Which one?", "custom": {"cards": [card], "skippable": True}, "utter_action": "utter_which"})

    [reply] = output.replies
    assert reply.text == "Which one?"
    assert reply.skippable
    assert reply.cards[0].rows == [("Total", "5")]
    assert reply.cards[0].buttons[0].entities == {"order_number": "A-1"}


async def test_every_button_of_a_turn_has_an_id_of_its_own():
    buttons = [{"title": "yes", "payload": "/affirm"}, {"title": "no", "payload": "/deny"}]
    card = {"title": "card", "buttons": buttons}

    output = await collected(
        {"text": "one", "buttons": buttons, "custom": {"cards": [card, card]}},
        {"text": "two", "buttons": [{"title": "yes", "intent": "affirm", "id": "b0-0"}]},
    )

    ids = [button.id for reply in output.replies for holder in (reply, *reply.cards) for button in holder.buttons]
    assert len(ids) == 7
    assert len(set(ids)) == 7


async def test_a_hand_off_is_no_reply():
    output = await collected({"text": None, "custom": {"hand_off": {"reason": "complaint", "topic": "returns"}}})

    assert output.hand_off == HandOff(HandoffReason.COMPLAINT, topic="returns")
    assert output.replies == []


@pytest.mark.parametrize("payload", ["no slash", "/intent{", '/intent["list"]', '/intent{"a": }', "/"])
def test_a_payload_that_nobody_could_press_is_refused(payload):
    with pytest.raises(InputError, match="payload"):
        parse_payload(payload)


async def test_a_button_without_meaning_and_a_card_of_another_shape_are_refused():
    with pytest.raises(InputError, match="has no payload"):
        await collected({"text": "?", "buttons": [{"title": "mute"}]})
    with pytest.raises(InputError, match=r"bot\.messages\.Card"):
        await collected({"custom": {"cards": [{"subtitle": "no title"}]}})
