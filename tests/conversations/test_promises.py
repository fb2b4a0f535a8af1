"""Promises in time: clocks, warnings, breaches; out of hours, overflow, long waits; the estimate on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.conversations import services as services_of_a_process
from bot.conversations import store
from bot.conversations.assignment import Assignment
from bot.conversations.long_wait import apologise
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.conversations.sla import watch_clocks
from bot.database.escalations import escalations, sla_clocks
from bot.escalations.hours import Hours
from bot.escalations.times import longest_wait, queue_limit
from bot.ids import utcnow
from bot.messages import HandOff, HandoffReason, Turn
from tests.conversations.conftest import make_agent, queue_of, say, transcript
from tests.fakes import FakeRasa


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa(lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)))


async def clocks(services: Services) -> dict[str, tuple[bool, bool]]:
    """Return for each target whether it was met and whether it was breached."""
    async with services.database.read() as connection:
        rows = await connection.execute(sa.select(sla_clocks).order_by(sla_clocks.c.started_at, sla_clocks.c.id))
        return {row.target: (row.met_at is not None, row.breached) for row in rows}


async def pass_minutes(services: Services, minutes: float) -> None:
    back = timedelta(minutes=minutes)
    async with services.database.write() as connection:
        for row in (await connection.execute(sa.select(sla_clocks).where(sla_clocks.c.met_at.is_(None)))).all():
            moved = {"warn_at": row.warn_at - back, "due_at": row.due_at - back}
            await connection.execute(sa.update(sla_clocks).where(sla_clocks.c.id == row.id).values(**moved))


async def test_clocks_run_from_the_hand_off_and_stop_with_what_was_promised(
    service: ConversationService, assignment: Assignment, agent: store.Row
) -> None:
    await say(service, "a person please")
    assert await clocks(service.services) == {"first_response": (False, False), "resolution": (False, False)}

    mine = await assignment.claim(agent)
    await say(service, "are you there?")
    await service.reply_as_agent(agent.id, mine, client_id="1", text="hello")
    assert await clocks(service.services) == {"first_response": (True, False), "resolution": (False, False)}

    await say(service, "it is broken")
    await say(service, "quite broken")
    assert (await clocks(service.services))["next_response"] == (False, False)
    await service.reply_as_agent(agent.id, mine, client_id="2", text="I see")
    await service.resolve(agent.id, mine)
    assert set((await clocks(service.services)).values()) == {(True, False)}


async def test_a_warning_goes_to_the_agent_and_a_breach_to_a_supervisor(
    service: ConversationService, assignment: Assignment, agent: store.Row
) -> None:
    services = service.services
    boss = await make_agent(services, "boss", role="supervisor")
    await say(service, "a person please")
    mine = await assignment.claim(agent)
    assert await watch_clocks(services) == 0

    await pass_minutes(services, 8)
    assert await watch_clocks(services) == 1
    assert await watch_clocks(services) == 0
    view = await queue_of(services, agent)
    assert [alert["kind"] for alert in view["alerts"]] == ["sla_warning"]
    assert (view["mine"][0]["sla"]["target"], view["mine"][0]["sla"]["warned"]) == ("first_response", True)

    await pass_minutes(services, 3)
    assert await watch_clocks(services) == 1
    assert [alert["kind"] for alert in (await queue_of(services, boss))["alerts"]] == ["sla_breach"]
    assert (await queue_of(services, agent))["alerts"] == []

    await service.reply_as_agent(agent.id, mine, client_id="1", text="sorry")
    assert (await clocks(services))["first_response"] == (True, True)
    assert (await queue_of(services, boss))["alerts"] == []


async def test_an_answer_that_came_late_is_a_breach_although_nobody_was_looking(
    service: ConversationService, assignment: Assignment, agent: store.Row
) -> None:
    await say(service, "a person please")
    mine = await assignment.claim(agent)
    await pass_minutes(service.services, 11)

    await service.reply_as_agent(agent.id, mine, client_id="1", text="sorry")

    assert (await clocks(service.services))["first_response"] == (True, True)


def closed_now(services: Services) -> Services:
    """The office opens tomorrow at nine."""
    tomorrow = (utcnow().astimezone(services.settings.timezone) + timedelta(days=1)).date()
    return replace(services, hours=Hours(services.settings.timezone, ((),) * 7, {tomorrow: ((9 * 60, 18 * 60),)}))


async def test_out_of_hours_a_customer_is_told_when_and_leaves_work_for_the_morning(services: Services) -> None:
    closed = ConversationService(closed_now(services))

    message = await say(closed, "转人工")

    said = await transcript(closed, message.conversation_id)
    assert said[-1] == ("system", "out_of_hours")
    async with services.database.read() as connection:
        told = (await store.messages_after(connection, message.conversation_id, 1))[-1]
        escalation = (await connection.execute(sa.select(escalations))).one()
        due = (await connection.execute(sa.select(sa.func.min(sla_clocks.c.due_at)))).scalar_one()
    opens = closed.services.hours.next_opening(utcnow())
    assert opens is not None
    assert f"{opens.astimezone(services.settings.timezone):%Y-%m-%d} 09:00" in told.text
    assert escalation.left_message
    assert due == opens + timedelta(minutes=10)
    lin = await make_agent(services, "lin")
    assert await Assignment(services).claim(lin) == message.conversation_id


async def test_an_agent_who_is_there_out_of_hours_serves_all_the_same(services: Services, agent: store.Row) -> None:
    closed = ConversationService(closed_now(services))

    message = await say(closed, "a person please")

    assert (await transcript(closed, message.conversation_id))[-1] == ("system", "queue_position")


@pytest.mark.slow
async def test_behind_too_many_a_customer_may_leave_it_at_a_message(service: ConversationService, agent: store.Row) -> None:
    first = await say(service, "a person please", visitor="v0")
    async with service.services.database.write() as connection:
        row = (await connection.execute(sa.select(escalations))).one()._asdict()
        for number in range(queue_limit()):
            other = await store.start_conversation(connection, thread_id=first.thread_id, language="en", page="")
            await connection.execute(sa.insert(escalations).values(row | {"id": f"e{number}", "conversation_id": other.id}))

    message = await say(service, "me too", visitor="v1")

    assert (await transcript(service, message.conversation_id))[-1] == ("system", "overflow")


async def test_who_waits_for_too_long_is_told_so_once_and_keeps_the_place(service: ConversationService, agent: store.Row) -> None:
    message = await say(service, "a person please")
    await apologise(service.services)
    async with service.services.database.write() as connection:
        past = utcnow() - longest_wait() - timedelta(seconds=1)
        await connection.execute(sa.update(escalations).values(created_at=past))

    for _ in range(2):
        await apologise(service.services)

    assert [text for sender, text in await transcript(service, message.conversation_id) if sender == "system"] == [
        "queue_position",
        "long_wait",
    ]


async def test_the_estimate_comes_from_the_skills_own_service_times_and_is_kept(
    service: ConversationService, assignment: Assignment, agent: store.Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services_of_a_process, "LATELY_S", 0)
    for number in range(3):
        message = await say(service, "a person please", visitor=f"v{number}")
        await assignment.claim(agent)
        await service.resolve(agent.id, message.conversation_id)
    async with service.services.database.write() as connection:
        await connection.execute(sa.update(escalations).values(claimed_at=utcnow() - timedelta(minutes=4), closed_at=utcnow()))
    for number in range(3, 5):
        message = await say(service, "a person please", visitor=f"v{number}")

    async with service.services.database.read() as connection:
        where = escalations.c.conversation_id == message.conversation_id
        row = (await connection.execute(sa.select(escalations).where(where))).one()
    assert (row.estimated_position, row.estimated_wait_s) == (2, 480)
    assert (await transcript(service, message.conversation_id))[-1] == ("system", "queue_position_and_wait")
