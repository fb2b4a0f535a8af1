import logging

import pytest
from rasa.shared.core.events import SlotSet, UserUttered
from rasa.shared.core.slots import TextSlot
from rasa.shared.core.trackers import DialogueStateTracker

from bot.dialogue.responses import Responses


def variation(language: str, **response: object) -> dict:
    return {"condition": [{"type": "slot", "name": "language", "value": language}], **response}


RESPONSES = {
    "utter_greet": [variation("zh", text="您好，这里是{company}。"), variation("en", text="Hello, this is {company}.")],
    "utter_order": [
        variation("en", text="Order {number}", buttons=[{"title": "Cancel {number}", "payload": '/cancel{"order_number": "{number}"}'}])
    ],
}


@pytest.fixture
def responses() -> Responses:
    responses = Responses({"zh": "青禾优选", "en": "Qinghe Select"})
    responses.responses = RESPONSES
    return responses


def tracker_in(language: str) -> DialogueStateTracker:
    message = UserUttered("hello", {"name": "greet"}, metadata={"language": language})
    return DialogueStateTracker.from_events("conversation", [message], slots=[TextSlot("language", mappings=[{}])])


@pytest.mark.parametrize(("language", "text"), [("zh", "您好，这里是青禾优选。"), ("en", "Hello, this is Qinghe Select.")])
async def test_the_language_of_the_message_picks_the_variation(responses, language, text):
    answer = await responses.generate("utter_greet", tracker_in(language), "yingda")

    assert answer["text"] == text


async def test_a_slot_that_the_customer_filled_does_not_pick_the_language(responses):
    tracker = tracker_in("zh")
    tracker.update(SlotSet("language", "en"))

    assert "您好" in (await responses.generate("utter_greet", tracker, "yingda"))["text"]


async def test_values_go_into_texts_and_into_the_json_of_payloads(responses):
    answer = await responses.generate("utter_order", tracker_in("en"), "yingda", number="A-1")

    assert answer["text"] == "Order A-1"
    assert answer["buttons"] == [{"title": "Cancel A-1", "payload": '/cancel{"order_number": "A-1"}'}]
    assert RESPONSES["utter_order"][0]["text"] == "Order {number}"


async def test_a_missing_value_is_logged_by_its_name(responses, caplog):
    with caplog.at_level(logging.ERROR):
        answer = await responses.generate("utter_order", tracker_in("en"), "yingda")

    assert answer["text"] == "Order {number}"
    assert "{number}" in caplog.text


async def test_a_response_that_lacks_the_language_is_none(responses):
    assert await responses.generate("utter_order", tracker_in("zh"), "yingda") is None
