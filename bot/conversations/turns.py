"""The bot's turn: for each unanswered message ask Rasa, then store the answer behind the fence, once.

Whoever runs a conversation's turns holds a lease on it in SQL. When that process dies the worker takes over, asks Rasa with the same
message id and gets the same answer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.buttons import meaning
from bot.conversations.handoff import what_is_known, write_hand_off
from bot.conversations.notices import system_message, untold_effects
from bot.conversations.objections import is_objection, objection_turn
from bot.conversations.rasa import RasaAway, RasaFailed, RasaLate
from bot.conversations.replies import bot_message, failure_of, request_of, unread
from bot.conversations.services import Services
from bot.conversations.wake import News, Wake
from bot.database.conversations import conversations, effects
from bot.escalations.queue import Entry, QueueLost
from bot.ids import new_id, utcnow
from bot.messages import Button, HandOff, HandoffReason, Kind, Message, Reply, Status, Turn
from bot.redis import REDIS_DOWN

# Longer than one attempt at Rasa, so that a living owner always renews in time.
LEASE_S = 15
RETRY_S = 0.4

log = logging.getLogger(__name__)


class TurnRunner:
    """Runs the turns of conversations for one process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._database = services.database
        self._settings = services.settings
        self._owner = new_id()
        self.running: set[asyncio.Task[None]] = set()
        self._at_work: set[str] = set()
        self._once_more: set[str] = set()  # something came in while they were at work

    def start(self, conversation_id: str) -> None:
        """Answer what is unanswered, in the background. Who writes on while the bot thinks is answered after that, not beside it."""
        if conversation_id in self._at_work:
            self._once_more.add(conversation_id)
            return
        self._at_work.add(conversation_id)
        task = asyncio.create_task(self.run(conversation_id))
        self.running.add(task)
        task.add_done_callback(lambda done: self._finished(done, conversation_id))

    def beside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do what leads to turns in the background; whoever waits for the turns waits for it too."""
        task = asyncio.create_task(work)
        self.running.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a turn failed and is left to the worker: %s: %s", type(error).__name__, error)

    def _finished(self, task: asyncio.Task[None], conversation_id: str) -> None:
        self._at_work.discard(conversation_id)
        if conversation_id in self._once_more and not task.cancelled():
            self._once_more.discard(conversation_id)
            self.start(conversation_id)
        self._done(task)

    async def stop(self) -> None:
        """Let the turns in flight finish for a moment; those that do not are picked up under their lease."""
        if self.running:
            await asyncio.wait(self.running, timeout=3)
        for task in list(self.running):
            task.cancel()

    async def run(self, conversation_id: str) -> None:
        """Answer message after message until none is left, unless another process is at it."""
        while pending := await self._take(conversation_id):
            if await self._answer(*pending):
                return

    async def _take(self, conversation_id: str) -> tuple[store.Row, Message] | None:
        """Hold the conversation and return it with what is to be answered next; None when nothing is, or another process is at it."""
        async with self._database.write(last=True) as connection:
            row = await self._hold(connection, conversation_id)
            if row is None:
                mine = sa.update(conversations).where(conversations.c.id == conversation_id, conversations.c.turn_owner == self._owner)
                await connection.execute(mine.values(turn_owner=None, turn_until=None))
                return None
            message = await store.next_unanswered(connection, conversation_id, row.answered_seq)
        return (row, message) if message else None

    async def _hold(self, connection: AsyncConnection, conversation_id: str) -> store.Row | None:
        """Take or renew the lease of a conversation that the bot has to answer, unless another process has it."""
        now = utcnow()
        free = sa.or_(conversations.c.turn_owner == self._owner, conversations.c.turn_until.is_(None), conversations.c.turn_until < now)
        unanswered = (conversations.c.status == Status.BOT, conversations.c.customer_seq > conversations.c.answered_seq)
        update = sa.update(conversations).where(conversations.c.id == conversation_id, free, *unanswered)
        values = {"turn_owner": self._owner, "turn_until": now + timedelta(seconds=LEASE_S)}
        return (await connection.execute(update.values(**values).returning(conversations))).first()

    async def _answer(self, conversation: store.Row, message: Message) -> bool:
        """Return whether that was all: the lease is then given back."""
        attempt = asyncio.create_task(self._ask(conversation, message))
        done, _ = await asyncio.wait({attempt}, timeout=self._settings.rasa_notice_s)
        if not done:
            await self._say_one_moment(conversation, message)
        try:
            turn = await attempt
        except (RasaAway, RasaLate, RasaFailed) as error:
            log.warning("conversation %s goes to a human: %s", conversation.id, error)
            return await self._give_up(conversation, message, error)
        return await self._store(conversation, message, turn)

    async def _ask(self, conversation: store.Row, message: Message) -> Turn:
        """Ask Rasa, again and again while it is away, within the limits that a customer is made to wait."""
        if message.content.kind is not Kind.TEXT:
            return unread(message)
        if not message.content.button_id and is_objection(message.text):
            return objection_turn(message)
        request = request_of(conversation, message, await self._pressed(message))
        caller = conversation.caller or conversation.thread_id
        give_up_at = time.monotonic() + self._settings.rasa_down_limit_s
        while True:
            try:
                return await self._services.rasa.respond(request, caller=caller, timeout_s=self._settings.rasa_timeout_s)
            except RasaAway:
                if time.monotonic() > give_up_at or message.content.button_id == "human":
                    raise
                await asyncio.sleep(RETRY_S)
                async with self._database.write(last=True) as connection:
                    held = await self._hold(connection, conversation.id)
                if not held:
                    raise

    async def _pressed(self, message: Message) -> Button | None:
        if not message.content.button_id:
            return None
        async with self._database.read() as connection:
            return await meaning(connection, message.thread_id, message.content.button_id)

    async def _say_one_moment(self, conversation: store.Row, message: Message) -> None:
        async with self._database.write() as connection:
            unsaid = (
                conversations.c.noticed_seq < message.seq,
                conversations.c.status == Status.BOT,
                conversations.c.epoch == conversation.epoch,
            )
            seq = await store.advance(connection, conversation.id, 1, *unsaid, noticed_seq=message.seq)
            if seq is not None:
                await store.add_message(connection, system_message(conversation, seq, "one_moment", conversation.language))
        await self._wake(conversation)

    async def _give_up(self, conversation: store.Row, message: Message, error: Exception) -> bool:
        asked_for_human = message.content.button_id == "human"
        reason = HandoffReason.ACTION_FAILED if isinstance(error, RasaFailed) else HandoffReason.BOT_DOWN
        hand_off = HandOff(reason=HandoffReason.CUSTOMER_REQUEST if asked_for_human else reason)
        return await self._store(conversation, message, Turn(message_id=message.id, hand_off=hand_off), answered=asked_for_human)

    async def _store(self, conversation: store.Row, message: Message, turn: Turn, *, answered: bool = True) -> bool:
        """One transaction: fence, replies, answered_seq, the lease if that was all, and with a hand-off escalation, status and epoch."""
        if turn.stale:
            await untold_effects(self._database, conversation.id)
            return False
        hand_off = turn.hand_off or failure_of(turn)
        known = await what_is_known(self._services, conversation.thread_id) if hand_off else None
        entry = None
        async with self._database.write(last=True) as connection:
            fence = (
                conversations.c.epoch == conversation.epoch,
                conversations.c.status == Status.BOT,
                conversations.c.answered_seq < message.seq,
            )
            extra = 1 + bool(hand_off.question) if hand_off else 0
            changes: dict[str, Any] = {"answered_seq": message.seq} if answered else {}
            if hand_off:
                changes |= {"status": Status.WAITING, "epoch": conversation.epoch + 1}
            more = sa.and_(sa.literal(not hand_off), conversations.c.customer_seq > message.seq)  # what came in meanwhile is ours to answer
            changes |= {lease.name: sa.case((more, lease)) for lease in (conversations.c.turn_owner, conversations.c.turn_until)}
            changed = await store.advance_row(connection, conversation.id, len(turn.replies) + extra, *fence, **changes)
            if changed:
                first = changed.last_seq - len(turn.replies) - extra + 1
                await self._write_replies(connection, conversation, message, turn, first)
                if hand_off and known:
                    told_at = first + len(turn.replies)
                    entry = await write_hand_off(
                        connection, conversation, hand_off=hand_off, turn=turn, text=message.text, known=known, seq=told_at
                    )
                    if hand_off.question:
                        question = Reply(text=hand_off.question, skippable=True)
                        await store.add_message(connection, bot_message(conversation, told_at + 1, question))
        if not changed:
            log.info("the bot's answer in conversation %s came after a change of owner and was refused", conversation.id)
            await untold_effects(self._database, conversation.id)
        if entry:
            await self._enqueue(entry)
        await self._wake(conversation, escalation=entry)
        return changed is not None and changed.turn_owner is None

    async def _write_replies(self, connection: AsyncConnection, conversation: store.Row, message: Message, turn: Turn, first: int) -> None:
        for offset, reply in enumerate(turn.replies):
            await store.add_message(connection, bot_message(conversation, first + offset, reply))
        if turn.intent:
            await store.note_intent(connection, message, turn=turn)
        told = sa.update(effects).where(effects.c.conversation_id == conversation.id, effects.c.message_id == message.id)
        await connection.execute(told.values(told=True))

    async def _enqueue(self, entry: Entry) -> None:
        try:
            await self._services.queue.enqueue(entry)
        except (QueueLost, *REDIS_DOWN) as error:
            log.warning("escalation %s waits in SQL until the queue is rebuilt: %s", entry.escalation_id, type(error).__name__)

    async def _wake(self, conversation: store.Row, *, escalation: Entry | None = None) -> None:
        news = [Wake(News.MESSAGES, conversation.id, conversation.thread_id)]
        if escalation:
            news.append(Wake(News.ALERT, conversation.id, conversation.thread_id, escalation_id=escalation.escalation_id))
            log.info("handed off conversation %s to %s as escalation %s", conversation.id, escalation.skill, escalation.escalation_id)
        await self._services.wake.send(*news)
