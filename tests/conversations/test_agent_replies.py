"""Replies of many agents are stored together: each once, in its own conversation, nobody paying for a neighbour."""

from __future__ import annotations

import asyncio

import pytest

from bot.conversations.assignment import Assignment
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.errors import ConflictError, NotFoundError
from bot.messages import HandOff, HandoffReason, Message, Turn
from tests.conversations.conftest import make_agent, say, transcript
from tests.fakes import FakeRasa


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa(lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)))


@pytest.mark.slow
async def test_replies_that_come_at_once(service: ConversationService, services: Services, assignment: Assignment) -> None:
    lin, other = await make_agent(services, "lin"), await make_agent(services, "other")
    talks = [(await say(service, "a person please", visitor=f"visitor-{number}")).conversation_id for number in range(4)]
    mine = [await assignment.claim(lin) for _ in talks]
    assert len(mine) == len(talks)

    replies = [
        service.reply_as_agent(lin.id, talk, client_id=f"{talk}-{number}", text=f"{number}") for talk in talks for number in range(3)
    ]
    again = [service.reply_as_agent(lin.id, talk, client_id=f"{talk}-0", text="0") for talk in talks]
    wrong = [
        service.reply_as_agent(other.id, talks[0], client_id="x", text="not mine"),
        service.reply_as_agent(lin.id, "no-such-conversation", client_id="y", text="nowhere"),
    ]
    said = await asyncio.gather(*replies, *wrong, *again, return_exceptions=True)

    stored, refused, repeated = said[:12], said[12:14], said[14:]
    assert [type(error) for error in refused] == [ConflictError, NotFoundError]
    assert [each.id for each in repeated if isinstance(each, Message)] == [each.id for each in stored[::3] if isinstance(each, Message)]
    for talk in talks:
        said_here = await transcript(service, talk)  # also checks that no place is left out
        assert [text for sender, text in said_here if sender == "agent"] == ["0", "1", "2"]
