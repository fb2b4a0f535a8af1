"""Rasa's tracker store in our SQL: new events and the turn itself, in one transaction behind the conversation's fence."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker

from bot.database import sync_engine
from bot.database.conversations import conversations, tracker_events, turns
from bot.dialogue.context import TurnContext, current_turn
from bot.dialogue.events import decode, encode
from bot.dialogue.plain import plain
from bot.dialogue.result import build_turn
from bot.ids import utcnow
from bot.messages import Status, Turn, TurnRequest

T = TypeVar("T")

# A conversation is one enquiry; a tracker of it takes about 60 KB.
CACHE_SIZE = 500
THREADS = 4

_LOOK_UP = (
    sa.select(conversations.c.status, conversations.c.epoch, conversations.c.tracker_seq, turns.c.result)
    .outerjoin(turns, sa.and_(turns.c.conversation_id == conversations.c.id, turns.c.message_id == sa.bindparam("message")))
    .where(conversations.c.id == sa.bindparam("conversation"))
)
_READ = (
    sa.select(tracker_events.c.event)
    .where(tracker_events.c.conversation_id == sa.bindparam("conversation"), tracker_events.c.seq <= sa.bindparam("last"))
    .order_by(tracker_events.c.seq)
)
_FENCE = (
    sa.update(conversations)
    .where(
        conversations.c.id == sa.bindparam("conversation"),
        conversations.c.epoch == sa.bindparam("at_epoch"),
        conversations.c.status == Status.BOT.value,
    )
    .values(tracker_seq=conversations.c.tracker_seq + sa.bindparam("count"))
    .returning(conversations.c.tracker_seq)
)


@dataclass(frozen=True)
class Recorded:
    """What SQL says of a conversation and one of its messages."""

    status: Status
    epoch: int
    tracker_seq: int
    turn: Turn | None

    def admits(self, request: TurnRequest) -> bool:
        return self.status == Status.BOT and self.epoch == request.epoch


class SqlTrackerStore:
    """A tracker store by shape: Rasa's processor calls `get_or_create_tracker` and `save` only.

    It works for the turn in `current_turn`. What it has just built it keeps, until SQL holds other events than these: so what the
    service or another process appends is seen. A tracker is in the cache or in use, never both: one that was changed by a turn which then
    failed is forgotten.
    """

    def __init__(self, url: str, *, cache_size: int = CACHE_SIZE) -> None:
        self.domain: Domain = Domain.empty()
        self._writer = sync_engine(url)
        # On SQLite every transaction of `sync_engine` takes the write lock; a reader need not.
        self._reader = sa.create_engine(url) if self._writer.dialect.name == "sqlite" else self._writer
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tracker")
        self._cache: OrderedDict[str, tuple[int, DialogueStateTracker]] = OrderedDict()
        self._cache_size = cache_size

    async def look_up(self, request: TurnRequest) -> Recorded | None:
        """Return what is recorded of the conversation and of this message; None if there is no such conversation."""
        row = await self._in_thread(self._look_up, request.conversation_id, request.message_id)
        if row is None:
            return None
        turn = msgspec.convert(row.result, Turn) if row.result else None
        return Recorded(Status(row.status), row.epoch, row.tracker_seq, turn)

    async def get_or_create_tracker(
        self,
        sender_id: str,
        max_event_history: int | None = None,
        append_action_listen: bool = True,
    ) -> DialogueStateTracker:
        context = current_turn.get()
        seq, tracker = self._cache.pop(sender_id, (-1, None))
        if tracker is None or seq != context.tracker_seq:
            rows = await self._in_thread(self._read, sender_id, context.tracker_seq) if context.tracker_seq else []
            tracker = DialogueStateTracker.from_events(sender_id, decode(rows, self.domain), self.domain.slots)
        context.stored_events = len(tracker.events)
        return tracker

    async def save(self, tracker: DialogueStateTracker) -> None:
        """Store the new events and the turn, or, when the bot no longer owns the conversation, nothing: the turn is then stale."""
        context = current_turn.get()
        events = [encode(event) for event in islice(tracker.events, context.stored_events, None)]
        turn = build_turn(context, tracker)
        seq = await self._in_thread(self._write, context.request, events, plain(turn))
        context.stale = seq is None
        if seq is not None:
            context.turn = turn
            self._keep(tracker, seq, context)

    def _keep(self, tracker: DialogueStateTracker, seq: int, context: TurnContext) -> None:
        if seq != context.tracker_seq + len(tracker.events) - context.stored_events:
            return  # someone appended events in the meantime
        self._cache[tracker.sender_id] = (seq, tracker)
        if len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)

    def close(self) -> None:
        self._threads.shutdown()
        self._writer.dispose()
        self._reader.dispose()

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run one whole transaction in a thread: one hop, where an async driver would take one for each statement."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _look_up(self, conversation: str, message: str) -> sa.Row[Any] | None:
        with self._reader.connect() as connection:
            return connection.execute(_LOOK_UP, {"conversation": conversation, "message": message}).first()

    def _read(self, conversation: str, last: int) -> list[dict[str, Any]]:
        with self._reader.connect() as connection:
            return list(connection.execute(_READ, {"conversation": conversation, "last": last}).scalars())

    def _write(self, request: TurnRequest, events: list[dict[str, Any]], turn: dict[str, Any]) -> int | None:
        conversation = request.conversation_id
        with self._writer.begin() as connection:
            fence = {"conversation": conversation, "at_epoch": request.epoch, "count": len(events)}
            last: int | None = connection.execute(_FENCE, fence).scalar()
            if last is None:
                return None
            first = last - len(events) + 1
            rows = [{"conversation_id": conversation, "seq": first + index, "event": event} for index, event in enumerate(events)]
            if rows:
                connection.execute(sa.insert(tracker_events), rows)
            recorded = {"conversation_id": conversation, "message_id": request.message_id, "epoch": request.epoch, "result": turn}
            connection.execute(sa.insert(turns), {**recorded, "created_at": utcnow()})
        return last
