"""The product's stories: a customer writes, the bot answers, a human takes over and resolves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.service import ConversationService
from bot.database.conversations import effects, feedback, tracker_events, transitions
from bot.database.escalations import escalations
from bot.effects import EffectKey, begin, finish
from bot.errors import ConflictError, InputError, NotFoundError
from bot.messages import Button, HandOff, HandoffReason, InboundMessage, Message, Reply, Status, Turn, TurnRequest
from tests.conversations.conftest import conversation, make_agent, say, settle, transcript
from tests.fakes import FakeRasa


def hands_off(request: TurnRequest) -> Turn:
    hand_off = HandOff(reason=HandoffReason.CUSTOMER_REQUEST, topic="orders", summary="wants a person")
    return Turn(message_id=request.message_id, replies=[Reply(text="of course")], hand_off=hand_off, ranking=[("human_handoff", 0.98)])


async def test_the_bot_answers_each_message_once_and_in_order(service: ConversationService, rasa: FakeRasa) -> None:
    first = await say(service, "where is my order?")
    await say(service, "and the other one?")

    assert await transcript(service, first.conversation_id) == [
        ("customer", "where is my order?"),
        ("bot", "you said where is my order?"),
        ("customer", "and the other one?"),
        ("bot", "you said and the other one?"),
    ]
    assert [request.epoch for request in rasa.asked] == [1, 1]


async def test_a_message_sent_again_is_stored_and_answered_once(service: ConversationService) -> None:
    first = await say(service, "hello there", client_id="same")
    again = await say(service, "hello there", client_id="same")

    assert again.id == first.id
    assert len(await transcript(service, first.conversation_id)) == 2


async def test_two_first_messages_at_once_open_one_conversation(service: ConversationService) -> None:
    messages = await asyncio.gather(*(say(service, f"message {number}") for number in range(5)))
    await settle(service)

    assert len({message.conversation_id for message in messages}) == 1
    assert len(await transcript(service, messages[0].conversation_id)) == 10


async def test_the_language_follows_a_clear_message_and_stays_on_a_number(service: ConversationService, rasa: FakeRasa) -> None:
    await say(service, "我要退货")
    await say(service, "A20261029-0042")
    await say(service, "where is it now?")

    assert [request.language for request in rasa.asked] == ["zh", "zh", "en"]


@pytest.mark.parametrize(("text", "what"), [("", "empty"), ("\x00\x07", "empty"), ("字" * 4001, "4001 characters")])
async def test_a_text_that_cannot_be_kept_is_refused(service: ConversationService, text: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        await say(service, text)


async def test_a_button_means_what_we_showed_and_nothing_else(service: ConversationService, rasa: FakeRasa) -> None:
    button = Button(id="b", title="Cancel it", intent="cancel_order", entities={"order_number": "A20261029-0042"})
    rasa.answer = lambda request: Turn(message_id=request.message_id, replies=[Reply(text="which?", buttons=[button])])
    first = await say(service, "cancel my order")
    async with service.services.database.read() as connection:
        shown = (await store.messages_after(connection, first.conversation_id, 1))[0].content.buttons[0]

    await say(service, button_id=shown.id)

    assert rasa.asked[-1].intent == "cancel_order"
    assert rasa.asked[-1].entities == {"order_number": "A20261029-0042"}
    with pytest.raises(InputError, match="not a button of this conversation"):
        await say(service, button_id=shown.id, visitor="somebody-else")
    with pytest.raises(InputError, match="not a button of this conversation"):
        await say(service, button_id='/cancel_order{"customer_id":"C000002"}')


async def test_a_hand_off_ends_the_bots_turn_and_tells_the_position(service: ConversationService, rasa: FakeRasa, agent: store.Row) -> None:
    rasa.answer = hands_off

    message = await say(service, "I want a person")

    row = await conversation(service, message.conversation_id)
    assert (row.status, row.epoch, row.answered_seq) == (Status.WAITING, 2, 1)
    assert (await transcript(service, row.id))[1:] == [("bot", "of course"), ("system", "queue_position")]
    async with service.services.database.read() as connection:
        escalation = (await connection.execute(sa.select(escalations))).one()
    assert (escalation.reason, escalation.skill, escalation.summary) == ("customer_request", "orders_en", "wants a person")
    assert escalation.packet["intents"] == [["human_handoff", 0.98]]
    assert not escalation.left_message


async def test_with_nobody_there_the_customer_is_told_and_the_message_kept(service: ConversationService, rasa: FakeRasa) -> None:
    rasa.answer = hands_off

    message = await say(service, "转人工")

    assert (await transcript(service, message.conversation_id))[-1] == ("system", "nobody_there")
    async with service.services.database.read() as connection:
        assert (await connection.execute(sa.select(escalations.c.left_message))).scalar_one()


async def test_messages_to_a_human_never_reach_the_bot(
    service: ConversationService, assignment: Assignment, rasa: FakeRasa, agent: store.Row
) -> None:
    rasa.answer = hands_off
    message = await say(service, "a person please")
    await say(service, "are you there?")
    await assignment.claim(agent)
    await say(service, "still here?")

    assert len(rasa.asked) == 1
    assert [text for sender, text in await transcript(service, message.conversation_id) if sender == "customer"] == [
        "a person please",
        "are you there?",
        "still here?",
    ]


async def test_claim_reply_resolve_and_rating(
    service: ConversationService, assignment: Assignment, rasa: FakeRasa, agent: store.Row
) -> None:
    rasa.answer = hands_off
    message = await say(service, "a person please")

    conversation_id = await assignment.claim(agent)
    reply = await service.reply_as_agent(agent.id, conversation_id, client_id="r1", text="Hello, I am Lin")
    assert (await service.reply_as_agent(agent.id, conversation_id, client_id="r1", text="Hello, I am Lin")).id == reply.id
    await service.resolve(agent.id, conversation_id)
    await service.rate(message.thread_id, conversation_id, score=5, comment="quick")

    assert (await transcript(service, conversation_id))[3:] == [
        ("system", "agent_joined"),
        ("agent", "Hello, I am Lin"),
        ("system", "resolved"),
        ("system", "csat_thanks"),
    ]
    row = await conversation(service, conversation_id)
    assert (row.status, row.epoch, row.csat) == (Status.RESOLVED, 4, "answered")
    with pytest.raises(ConflictError, match="given already"):
        await service.rate(message.thread_id, conversation_id, score=1, comment="")
    async with service.services.database.read() as connection:
        assert (await connection.execute(sa.select(feedback.c.csat))).scalar_one() == 5
        steps = await connection.execute(sa.select(transitions.c.to_status).order_by(transitions.c.epoch))
        assert list(steps.scalars()) == ["bot", "waiting", "agent", "resolved"]


async def test_a_message_after_the_resolution_opens_a_new_conversation(
    service: ConversationService, assignment: Assignment, rasa: FakeRasa, agent: store.Row
) -> None:
    rasa.answer = hands_off
    first = await say(service, "a person please")
    await service.resolve(agent.id, await assignment.claim(agent))

    second = await say(service, "one more thing")

    assert second.conversation_id != first.conversation_id
    assert second.thread_id == first.thread_id


async def test_only_the_owner_replies_and_resolves(
    service: ConversationService, assignment: Assignment, rasa: FakeRasa, agent: store.Row
) -> None:
    rasa.answer = hands_off
    await say(service, "a person please")
    conversation_id = await assignment.claim(agent)
    other = await make_agent(service.services, "wang")

    with pytest.raises(ConflictError, match="not yours"):
        await service.reply_as_agent(other.id, conversation_id, client_id="x", text="me!")
    with pytest.raises(ConflictError, match="not yours"):
        await service.resolve(other.id, conversation_id)
    await service.resolve(agent.id, conversation_id)
    with pytest.raises(ConflictError, match="not yours"):
        await service.reply_as_agent(agent.id, conversation_id, client_id="y", text="too late")


async def test_a_bot_reply_after_a_takeover_is_refused(
    service: ConversationService, assignment: Assignment, rasa: FakeRasa, agent: store.Row
) -> None:
    """The customer asks for a person in a second message while the answer to the first is still being made."""
    rasa.hold = asyncio.Event()
    message = await _say_without_waiting(service, "where is my order?")
    await _until(lambda: bool(rasa.asked))
    async with service.services.database.write() as connection:
        row = await store.conversation(connection, message.conversation_id)
        await store.advance(connection, row.id, 0, status=Status.AGENT, epoch=row.epoch + 1, agent_id=agent.id)

    rasa.hold.set()
    await settle(service)

    assert await transcript(service, message.conversation_id) == [("customer", "where is my order?")]


async def test_an_effect_whose_reply_was_refused_is_told_to_the_agent(
    service: ConversationService, rasa: FakeRasa, agent: store.Row
) -> None:
    rasa.hold = asyncio.Event()
    message = await _say_without_waiting(service, "return it")
    await _until(lambda: bool(rasa.asked))
    key = EffectKey(message.conversation_id, message.id, "action_submit_return", epoch=1)
    async with service.services.database.write() as connection:
        effect = await begin(connection, key)
        await finish(connection, effect, summary={"key": "order_total"}, result={"number": "R1"})
    async with service.services.database.write() as connection:
        await store.advance(connection, message.conversation_id, 0, status=Status.AGENT, epoch=2, agent_id=agent.id)

    rasa.hold.set()
    await settle(service)

    assert await transcript(service, message.conversation_id) == [("customer", "return it"), ("system", "order_total")]
    async with service.services.database.read() as connection:
        assert (await connection.execute(sa.select(effects.c.told))).scalar_one()


async def test_an_effect_after_a_takeover_changes_nothing(service: ConversationService, agent: store.Row) -> None:
    message = await say(service, "return it")
    async with service.services.database.write() as connection:
        await store.advance(connection, message.conversation_id, 0, status=Status.AGENT, epoch=2, agent_id=agent.id)

    with pytest.raises(ConflictError, match="no longer owns"):
        async with service.services.database.write() as connection:
            await begin(connection, EffectKey(message.conversation_id, message.id, "action_submit_return", epoch=1))

    async with service.services.database.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(effects))).scalar_one() == 0


@pytest.mark.parametrize("failing", [{"failed_action": "action_order_status"}, {}], ids=["an action failed", "an empty answer"])
async def test_a_failure_of_the_bot_is_handed_to_a_human(service: ConversationService, rasa: FakeRasa, failing: dict[str, str]) -> None:
    rasa.answer = lambda request: Turn(message_id=request.message_id, **failing)  # type: ignore[arg-type]

    message = await say(service, "where is my order?")

    assert (await conversation(service, message.conversation_id)).status == Status.WAITING
    async with service.services.database.read() as connection:
        assert (await connection.execute(sa.select(escalations.c.reason))).scalar_one() == "action_failed"


async def test_while_rasa_restarts_the_customer_gets_a_notice_and_then_the_answer(service: ConversationService, rasa: FakeRasa) -> None:
    rasa.away = True
    message = await _say_without_waiting(service, "hello?")
    await asyncio.sleep(0.4)
    rasa.away = False
    await settle(service)

    assert await transcript(service, message.conversation_id) == [
        ("customer", "hello?"),
        ("system", "one_moment"),
        ("bot", "you said hello?"),
    ]


async def test_when_rasa_stays_away_a_human_gets_it_until_the_bot_is_well(
    service: ConversationService, assignment: Assignment, rasa: FakeRasa, agent: store.Row
) -> None:
    rasa.away = True
    message = await say(service, "where is my parcel?")
    assert (await conversation(service, message.conversation_id)).status == Status.WAITING

    rasa.away = False
    await service.return_to_bot(message.conversation_id, actor="worker", expected=Status.WAITING)
    await settle(service)

    assert (await transcript(service, message.conversation_id))[-2:] == [("system", "bot_is_well"), ("bot", "you said where is my parcel?")]
    with pytest.raises(NotFoundError):
        await assignment.claim(agent)


async def test_a_customer_who_would_rather_not_wait_gets_the_bot_back(service: ConversationService, rasa: FakeRasa) -> None:
    rasa.answer = hands_off
    message = await say(service, "a person please")

    await say(service, button_id="bot")

    row = await conversation(service, message.conversation_id)
    assert (row.status, row.answered_seq) == (Status.BOT, row.customer_seq)
    assert (await transcript(service, row.id))[-1] == ("system", "back_to_bot")


async def test_a_button_of_the_bot_works_while_waiting_for_a_human(service: ConversationService, rasa: FakeRasa) -> None:
    """A member who is handed over may still press “cancel right away”: nobody is made to wait for that."""
    button = Button(id="0", title="cancel right away", intent="confirm_cancel")
    hand_off = HandOff(reason=HandoffReason.CHURN_RISK)
    rasa.answer = lambda request: Turn(message_id=request.message_id, replies=[Reply(text="wait, or", buttons=[button])], hand_off=hand_off)
    message = await say(service, "cancel my membership")
    await say(service, "hello, anybody?")
    async with service.services.database.read() as connection:
        shown = (await store.messages_after(connection, message.conversation_id, 1))[0].content.buttons[0]
    rasa.answer = lambda request: Turn(message_id=request.message_id, replies=[Reply(text=f"done: {request.intent}")])

    await say(service, button_id=shown.id)

    assert (await conversation(service, message.conversation_id)).status == Status.BOT
    assert (await transcript(service, message.conversation_id))[-3:] == [
        ("customer", "cancel right away"),
        ("system", "bot_goes_on"),
        ("bot", "done: confirm_cancel"),
    ]
    assert [request.text for request in rasa.asked] == ["cancel my membership", "cancel right away"]


async def test_a_change_of_owner_ends_the_bots_form_in_the_tracker(service: ConversationService, rasa: FakeRasa) -> None:
    message = await say(service, "return it")
    async with service.services.database.write() as connection:
        row = {"conversation_id": message.conversation_id, "seq": 1, "event": {"event": "active_loop", "name": "return_form"}}
        await connection.execute(sa.insert(tracker_events).values(row))
        await store.advance(connection, message.conversation_id, 0, tracker_seq=1)
    rasa.answer = hands_off
    await say(service, "a person please")

    async with service.services.database.read() as connection:
        events = list((await connection.execute(sa.select(tracker_events.c.event).order_by(tracker_events.c.seq))).scalars())
    assert [(event["event"], event["name"]) for event in events[1:]] == [("active_loop", None), ("slot", "requested_slot")]


async def _say_without_waiting(service: ConversationService, text: str) -> Message:
    return await service.receive(InboundMessage(inbox_id="website", channel_user="visitor-1", client_id=text, text=text))


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("tone", "priority", "shown"), [(-0.92, 2, 0.92), (-0.3, 1, None)], ids=["furious", "cross"])
async def test_who_was_furious_is_served_sooner_and_the_agent_sees_why(
    service: ConversationService, rasa: FakeRasa, tone: float, priority: int, shown: float | None
) -> None:
    rasa.answer = lambda request: Turn(message_id=request.message_id, replies=[Reply(text="sorry")], intent="inform", sentiment=tone)
    await say(service, "you are thieves")
    rasa.answer = hands_off

    message = await say(service, "a person please")

    async with service.services.database.read() as connection:
        escalation = (await connection.execute(sa.select(escalations.c.priority, escalations.c.packet))).one()
        first = (await store.messages_after(connection, message.conversation_id, 0))[0]
    assert (escalation.priority, escalation.packet["very_negative"]) == (priority, shown)
    assert first.content.sentiment == tone
