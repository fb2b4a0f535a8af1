"""Who has waited for too long is told so, once, and may leave it at a message."""

from __future__ import annotations

import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.notices import system_message
from bot.conversations.services import Services
from bot.conversations.wake import News, Wake
from bot.database.conversations import conversations
from bot.database.escalations import escalations
from bot.escalations.times import longest_wait
from bot.ids import utcnow
from bot.messages import Status


async def apologise(services: Services) -> None:
    """Tell everybody who waits for longer than `times.yml` allows and has not been told; their place stays."""
    since = utcnow() - longest_wait()
    waits = (escalations.c.status == "waiting", ~escalations.c.long_wait_told, ~escalations.c.left_message)
    query = sa.select(escalations.c.id, escalations.c.conversation_id).where(*waits, escalations.c.created_at < since).limit(200)
    async with services.database.read() as connection:
        found = (await connection.execute(query)).all()
    for escalation_id, conversation_id in found:
        async with services.database.write() as connection:
            seq = await store.advance(connection, conversation_id, 1, conversations.c.status == Status.WAITING)
            told = sa.update(escalations).where(escalations.c.id == escalation_id, *waits).values(long_wait_told=True, left_message=True)
            if seq is None or (await connection.execute(told)).rowcount != 1:
                await connection.rollback()
                continue
            row = await store.conversation(connection, conversation_id)
            await store.add_message(connection, system_message(row, seq, "long_wait", row.language))
        await services.wake.send(Wake(News.MESSAGES, row.id, row.thread_id))
