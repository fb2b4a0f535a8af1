"""What the service writes into Rasa's tracker, in its own transactions: a change of owner ends whatever form was open."""

from __future__ import annotations

import time

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.database.conversations import conversations, tracker_events


async def end_form(connection: AsyncConnection, conversation_id: str) -> None:
    """Append the end of an active form, where there is a tracker; Rasa's store sees it by the moved `tracker_seq`."""
    now = time.time()
    ends = [
        {"event": "active_loop", "name": None, "timestamp": now},
        {"event": "slot", "name": "requested_slot", "value": None, "timestamp": now},
    ]
    update = (
        sa.update(conversations)
        .where(conversations.c.id == conversation_id, conversations.c.tracker_seq > 0)
        .values(tracker_seq=conversations.c.tracker_seq + len(ends))
        .returning(conversations.c.tracker_seq)
    )
    last = (await connection.execute(update)).scalar_one_or_none()
    if last is not None:
        rows = [
            {"conversation_id": conversation_id, "seq": last - len(ends) + 1 + index, "event": event} for index, event in enumerate(ends)
        ]
        await connection.execute(sa.insert(tracker_events), rows)
