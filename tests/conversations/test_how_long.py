"""Who waits for a person and asks how long it takes is told, on every channel."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.how_long import AGAIN_AFTER, asks_how_long
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.database.conversations import messages
from bot.ids import utcnow
from bot.messages import HandOff, HandoffReason, Turn
from tests.conversations.conftest import say, transcript
from tests.fakes import FakeRasa


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa(lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)))


@pytest.mark.parametrize(
    "text",
    [
        "还要等多久？",
        "还要多久啊",
        "请问大概要等多长时间呢",
        "我排第几位了？",
        "前面还有几个人",
        "什么时候轮到我",
        "多久",
        "有人吗？？",
        "How long?",
        "how much longer do I have to wait?",
        "What's my position in the queue?",
        "how long will it take to talk to a human",
        "hello, is anyone there?",
    ],
)
def test_a_question_for_the_wait(text: str) -> None:
    assert asks_how_long(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "多久能送到？",
        "退款要多久到账",
        "how long does delivery take?",
        "when will my parcel arrive",
        "谢谢",
        "我的订单到哪了",
        "wait",
        "等" * 70,
    ],
)
def test_a_question_for_something_else(text: str) -> None:
    assert not asks_how_long(text)


async def let_time_pass(services: Services) -> None:
    async with services.database.write() as connection:
        await connection.execute(sa.update(messages).values(created_at=utcnow() - AGAIN_AFTER - timedelta(seconds=1)))


async def test_who_asks_is_told_once_and_not_again_at_once(service: ConversationService, agent: store.Row) -> None:
    message = await say(service, "a person please")
    await say(service, "a person please", visitor="visitor-2")
    await let_time_pass(service.services)

    await say(service, "好的")
    await say(service, "还要等多久？", visitor="visitor-2")
    asked = await say(service, "还要等多久？")
    await say(service, "还要等多久？")

    said = await transcript(service, message.conversation_id)
    assert [text for sender, text in said if sender == "system"] == ["queue_position", "place_now"]
    async with service.services.database.read() as connection:
        answer = (await store.messages_after(connection, asked.conversation_id, asked.seq))[0]
    assert (answer.text, answer.language) == ("您现在排在第 1 位。", "zh")


async def test_with_nobody_there_no_place_is_promised(service: ConversationService) -> None:
    message = await say(service, "a person please")
    await let_time_pass(service.services)

    await say(service, "how long?")

    assert (await transcript(service, message.conversation_id))[-1] == ("system", "nobody_there")
