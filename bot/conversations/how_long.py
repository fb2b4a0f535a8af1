"""Who waits for a person and asks how long it takes is told place and estimate: where sends are few, nobody is told unasked."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path

import msgspec
import sqlalchemy as sa

from bot.conversations import store
from bot.conversations.bare_words import BareWords
from bot.conversations.handoff import Known, waiting_notice
from bot.conversations.notices import system_message
from bot.conversations.place import place_of
from bot.conversations.services import Services
from bot.conversations.wake import News, Wake
from bot.database.conversations import conversations, messages
from bot.database.escalations import escalations
from bot.escalations.queue import Entry
from bot.ids import utcnow
from bot.messages import HandoffReason, Message, Sender, Status
from bot.tables import read_table

TABLE = Path(__file__).parent / "how_long.yml"

LONGEST = 60  # characters; whoever writes more says more
AGAIN_AFTER = timedelta(seconds=30)  # who asks sooner has the answer before their eyes, and each answer is one of few sends

# On entering the queue it is the first thing that one hears; to who asks later it is said shorter.
_SHORTER = {"queue_position": "place_now", "queue_position_and_wait": "place_and_wait_now"}


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    asks: list[str]
    beside: list[str]


def asks_how_long(text: str) -> bool:
    return _words().match(text)


@cache
def _words() -> BareWords:
    words = read_table(TABLE, Words)
    return BareWords(words.asks, words.beside, longest=LONGEST)


async def tell_place(services: Services, message: Message) -> None:
    """Answer `message` of a customer who waits; nobody is answered who waits no longer or has just been told."""
    known = Known(None, await services.lately(), services.automatic, services.hours)
    async with services.database.write() as connection:
        seq = await store.advance(connection, message.conversation_id, 1, conversations.c.status == Status.WAITING)
        waiting = (escalations.c.conversation_id == message.conversation_id, escalations.c.status == "waiting")
        found = (await connection.execute(sa.select(escalations.c.id, escalations.c.skill, escalations.c.place_at).where(*waiting))).first()
        told = (messages.c.conversation_id == message.conversation_id, messages.c.sender == Sender.SYSTEM)
        lately = sa.select(messages.c.id).where(*told, messages.c.created_at > utcnow() - AGAIN_AFTER).limit(1)
        if seq is None or found is None or (await connection.execute(lately)).first():
            await connection.rollback()
            return
        row = await store.conversation(connection, message.conversation_id)
        place = await place_of(connection, Entry(*found), known.lately, automatic=known.automatic)
        key, values = waiting_notice(place, known, skill=found.skill, reason=HandoffReason.CUSTOMER_REQUEST)
        await store.add_message(connection, system_message(row, seq, _SHORTER.get(key, key), row.language, **values))
    await services.wake.send(Wake(News.MESSAGES, message.conversation_id, message.thread_id))
