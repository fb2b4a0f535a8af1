"""The service's own words in a conversation, and the effects that a customer has not been told of."""

from __future__ import annotations

import sqlalchemy as sa

from bot.conversations import store
from bot.database import Database
from bot.database.conversations import conversations, effects
from bot.ids import new_id, utcnow
from bot.languages import notice
from bot.messages import Content, Message, Sender, Status


def system_message(conversation: store.Row, seq: int, key: str, language: str, *, csat: bool = False, **values: object) -> Message:
    """Make a system message of the sentence `key`."""
    return Message(
        id=new_id(),
        thread_id=conversation.thread_id,
        conversation_id=conversation.id,
        seq=seq,
        sender=Sender.SYSTEM,
        text=notice(key, language, **values),
        created_at=utcnow(),
        content=Content(notice=key, csat=csat),
        language=language,
    )


async def untold_effects(database: Database, conversation_id: str) -> int:
    """Say in the conversation what was done while its reply was refused, so that the agent sees it; return how many there were."""
    async with database.write() as connection:
        await connection.execute(sa.select(conversations.c.id).where(conversations.c.id == conversation_id).with_for_update(key_share=True))
        row = await store.conversation(connection, conversation_id)
        untold = (
            sa.select(effects)
            .join(conversations, conversations.c.id == effects.c.conversation_id)
            .where(
                effects.c.conversation_id == conversation_id,
                effects.c.state == "done",
                effects.c.told.is_(False),
                sa.or_(conversations.c.epoch != effects.c.epoch, conversations.c.status != Status.BOT),
            )
            .order_by(effects.c.created_at)
        )
        done = (await connection.execute(untold)).all()
        if not done:
            return 0
        last = await store.advance(connection, conversation_id, len(done))
        assert last is not None
        for offset, effect in enumerate(done):
            seq = last - len(done) + 1 + offset
            values = {name: value for name, value in effect.summary.items() if name != "key"}
            await store.add_message(connection, system_message(row, seq, effect.summary["key"], row.language, **values))
        told = sa.update(effects).where(
            effects.c.conversation_id == conversation_id, effects.c.message_id.in_([effect.message_id for effect in done])
        )
        await connection.execute(told.values(told=True))
    return len(done)
