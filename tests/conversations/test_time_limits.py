"""Silent customers, thank-yous after the end, and who writes again."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.idle import see_to_the_silent
from bot.conversations.service import ConversationService
from bot.conversations.shift import choose_presence
from bot.database.conversations import conversations, inboxes
from bot.database.escalations import escalations
from bot.ids import utcnow
from bot.messages import HandOff, HandoffReason, Reply, Status, Turn, TurnRequest
from tests.conversations.conftest import conversation, make_agent, say, transcript
from tests.fakes import FakeRasa


@pytest.fixture
def rasa() -> FakeRasa:
    def answers(request: TurnRequest) -> Turn:
        if "person" in request.text:
            hand_off = HandOff(reason=HandoffReason.CUSTOMER_REQUEST, topic="returns")
            return Turn(message_id=request.message_id, hand_off=hand_off)
        return Turn(message_id=request.message_id, replies=[Reply(text="the bot says")])

    return FakeRasa(answers)


@pytest.fixture
async def mine(service: ConversationService, assignment: Assignment, agent: store.Row) -> str:
    """A conversation that the agent has answered."""
    await say(service, "a person please")
    conversation_id = await assignment.claim(agent)
    await service.reply_as_agent(agent.id, conversation_id, client_id="1", text="what is it?")
    return conversation_id


async def pass_minutes(service: ConversationService, minutes: float) -> None:
    async with service.services.database.write() as connection:
        past = utcnow() - timedelta(minutes=minutes)
        await connection.execute(sa.update(conversations).values(updated_at=past))
        await connection.execute(sa.update(conversations).where(conversations.c.resolved_at.is_not(None)).values(resolved_at=past))


async def notices(service: ConversationService, conversation_id: str) -> list[str]:
    return [text for sender, text in await transcript(service, conversation_id) if sender == "system"]


async def test_a_silent_customer_is_reminded_once_then_the_agent_has_room_again(
    service: ConversationService, agent: store.Row, mine: str
) -> None:
    await pass_minutes(service, 4)
    await see_to_the_silent(service)
    assert "still_there" not in await notices(service, mine)

    for _ in range(2):
        await pass_minutes(service, 6)
        await see_to_the_silent(service)
        await see_to_the_silent(service)

    row = await conversation(service, mine)
    assert (row.status, row.csat) == (Status.RESOLVED, "asked")
    assert (await notices(service, mine))[-2:] == ["still_there", "closed_silent"]
    assert [one.load for one in await service.services.staff()] == [0]
    await service.rate(row.thread_id, mine, score=4, comment="")


async def test_who_answers_the_reminder_is_not_closed_and_reminded_anew_later(
    service: ConversationService, agent: store.Row, mine: str
) -> None:
    await pass_minutes(service, 6)
    await see_to_the_silent(service)
    await say(service, "yes, still here")
    await pass_minutes(service, 60)
    await see_to_the_silent(service)
    assert (await conversation(service, mine)).status == Status.AGENT, "it is the agent who is silent"

    await service.reply_as_agent(agent.id, mine, client_id="2", text="I see")
    await pass_minutes(service, 6)
    await see_to_the_silent(service)

    assert (await notices(service, mine)).count("still_there") == 2


@pytest.mark.slow
async def test_a_conversation_with_the_bot_closes_without_a_rating(service: ConversationService) -> None:
    message = await say(service, "hello there")
    for _ in range(2):
        await pass_minutes(service, 16)
        await see_to_the_silent(service)

    row = await conversation(service, message.conversation_id)
    assert (row.status, row.csat) == (Status.RESOLVED, "")
    assert await notices(service, row.id) == ["still_there", "closed_silent"]
    assert (await say(service, "me again")).conversation_id != row.id


async def test_who_waits_for_a_person_is_never_closed(service: ConversationService) -> None:
    message = await say(service, "a person please")
    for _ in range(3):
        await pass_minutes(service, 2000)
        await see_to_the_silent(service)

    assert (await conversation(service, message.conversation_id)).status == Status.WAITING


async def test_a_channel_has_its_own_limits(service: ConversationService) -> None:
    message = await say(service, "hello there")
    async with service.services.database.write() as connection:
        await connection.execute(sa.update(inboxes).values(channel="wechat"))
    await pass_minutes(service, 60)
    await see_to_the_silent(service)
    assert (await conversation(service, message.conversation_id)).status == Status.BOT

    await pass_minutes(service, 1441)
    await see_to_the_silent(service)

    assert await notices(service, message.conversation_id) == ["closed_silent"]


async def test_a_thank_you_after_the_end_opens_nothing(service: ConversationService, rasa: FakeRasa, agent: store.Row, mine: str) -> None:
    await service.resolve(agent.id, mine)
    asked = len(rasa.asked)

    message = await say(service, "好的，谢谢👍")

    assert message.conversation_id == mine
    row = await conversation(service, mine)
    assert (row.status, row.csat) == (Status.RESOLVED, "asked")
    assert len(rasa.asked) == asked
    await service.rate(row.thread_id, mine, score=5, comment="")


async def test_who_writes_again_soon_goes_to_the_same_agent(
    service: ConversationService, rasa: FakeRasa, agent: store.Row, mine: str
) -> None:
    await make_agent(service.services, "wang")
    await service.resolve(agent.id, mine)
    asked = len(rasa.asked)

    message = await say(service, "it does not work after all")

    row = await conversation(service, message.conversation_id)
    assert row.id != mine
    assert (row.status, row.agent_id) == (Status.AGENT, agent.id)
    assert await notices(service, row.id) == ["follow_up", "agent_joined"]
    assert len(rasa.asked) == asked
    async with service.services.database.read() as connection:
        skills = sa.select(escalations.c.skill).where(escalations.c.conversation_id == row.id)
        assert (await connection.execute(skills)).scalar_one() == "returns_en"


@pytest.mark.slow
@pytest.mark.parametrize("why", ["late", "away", "full"])
async def test_else_the_bot_answers(service: ConversationService, assignment: Assignment, agent: store.Row, mine: str, why: str) -> None:
    await service.resolve(agent.id, mine)
    if why == "late":
        await pass_minutes(service, 31)
    if why == "away":
        await choose_presence(service.services, agent.id, "away")
    if why == "full":
        for number in range(agent.capacity):
            await say(service, "a person please", visitor=f"v{number}")
            await assignment.claim(agent)

    message = await say(service, "it does not work after all")

    assert (await transcript(service, message.conversation_id))[-1] == ("bot", "the bot says")
