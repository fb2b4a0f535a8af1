"""Whole turns: Rasa with a toy model, the action server with toy actions, SQL."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import urllib.request
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from bot.database.conversations import conversations, tracker_events, turns
from bot.ids import new_id
from bot.messages import HandOff, HandoffReason, Turn
from tests.dialogue.conftest import add_conversation
from tests.dialogue.system import ROOT, TOY, System

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def conversation(system: System) -> str:
    return add_conversation(system.engine)


def stored(system: System, conversation: str) -> tuple[int, int]:
    """Return how many events and turns SQL holds for the conversation."""
    with system.engine.connect() as connection:
        return tuple(
            connection.execute(sa.select(sa.func.count()).select_from(table).where(table.c.conversation_id == conversation)).scalar_one()
            for table in (tracker_events, turns)
        )


async def test_a_message_is_answered_and_explained(system, conversation):
    turn = await system.say(conversation, "where is order A-1")

    assert turn.replies[0].text == "Order A-1 is on its way."
    assert [(button.id, button.intent, button.entities) for button in turn.replies[0].buttons] == [
        ("b0-0", "cancel_order", {"order_number": "A-1"}),
        ("b0-1", "greet", {}),
    ]
    assert turn.intent == "order_status"
    assert turn.ranking[0] == ("order_status", turn.confidence)
    assert turn.entities == turn.slots == {"order_number": "A-1"}


@pytest.mark.parametrize(("language", "text"), [("zh", "您好，这里是青禾优选。"), ("en", "Hello, this is Qinghe Select.")])
async def test_the_language_picks_the_response(system, conversation, language, text):
    turn = await system.say(conversation, "hello", language=language)

    assert [reply.text for reply in turn.replies] == [text]
    assert turn.language == language


async def test_the_same_message_again_runs_nothing_and_answers_the_same(system, conversation):
    message = new_id()

    first = await system.say(conversation, "please cancel order A-7", message_id=message)
    again = await system.say(conversation, "please cancel order A-7", message_id=message)

    assert again == first
    assert system.runs(message) == ["action_cancel_order"]


async def test_the_same_message_twice_at_once_runs_once(system, conversation):
    message = new_id()

    answers = await asyncio.gather(*(system.say(conversation, "where is my order", message_id=message) for _ in range(3)))

    assert answers[0] == answers[1] == answers[2]
    assert system.runs(message) == ["action_order_status"]


async def test_two_messages_of_one_conversation_are_answered_one_after_the_other(system, conversation):
    answers = await asyncio.gather(system.say(conversation, "where is order A-1"), system.say(conversation, "hello"))

    assert {answer.intent for answer in answers} == {"order_status", "greet"}
    with system.engine.connect() as connection:
        query = sa.select(tracker_events.c.event).where(tracker_events.c.conversation_id == conversation).order_by(tracker_events.c.seq)
        events = list(connection.execute(query).scalars())
    said = [index for index, event in enumerate(events) if event["event"] == "user"]
    assert events[said[1] - 1]["name"] == "action_listen"


async def test_a_turn_of_an_older_epoch_is_stale_and_runs_nothing(system, conversation):
    with system.engine.begin() as connection:
        connection.execute(sa.update(conversations).where(conversations.c.id == conversation).values(epoch=2))
    message = new_id()

    turn = await system.say(conversation, "where is my order", message_id=message, epoch=1)

    assert turn == Turn(message_id=message, completed=False, stale=True, language="en")
    assert stored(system, conversation) == (0, 0)
    assert system.runs(message) == []


async def test_a_takeover_while_the_action_runs_makes_the_turn_stale(system, conversation):
    turn = asyncio.create_task(system.say(conversation, "where is my order"))
    await asyncio.sleep(0.1)
    with system.engine.begin() as connection:
        connection.execute(sa.update(conversations).where(conversations.c.id == conversation).values(epoch=2, status="waiting"))

    assert (await turn).stale
    assert (await turn).replies == []
    assert stored(system, conversation) == (0, 0)


@pytest.mark.parametrize("text", ['/cancel_order{"order_number": "A-66"}', '/cancel_order{"customer_id": "C000001"}', "/restart", "/greet"])
async def test_rasas_intent_syntax_is_only_text(system, conversation, text):
    turn = await system.say(conversation, text)

    assert turn.confidence < 1.0
    assert "customer_id" not in turn.entities
    assert "customer_id" not in turn.slots
    with system.engine.connect() as connection:
        query = sa.select(tracker_events.c.event).where(tracker_events.c.conversation_id == conversation)
        said = [event for event in connection.execute(query).scalars() if event["event"] == "user"]
    assert said[0]["text"] == text
    assert len(said[0]["parse_data"]["intent_ranking"]) > 1


async def test_a_press_is_not_interpreted(system, conversation):
    turn = await system.say(conversation, "hello", intent="cancel_order", entities={"order_number": "A-5"})

    assert turn.intent == "cancel_order"
    assert turn.confidence == 1.0
    assert turn.slots == {"order_number": "A-5"}
    assert turn.replies[0].text == "Cancelled."


@pytest.mark.parametrize("pressed", [{"intent": "become_admin"}, {"intent": "greet", "entities": {"language": "zh"}}])
async def test_a_press_that_the_model_does_not_know_is_refused(system, conversation, pressed):
    status, answer = await system.post(
        {"conversation_id": conversation, "message_id": new_id(), "epoch": 1, "text": "", "language": "en", **pressed}
    )

    assert status == 400
    assert answer["error"]["code"] == "input"
    assert stored(system, conversation) == (0, 0)


async def test_an_action_that_raises_is_reported(system, conversation):
    turn = await system.say(conversation, "break everything")

    assert turn.failed_action == "action_break"
    assert not turn.completed
    assert "break everything" not in system.log()


async def test_an_intent_without_a_rule_gives_no_replies_and_its_own_intent(system, conversation):
    turn = await system.say(conversation, "the number is A-55")

    assert turn.completed
    assert turn.replies == []
    assert turn.intent == "inform"


async def test_a_hand_off_and_cards_reach_the_service(system, conversation):
    asked = await system.say(conversation, "talk to a human")
    shown = await system.say(conversation, "show me cards")

    assert asked.hand_off == HandOff(HandoffReason.CUSTOMER_REQUEST, topic="orders", summary="wants a human")
    assert shown.replies[0].skippable
    assert shown.replies[0].cards[0].buttons[0].intent == "cancel_order"


async def test_a_form_is_filled_and_can_be_stopped(system, conversation):
    assert (await system.say(conversation, "I want to return this")).replies[0].text == "Which order?"
    assert (await system.say(conversation, "never mind")).replies[0].text == "Never mind then."
    assert (await system.say(conversation, "I want to return this")).replies[0].text == "Which order?"
    assert (await system.say(conversation, "it is A-2")).replies[0].text == "Returned."


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"conversation_id": 5}', b"\xff"])
async def test_a_body_that_is_no_request_is_refused(system, body):
    status, answer = await system.post(body)

    assert status == 400
    assert answer["error"]["code"] == "input"


async def test_without_the_token_nobody_is_answered(system, conversation):
    body = {"conversation_id": conversation, "message_id": new_id(), "epoch": 1, "text": "hello", "language": "en"}

    for token in ("", "wrong"):
        assert (await system.post(body, token=token))[0] == 401
    assert stored(system, conversation) == (0, 0)


async def test_an_unknown_conversation_is_not_found(system):
    status, answer = await system.post({"conversation_id": new_id(), "message_id": new_id(), "epoch": 1, "text": "hi", "language": "en"})

    assert status == 404
    assert answer["error"]["code"] == "not_found"


async def test_a_dead_action_server_is_reported_and_rasa_goes_on(toy_model: Path, sqlite_template: Path, tmp_path: Path):
    system = System(tmp_path, model=toy_model, database=sqlite_template)
    conversation = add_conversation(system.engine)

    with system.rasa():
        failed = await system.say(conversation, "where is my order")
        with system.actions():
            recovered = await system.say(conversation, "where is order A-3")

    system.engine.dispose()
    assert failed.failed_action == "action_order_status"
    assert not recovered.failed_action
    assert recovered.replies[0].text == "Order A-3 is on its way."


def test_our_graph_and_rules_predict_what_rasas_do(toy_model: Path):
    script = TOY / "compare.py"

    ended = subprocess.run([sys.executable, script, toy_model], env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)

    assert ended.returncode == 0, ended.stderr
    assert "predictions are equal" in ended.stdout


def test_the_status_names_the_model(system):

    with urllib.request.urlopen(f"http://127.0.0.1:{system.port}/status") as answer:
        status = msgspec.json.decode(answer.read())
    assert status["ready"]
    assert status["file"] == "toy.tar.gz"
    assert len(status["model"]) == 32


async def test_a_text_is_parsed_outside_of_any_conversation(system):
    status, parsed = await system.post({"text": "where is order A-3"}, path="/model/parse")

    assert status == 200
    assert parsed["intent"]["name"] == "order_status"
    assert parsed["text"] == "where is order A-3"
    assert (await system.post({"message": "no text"}, path="/model/parse"))[0] == 400
    assert (await system.post({"text": "hello"}, path="/model/parse", token="forged"))[0] == 401
