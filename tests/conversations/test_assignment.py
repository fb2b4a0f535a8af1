"""Who gets what: automatic assignment, the same agent first, presence, on a real database and a real Redis."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis.asyncio as aioredis
import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.distribution import distribute
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.conversations.shift import choose_presence, finish_shifts
from bot.database.conversations import conversations
from bot.database.escalations import escalations
from bot.errors import CapacityError, NotFoundError
from bot.escalations.queue import GENERATION
from bot.ids import utcnow
from bot.messages import HandOff, HandoffReason, Status, Turn, TurnRequest
from bot.worker import Worker
from tests.conversations.conftest import conversation, make_agent, say
from tests.fakes import FakeRasa


@pytest.fixture
def rasa() -> FakeRasa:
    def hands_off(request: TurnRequest) -> Turn:
        topic = request.text.split()[0] if request.text.split()[0] in {"orders", "returns"} else "general"
        return Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST, topic=topic))

    return FakeRasa(hands_off)


def automatic(services: Services, rule: str) -> Services:
    return replace(services, settings=replace(services.settings, assignment=rule))


async def owners(services: Services) -> list[str]:
    """Return the agents' names in the order in which their customers came."""
    query = sa.select(conversations.c.agent_id).order_by(conversations.c.created_at)
    async with services.database.read() as connection:
        ids = list((await connection.execute(query)).scalars())
        names = await store.agent_names(connection, [one for one in ids if one])
    return [names[one] if one else "" for one in ids]


async def test_nothing_is_given_while_agents_claim_by_hand(service: ConversationService, assignment: Assignment, agent: store.Row) -> None:
    await say(service, "a person please")

    assert await distribute(service.services, assignment) == 0


@pytest.mark.parametrize("capacity", [1, 0])
async def test_a_claim_is_decided_although_redis_is_wiped_in_the_middle_of_it(
    service: ConversationService, assignment: Assignment, redis: aioredis.Redis, monkeypatch: pytest.MonkeyPatch, capacity: int
) -> None:
    """Found by benchmarks.chaos: the worker died of it, and nobody heard of the claim."""
    agent = await make_agent(service.services, "lin", capacity=capacity)
    message = await say(service, "a person please")
    decide = assignment._decide

    async def decide_and_wipe(*given: Any) -> store.Row | None:
        try:
            return await decide(*given)
        finally:
            await redis.flushall()

    monkeypatch.setattr(assignment, "_decide", decide_and_wipe)
    if capacity:
        assert await assignment.claim(agent) == message.conversation_id
    else:
        with pytest.raises(CapacityError):
            await assignment.claim(agent)
    await assignment.reconcile()

    assert (await conversation(service, message.conversation_id)).status == (Status.AGENT if capacity else Status.WAITING)
    assert await redis.zcard("yingda:queue:general_en") == 1 - capacity


async def test_work_goes_to_the_longest_idle_and_never_beyond_capacity(service: ConversationService, services: Services) -> None:
    own = automatic(services, "longest_idle")
    await make_agent(services, "one", capacity=1)
    await make_agent(services, "two", capacity=2)
    for number in range(4):
        await say(service, "a person please", visitor=f"v{number}")

    assert await distribute(own, Assignment(own)) == 3
    assert sorted(await owners(services)) == ["", "One", "Two", "Two"]


async def test_work_goes_to_the_least_loaded(service: ConversationService, services: Services) -> None:
    own = automatic(services, "least_loaded")
    await make_agent(services, "large", capacity=4)
    small = await make_agent(services, "small", capacity=2)
    await say(service, "a person please", visitor="v0")
    await Assignment(own).claim(small)
    for number in range(1, 3):
        await say(service, "a person please", visitor=f"v{number}")
        await distribute(own, Assignment(own))

    assert await owners(services) == ["Small", "Large", "Large"]


async def test_an_agent_who_frees_up_is_given_what_waits(service: ConversationService, services: Services) -> None:
    own = automatic(services, "longest_idle")
    lin = await make_agent(services, "lin", capacity=1)
    first = await say(service, "a person please", visitor="v0")
    await say(service, "a person please", visitor="v1")
    await distribute(own, Assignment(own))

    await service.resolve(lin.id, first.conversation_id)
    await distribute(own, Assignment(own))

    assert await owners(services) == ["Lin", "Lin"]


async def test_what_nobody_on_shift_serves_goes_to_the_next_best(service: ConversationService, assignment: Assignment) -> None:
    shipping = await make_agent(service.services, "shipping", topics=["shipping"])
    payments = await make_agent(service.services, "payments", topics=["payments"])
    message = await say(service, "orders please")

    with pytest.raises(NotFoundError):
        await assignment.claim(payments)
    assert await assignment.claim(shipping) == message.conversation_id


async def test_the_agent_who_served_this_customer_last_is_asked_first_for_a_moment(
    service: ConversationService, assignment: Assignment, agent: store.Row
) -> None:
    other = await make_agent(service.services, "wang")
    first = await say(service, "a person please")
    await assignment.claim(agent)
    await service.resolve(agent.id, first.conversation_id)
    async with service.services.database.write() as connection:  # the enquiry of another day
        await connection.execute(sa.update(escalations).values(closed_at=utcnow() - timedelta(days=1)))
        await connection.execute(sa.update(conversations).values(resolved_at=utcnow() - timedelta(days=1)))
    second = await say(service, "a person again")

    with pytest.raises(NotFoundError):
        await assignment.claim(other)
    async with service.services.database.write() as connection:
        await connection.execute(sa.update(escalations).values(reserved_until=utcnow() - timedelta(seconds=1)))
    assert await assignment.claim(other) == second.conversation_id


@pytest.mark.parametrize(("presence", "kept"), [("away", True), ("finishing", True), ("off", False)])
async def test_who_is_not_online_gets_no_new_work_and_who_is_off_keeps_none(
    service: ConversationService, services: Services, agent: store.Row, presence: str, kept: bool
) -> None:
    own = automatic(services, "longest_idle")
    mine = await say(service, "a person please", visitor="v0")
    await distribute(own, Assignment(own))
    await say(service, "a person please", visitor="v1")

    assert await choose_presence(services, agent.id, presence) == presence
    await services.redis.set(GENERATION, 1)
    await Worker(own).keep_the_queue()

    assert await owners(services) == (["Lin", ""] if kept else ["", ""])
    assert (await conversation(service, mine.conversation_id)).status == (Status.AGENT if kept else Status.WAITING)


async def test_who_is_finishing_is_off_when_the_last_is_done(
    service: ConversationService, assignment: Assignment, agent: store.Row
) -> None:
    message = await say(service, "a person please")
    await assignment.claim(agent)
    await choose_presence(service.services, agent.id, "finishing")
    assert await finish_shifts(service.services) == 0

    await service.resolve(agent.id, message.conversation_id)

    assert await finish_shifts(service.services) == 1
    assert await choose_presence(service.services, agent.id, "finishing") == "off"
