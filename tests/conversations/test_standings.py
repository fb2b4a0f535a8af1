"""What many lines read together is what each would have read alone."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from bot.conversations import store
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.conversations.standings import TAIL
from bot.database.conversations import messages
from bot.messages import Attachment, Content, Kind
from tests.conversations.conftest import say


async def three_threads(service: ConversationService) -> list[str]:
    """Return threads with one to three exchanges; each conversation has more than TAIL messages in the last."""
    said = [await say(service, f"hello {number}", visitor=f"visitor-{thread}") for thread in range(3) for number in range(thread + 1)]
    return list(dict.fromkeys(message.thread_id for message in said))


@pytest.mark.slow
async def test_each_line_gets_what_it_would_have_read_alone(service: ConversationService, services: Services) -> None:
    threads = await three_threads(service)
    async with services.database.read() as connection:
        newest = {thread: await store.newest_conversation(connection, thread) for thread in threads}
        places = [(thread, row.id, seq) for thread, row in newest.items() if row for seq in range(row.last_seq + 2)]
        alone = [await store.thread_after(connection, *place, limit=100) for place in places]

    together = await asyncio.gather(*(services.standings.newest(*place) for place in places))
    by_id = await asyncio.gather(*(services.standings.of(conversation, seq) for _, conversation, seq in places))

    near = 0
    for (thread, conversation, seq), expected, found, same in zip(places, alone, together, by_id, strict=True):
        row = newest[thread]
        assert row
        assert found
        assert same
        assert found.row.id == conversation == same.row.id
        is_near = seq >= row.last_seq - TAIL
        near += is_near
        assert found.said == same.said == (expected if is_near else None)
    assert 0 < near < len(places)


@pytest.mark.slow
async def test_lines_that_look_at_the_same_time_share_the_statements(service: ConversationService, services: Services) -> None:
    threads = await three_threads(service)
    ran: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        ran.append(statement)

    event.listen(services.database.engine.sync_engine, "before_cursor_execute", count)
    found = await asyncio.gather(*(services.standings.newest(threads[number % 3], "", 0) for number in range(60)))
    event.remove(services.database.engine.sync_engine, "before_cursor_execute", count)

    assert all(standing is not None and standing.said is None for standing in found)  # no place, so everything: more than is read here
    assert len([statement for statement in ran if statement.startswith("SELECT")]) < 10


@pytest.mark.slow
async def test_what_is_not_read_for_everybody(service: ConversationService, services: Services) -> None:
    message = await say(service, "hello")
    other = await say(service, "hello", visitor="visitor-2")

    assert await services.standings.newest("no-such-thread", "", 0) is None
    assert await services.standings.of("no-such-conversation", 0) is None
    elsewhere = await services.standings.newest(message.thread_id, other.conversation_id, 1)
    assert elsewhere is not None
    assert elsewhere.said is None
    last = await services.standings.of(message.conversation_id, None)
    assert last is not None
    assert last.said is not None
    assert [one.seq for one in last.said] == [last.row.last_seq]

    files = store.payload(Content(kind=Kind.IMAGE, attachments=[Attachment(Kind.IMAGE, name="a.png")]))
    async with services.database.write() as connection:
        await connection.execute(sa.update(messages).where(messages.c.id == message.id).values(payload=files))
    pictures = await services.standings.of(message.conversation_id, 0)
    assert pictures is not None
    assert pictures.said is None
