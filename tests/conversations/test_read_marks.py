"""How far each side has read: only forward, only by whose it is, and never in the way of a message."""

from __future__ import annotations

import pytest

from bot.conversations import read_marks, store
from bot.conversations.assignment import Assignment
from bot.conversations.read_marks import Mark, ReadMarks
from bot.conversations.service import ConversationService
from bot.messages import HandOff, HandoffReason, Message, Reply, Sender, Turn
from tests.conversations.conftest import say
from tests.fakes import FakeRasa


@pytest.fixture
async def served(service: ConversationService, assignment: Assignment, agent: store.Row, rasa: FakeRasa) -> Message:
    """A message of a customer who is with the agent."""
    rasa.answer = lambda request: Turn(
        message_id=request.message_id, replies=[Reply(text="one moment")], hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)
    )
    message = await say(service, "a person please")
    await assignment.claim(agent)
    return message


@pytest.fixture
def marks(service: ConversationService) -> ReadMarks:
    return ReadMarks(service.services.database, service.services.wake)


async def told(marks: ReadMarks, *given: Mark) -> None:
    for mark in given:
        marks.note(mark)
    assert marks._writing is not None
    await marks._writing


async def read_by(service: ConversationService, conversation_id: str) -> tuple[int, int]:
    async with service.services.database.read() as connection:
        row = await store.conversation(connection, conversation_id)
    return row.customer_read_seq, row.agent_read_seq


async def test_marks_go_forward_and_only_by_whose_they_are(
    service: ConversationService, marks: ReadMarks, served: Message, agent: store.Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_marks, "LATER_S", 0)
    here = served.conversation_id

    await told(marks, Mark(Sender.CUSTOMER, here, 2, served.thread_id), Mark(Sender.AGENT, here, 1, agent.id))
    assert await read_by(service, here) == (2, 1)

    await told(marks, Mark(Sender.CUSTOMER, here, 1, served.thread_id), Mark(Sender.AGENT, here, 99, agent.id))
    await told(marks, Mark(Sender.CUSTOMER, here, 3, "another thread"), Mark(Sender.AGENT, here, 3, "another agent"))
    assert await read_by(service, here) == (2, 1)


@pytest.mark.slow
async def test_the_furthest_of_a_reader_is_kept_and_too_many_are_dropped(
    service: ConversationService, marks: ReadMarks, served: Message, agent: store.Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_marks, "LATER_S", 0)
    monkeypatch.setattr(read_marks, "MOST", 1)
    here, customer = served.conversation_id, served.thread_id

    await told(marks, *(Mark(Sender.CUSTOMER, here, seq, customer) for seq in (1, 3, 2)), Mark(Sender.AGENT, here, 2, agent.id))

    assert await read_by(service, here) == (3, 0)


@pytest.mark.slow
@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)
async def test_a_mark_does_not_wait_for_who_writes_a_message(
    service: ConversationService, marks: ReadMarks, served: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_marks, "LATER_S", 0)
    mark = Mark(Sender.CUSTOMER, served.conversation_id, 2, served.thread_id)

    async with service.services.database.write() as writing:
        await store.advance(writing, served.conversation_id, 1)
        await told(marks, mark)
        await writing.rollback()
    assert await read_by(service, served.conversation_id) == (0, 0)

    await told(marks, mark)
    assert await read_by(service, served.conversation_id) == (2, 0)
