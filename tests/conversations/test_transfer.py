"""Passing conversations on, and taking them back from who does not write."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.service import ConversationService
from bot.conversations.shift import choose_presence
from bot.conversations.transfer import Wish, colleagues_for, transfer
from bot.database.escalations import escalations
from bot.database.people import audit_log
from bot.errors import CapacityError, ConflictError, ForbiddenError, InputError, NotFoundError
from bot.escalations.times import first_reply
from bot.ids import utcnow
from bot.messages import HandOff, HandoffReason, Status, Turn
from bot.worker import Worker
from tests.conversations.conftest import conversation, make_agent, queue_of, say, transcript
from tests.fakes import FakeRasa


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa(lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)))


@pytest.fixture
async def mine(service: ConversationService, assignment: Assignment, agent: store.Row) -> str:
    """A conversation of the agent's."""
    await say(service, "a person please")
    return await assignment.claim(agent)


async def test_a_colleague_who_can_take_it_gets_it_with_the_note(
    service: ConversationService, assignment: Assignment, agent: store.Row, mine: str
) -> None:
    wang = await make_agent(service.services, "wang")

    await transfer(service.services, assignment, agent, mine, Wish(agent_id=wang.id, note="refund is approved"))

    row = await conversation(service, mine)
    assert (row.status, row.agent_id, row.epoch) == (Status.AGENT, wang.id, 4)
    assert (await transcript(service, mine))[-1] == ("system", "transferred_to_agent")
    async with service.services.database.read() as connection:
        escalation = (await connection.execute(sa.select(escalations))).one()
        audit = (await connection.execute(sa.select(audit_log).where(audit_log.c.action == "transfer"))).one()
    note = escalation.packet["transfers"][0]
    assert (escalation.agent_id, note["by"], note["to"], note["note"]) == (wang.id, "Lin", "Wang", "refund is approved")
    assert (audit.actor, audit.details) == (f"agent:{agent.id}", {"to": wang.id})
    assert not any("refund is approved" in text for _, text in await transcript(service, mine))
    with pytest.raises(ConflictError):
        await service.reply_as_agent(agent.id, mine, client_id="late", text="still me")


@pytest.mark.parametrize("why", ["away", "full", "language", "gone"])
async def test_who_cannot_take_it_is_refused(
    service: ConversationService, assignment: Assignment, agent: store.Row, mine: str, why: str
) -> None:
    services = service.services
    wang = await make_agent(services, "wang", capacity=1, languages=["zh"] if why == "language" else ["en"])
    if why == "away":
        await choose_presence(services, wang.id, "away")
    if why == "full":
        await say(service, "a person please", visitor="other")
        await assignment.claim(wang)
    if why == "gone":
        await services.presence.leave(wang.id)

    with pytest.raises(ConflictError, match=r"cannot take it"):
        await transfer(services, assignment, agent, mine, Wish(agent_id=wang.id))
    offered = {one["name"]: one["can_take"] for one in (await colleagues_for(services, mine))["agents"]}
    assert offered == ({} if why == "gone" else {"Wang": False})
    assert (await conversation(service, mine)).agent_id == agent.id


async def test_a_topic_takes_it_at_its_old_place_and_not_from_the_same_agent(
    service: ConversationService, assignment: Assignment, agent: store.Row, mine: str
) -> None:
    wang = await make_agent(service.services, "wang", topics=["payments"])
    later = await say(service, "me too", visitor="later")

    await transfer(service.services, assignment, agent, mine, Wish(topic="payments", note="charged twice"))

    assert (await conversation(service, mine)).status == Status.WAITING
    assert await assignment.claim(agent) == later.conversation_id
    with pytest.raises(NotFoundError):
        await assignment.claim(agent)
    assert await assignment.claim(wang) == mine


async def test_nobody_passes_on_what_is_not_theirs_but_a_supervisor(
    service: ConversationService, assignment: Assignment, agent: store.Row, mine: str
) -> None:
    wang = await make_agent(service.services, "wang")
    boss = await make_agent(service.services, "boss", role="supervisor")

    with pytest.raises(ForbiddenError):
        await transfer(service.services, assignment, wang, mine, Wish(agent_id=wang.id))
    await transfer(service.services, assignment, boss, mine, Wish(agent_id=wang.id))
    assert (await conversation(service, mine)).agent_id == wang.id


async def test_a_supervisor_gives_what_waits_to_an_agent(service: ConversationService, assignment: Assignment, agent: store.Row) -> None:
    boss = await make_agent(service.services, "boss", role="supervisor")
    message = await say(service, "a person please")

    await transfer(service.services, assignment, boss, message.conversation_id, Wish(agent_id=agent.id))

    assert (await conversation(service, message.conversation_id)).agent_id == agent.id
    with pytest.raises(NotFoundError):
        await assignment.claim(boss)


@pytest.mark.parametrize(
    "wish", [Wish(), Wish(topic="astrology"), Wish(agent_id="a", topic="orders"), Wish(topic="orders", note="x" * 1001)]
)
async def test_a_wish_that_names_no_place_is_refused(
    service: ConversationService, assignment: Assignment, agent: store.Row, mine: str, wish: Wish
) -> None:
    with pytest.raises(InputError):
        await transfer(service.services, assignment, agent, mine, wish)


async def _let_time_pass(service: ConversationService) -> None:
    async with service.services.database.write() as connection:
        past = utcnow() - first_reply().within - timedelta(seconds=1)
        await connection.execute(sa.update(escalations).where(escalations.c.status == "claimed").values(claimed_at=past))


async def test_who_does_not_write_gives_it_back_and_does_not_get_it_again(
    service: ConversationService, assignment: Assignment, agent: store.Row, mine: str
) -> None:
    worker = Worker(service.services)
    wang = await make_agent(service.services, "wang")
    await worker.take_back_the_unanswered()
    assert (await conversation(service, mine)).agent_id == agent.id

    await _let_time_pass(service)
    await worker.take_back_the_unanswered()

    assert (await conversation(service, mine)).status == Status.WAITING
    assert (await transcript(service, mine))[-1] == ("system", "no_first_reply")
    with pytest.raises(NotFoundError):
        await assignment.claim(agent)
    assert await assignment.claim(wang) == mine


async def test_who_has_written_keeps_it(service: ConversationService, agent: store.Row, mine: str) -> None:
    await _let_time_pass(service)
    await service.reply_as_agent(agent.id, mine, client_id="1", text="hello")

    await Worker(service.services).take_back_the_unanswered()

    assert (await conversation(service, mine)).agent_id == agent.id


async def test_it_does_not_bounce_for_ever_but_is_shown_to_a_supervisor(
    service: ConversationService, assignment: Assignment, agent: store.Row, mine: str
) -> None:
    worker = Worker(service.services)
    boss = await make_agent(service.services, "boss", role="supervisor")
    for number in range(first_reply().returns):
        await _let_time_pass(service)
        await worker.take_back_the_unanswered()
        await assignment.claim(await make_agent(service.services, f"a{number}"))
    assert (await queue_of(service.services, boss))["alerts"] == []

    for _ in range(2):
        await _let_time_pass(service)
        await worker.take_back_the_unanswered()

    assert (await conversation(service, mine)).status == Status.AGENT
    assert [alert["kind"] for alert in (await queue_of(service.services, boss))["alerts"]] == ["no_first_reply"]
    assert (await queue_of(service.services, agent))["alerts"] == []


async def test_a_full_colleague_is_refused_even_in_a_race(
    service: ConversationService, assignment: Assignment, agent: store.Row, mine: str
) -> None:
    """Both see the last free place; SQL gives it to one."""
    services = service.services
    wang = await make_agent(services, "wang", capacity=1)
    await say(service, "a person please", visitor="other")
    staff = await services.staff()
    await assignment.claim(wang)
    object.__setattr__(services, "staff", lambda: _given(staff))

    with pytest.raises(CapacityError):
        await transfer(services, assignment, agent, mine, Wish(agent_id=wang.id))
    assert (await conversation(service, mine)).agent_id == agent.id


async def _given(staff: object) -> object:
    return staff
