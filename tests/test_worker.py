"""The worker takes up what dead processes left."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis.asyncio as aioredis
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.service import ConversationService
from bot.database.conversations import conversations
from bot.database.escalations import escalations
from bot.escalations.queue import GENERATION, PRESENCE, PRESENCE_S
from bot.ids import utcnow
from bot.messages import HandOff, HandoffReason, InboundMessage, Status, Turn
from bot.worker import QUEUE_EVERY_S, Worker
from tests.conversations.conftest import agent, assignment, conversation, rasa, say, service, services, settle, transcript
from tests.fakes import FakeRasa

__all__ = ["agent", "assignment", "rasa", "service", "services"]

PAST, SECOND = datetime(2026, 1, 1, tzinfo=UTC), timedelta(seconds=1)
HAND_OFF = HandOff(reason=HandoffReason.CUSTOMER_REQUEST)


async def test_an_unanswered_message_of_a_dead_process_is_answered(service: ConversationService) -> None:
    """The web process stored the message, took the lease and was killed."""
    worker = Worker(service.services)
    service.turns.start = lambda conversation_id: None  # type: ignore[method-assign]
    message = await service.receive(InboundMessage(inbox_id="website", channel_user="v", client_id="1", text="hello there"))
    async with service.services.database.write() as connection:
        past = utcnow() - timedelta(seconds=30)
        change = sa.update(conversations).values(turn_owner="dead", turn_until=past, updated_at=past)
        await connection.execute(change)

    await worker.answer_the_unanswered()
    await settle(worker._service)

    assert await transcript(service, message.conversation_id) == [("customer", "hello there"), ("bot", "you said hello there")]


async def test_a_living_process_is_left_alone(service: ConversationService) -> None:
    worker = Worker(service.services)
    service.turns.start = lambda conversation_id: None  # type: ignore[method-assign]
    message = await service.receive(InboundMessage(inbox_id="website", channel_user="v", client_id="1", text="hello there"))

    await worker.answer_the_unanswered()
    await settle(worker._service)

    assert len(await transcript(service, message.conversation_id)) == 1


async def test_after_a_wipe_of_redis_the_queue_stands_again(
    service: ConversationService, assignment: Assignment, rasa: FakeRasa, agent: store.Row, redis: aioredis.Redis
) -> None:
    rasa.answer = lambda request: Turn(message_id=request.message_id, hand_off=HAND_OFF)
    message = await say(service, "a person please")
    await redis.flushall()

    await Worker(service.services).keep_the_queue()

    assert await assignment.claim(agent) == message.conversation_id


async def test_an_empty_queue_stands_again_too(service: ConversationService, redis: aioredis.Redis) -> None:
    await redis.flushall()

    await Worker(service.services).keep_the_queue()

    assert await service.services.queue.stands()


@pytest.mark.slow
async def test_in_mid_day_the_queue_stands_again_in_order_and_nobody_loses_work(
    service: ConversationService, assignment: Assignment, rasa: FakeRasa, agent: store.Row, redis: aioredis.Redis
) -> None:
    """The chore runs every 2 s, so it has 3 s of the 5; 2,000 wait here."""
    rasa.answer = lambda request: Turn(message_id=request.message_id, hand_off=HAND_OFF)
    first = await say(service, "a person please")
    await assignment.claim(agent)
    async with service.services.database.write() as connection:
        row = (await connection.execute(sa.select(escalations))).one()._asdict()
        rows = [
            row | {"id": f"e{n:04}", "status": "waiting", "agent_id": None, "place_at": PAST + (n * 7919 % 2000) * SECOND}
            for n in range(2000)
        ]
        talks = [(await conversation_row(connection, first.thread_id)) | {"id": f"c{n:04}", "status": "waiting"} for n in range(2000)]
        await connection.execute(sa.insert(conversations), talks)
        await connection.execute(sa.insert(escalations), [one | {"conversation_id": f"c{n:04}"} for n, one in enumerate(rows)])
    await Worker(service.services).keep_the_queue()

    await redis.flushall()
    began = time.monotonic()
    await Worker(service.services).keep_the_queue()
    took_s = time.monotonic() - began

    assert QUEUE_EVERY_S + took_s < 5
    stands = await redis.zrange("yingda:queue:general_en", 0, -1)
    assert stands == [one["id"] for one in sorted(rows, key=lambda one: one["place_at"])]
    assert (await conversation(service, first.conversation_id)).agent_id == agent.id, "no lease is taken by mistake"


async def conversation_row(connection: AsyncConnection, thread_id: str) -> dict[str, Any]:
    row: dict[str, Any] = (await connection.execute(sa.select(conversations).where(conversations.c.thread_id == thread_id))).one()._asdict()
    return row | {"agent_id": None}


async def test_the_conversation_of_an_agent_who_is_gone_waits_again_at_its_old_place(
    service: ConversationService, assignment: Assignment, rasa: FakeRasa, agent: store.Row, redis: aioredis.Redis
) -> None:
    rasa.answer = lambda request: Turn(message_id=request.message_id, hand_off=HAND_OFF)
    message = await say(service, "a person please")
    await assignment.claim(agent)
    worker = Worker(service.services)
    await worker.keep_the_queue()
    assert (await conversation(service, message.conversation_id)).status == Status.AGENT

    await redis.delete(PRESENCE)
    await worker.keep_the_queue()
    assert (await conversation(service, message.conversation_id)).status == Status.AGENT, "the queue was built a moment ago"
    await redis.set(GENERATION, 1)
    await worker.keep_the_queue()

    row = await conversation(service, message.conversation_id)
    assert (row.status, row.agent_id, row.epoch) == (Status.WAITING, None, 4)
    async with service.services.database.read() as connection:
        assert (await connection.execute(sa.select(escalations.c.status))).scalars().all() == ["waiting"]
    assert await assignment.claim(agent) == message.conversation_id


async def test_half_open_an_agent_is_gone_25_s_after_they_were_heard(
    service: ConversationService, assignment: Assignment, rasa: FakeRasa, agent: store.Row, redis: aioredis.Redis
) -> None:
    """Our side still beats; the queue's chore runs every 2 s, so that the work is back within 30 s."""
    rasa.answer = lambda request: Turn(message_id=request.message_id, hand_off=HAND_OFF)
    message = await say(service, "a person please")
    await assignment.claim(agent)
    worker = Worker(service.services)
    await redis.set(GENERATION, 1)

    await redis.zadd(PRESENCE, {agent.id: 0})
    await service.services.presence.beat(agent.id, heard_s_ago=24)
    await worker.keep_the_queue()
    assert (await conversation(service, message.conversation_id)).status == Status.AGENT

    await redis.zadd(PRESENCE, {agent.id: 0})
    await service.services.presence.beat(agent.id, heard_s_ago=26)
    await worker.keep_the_queue()
    assert (await conversation(service, message.conversation_id)).status == Status.WAITING
    assert PRESENCE_S + QUEUE_EVERY_S < 30


@pytest.mark.parametrize("wiped", [pytest.param(False, id="and is heard"), pytest.param(True, id="and Redis forgets that they were heard")])
async def test_who_comes_back_while_the_work_of_others_is_put_back_keeps_theirs(
    service: ConversationService,
    assignment: Assignment,
    rasa: FakeRasa,
    agent: store.Row,
    redis: aioredis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    wiped: bool,
) -> None:
    rasa.answer = lambda request: Turn(message_id=request.message_id, hand_off=HAND_OFF)
    talks = [(await say(service, "a person please", visitor=f"v{number}")).conversation_id for number in range(2)]
    for _ in talks:
        await assignment.claim(agent)
    worker = Worker(service.services)
    put_back = worker._assignment.put_back

    async def put_back_and_return(*given: str, **options: str) -> bool:
        done = await put_back(*given, **options)
        await service.services.presence.beat(agent.id)
        if wiped:
            await redis.flushall()
        return done

    monkeypatch.setattr(worker._assignment, "put_back", put_back_and_return)
    await redis.set(GENERATION, 1)
    await redis.delete(PRESENCE)
    await worker.keep_the_queue()

    assert sorted([(await conversation(service, talk)).status for talk in talks]) == [Status.AGENT, Status.WAITING]


async def test_what_waits_only_for_the_bot_goes_back_when_it_is_well(service: ConversationService, rasa: FakeRasa) -> None:
    rasa.away = True
    message = await say(service, "where is my parcel?")
    worker = Worker(service.services)
    await worker.return_to_the_bot()
    assert (await conversation(service, message.conversation_id)).status == Status.WAITING

    rasa.away = False
    await worker.return_to_the_bot()
    await settle(worker._service)

    assert (await transcript(service, message.conversation_id))[-1] == ("bot", "you said where is my parcel?")
