"""The story of the product: a customer writes, the bot answers, a human takes over and resolves.

Each method is one step of it: a transaction that begins with the fence, then wake-ups. Every step can be run again without harm.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import outbox
from bot.channels.base import Batch
from bot.channels.files import SentFile
from bot.conversations import store
from bot.conversations.agent_replies import AgentReplies, Reply
from bot.conversations.follow_up import to_the_same_agent
from bot.conversations.how_long import asks_how_long, tell_place
from bot.conversations.inbound import Stored, clean_text, withdraw
from bot.conversations.intake import Intake
from bot.conversations.notices import system_message
from bot.conversations.ratings import rate
from bot.conversations.read_marks import take_receipts
from bot.conversations.services import Services
from bot.conversations.sla import stop_clocks
from bot.conversations.tracker import end_form
from bot.conversations.turns import TurnRunner
from bot.conversations.wake import News, Wake
from bot.conversations.window import Window
from bot.database.conversations import conversations
from bot.database.escalations import escalations
from bot.errors import ConflictError, InputError, NotFoundError
from bot.ids import utcnow
from bot.messages import InboundMessage, Message, Status

NEXT_EPOCH = conversations.c.epoch + 1
MOST_A_MINUTE = 120  # messages of one customer on a channel, at one process
STAYS_WAITING = {"", "human", "skip"}  # a text, and the buttons that do not call the bot back

log = logging.getLogger(__name__)


class ConversationService:
    def __init__(self, services: Services) -> None:
        self.services = services
        self.turns = TurnRunner(services)
        self._intake = Intake(services)
        self._replies = AgentReplies(services)
        self._database = services.database
        self._written = Window(60)

    async def receive(self, inbound: InboundMessage) -> Message:
        """Store a customer's message once, then see that somebody answers it. Returns the stored message.

        Raises InputError for a text that cannot be kept and for a button that was never shown, AuthError for a token of another time.
        """
        [stored] = await self._intake.store([inbound])
        if not isinstance(stored, Stored):
            raise stored
        await self._follow_up(stored)
        return stored.message

    async def receive_all(self, batch: Sequence[InboundMessage]) -> int:
        """Store everything that one request of a channel brought, in one transaction; return how many messages were new.

        Nothing of it is refused for what one message holds, since the vendor would send the whole request again and again. What the
        messages cause goes on in the background: the vendor waits for the commit only.
        """
        fresh: list[Stored] = []
        for inbound, kept in zip(batch, await self._intake.store(batch), strict=True):
            if not isinstance(kept, Stored):
                log.info("a message on %s is left out: %s", inbound.inbox_id, kept)
            elif kept.new:
                fresh.append(kept)
        for each in fresh:
            self.turns.beside(self._follow_up(each))
        return len(fresh)

    async def take(self, inbox_id: str, batch: Batch) -> None:
        """Keep all that a channel brought: consents, which decide what may be answered, messages, withdrawals, receipts."""
        if batch.consents:
            async with self._database.write() as connection:
                for consent in batch.consents:
                    await outbox.note_consent(connection, inbox_id, consent)
        if batch.messages:
            await self.receive_all([message for message in batch.messages if self._in_measure(message)])
        for gone in batch.withdrawals:
            await self.withdraw(inbox_id, gone.channel_user, gone.client_id)
        for conversation_id in await take_receipts(self._database, inbox_id, batch.receipts) if batch.receipts else ():
            await self.services.wake.send(Wake(News.MESSAGES, conversation_id))

    def _in_measure(self, message: InboundMessage) -> bool:
        """Say whether a channel's customer has not written more within this minute than a person can."""
        count = self._written.add(f"{message.inbox_id}/{message.channel_user}")
        if count == MOST_A_MINUTE + 1:
            log.warning("one customer on %s writes more than %d messages a minute; more are left out", message.inbox_id, MOST_A_MINUTE)
        return count <= MOST_A_MINUTE

    async def _follow_up(self, stored: Stored) -> None:
        """What a new message causes: news for who looks on, the bot's turn, the way back from the queue or the place in it."""
        if not stored.new:
            return
        message = stored.message
        await self._wake(message.conversation_id, message.thread_id, channel_user=stored.channel_user)
        if stored.status == Status.BOT and message.seq == 1 and await to_the_same_agent(self.services, message):
            return
        if stored.status == Status.BOT:
            self.turns.start(message.conversation_id)
        elif stored.status == Status.WAITING and message.content.button_id not in STAYS_WAITING:
            await self._prefer_bot(message)
        elif stored.status == Status.WAITING and asks_how_long(message.text):
            await tell_place(self.services, message)

    async def withdraw(self, inbox_id: str, channel_user: str, client_id: str) -> None:
        """A customer took a message back on their channel: its words go, at the desk too."""
        async with self._database.write() as connection:
            message = await withdraw(connection, inbox_id=inbox_id, channel_user=channel_user, client_id=client_id)
        if message is not None:
            await self._wake(message.conversation_id, message.thread_id)

    async def _prefer_bot(self, message: Message) -> None:
        """Who presses one of the bot's buttons while waiting for a human wants the bot to do it now."""
        pressed = 0 if message.content.button_id == "bot" else message.seq
        with contextlib.suppress(ConflictError):  # an agent took the conversation this moment and sees the press
            await self.return_to_bot(message.conversation_id, actor="customer", expected=Status.WAITING, unanswered=pressed)

    async def reply_as_agent(
        self, agent_id: str, conversation_id: str, *, client_id: str, text: str = "", file: SentFile | None = None
    ) -> Message:
        """Store the agent's reply, a text or a file, if the conversation still is theirs; sent again, it is stored once."""
        text = clean_text(text)
        if not text and file is None:
            raise InputError("the reply is empty; write a text")
        message = await self._replies.store(Reply(agent_id, conversation_id, client_id, text, file))
        await self._wake(conversation_id, message.thread_id)
        return message

    async def resolve(self, agent_id: str, conversation_id: str) -> None:
        """End the enquiry and ask the customer for a rating, once."""
        async with self._database.write() as connection:
            row = await store.conversation(connection, conversation_id)
            mine = (conversations.c.status == Status.AGENT, conversations.c.agent_id == agent_id)
            seq = await store.advance(
                connection, conversation_id, 1, *mine, status=Status.RESOLVED, epoch=NEXT_EPOCH, csat="asked", resolved_at=utcnow()
            )
            if seq is None:
                raise ConflictError("this conversation is not yours (any more); only its agent resolves it")
            await store.add_message(connection, system_message(row, seq, "resolved", row.language, csat=True))
            await self.leave(connection, row, to=Status.RESOLVED, actor=f"agent:{agent_id}", reason="resolved", escalation="resolved")
        await self._wake_queue(row)
        log.info("agent %s resolved conversation %s", agent_id, conversation_id)

    async def return_to_bot(
        self, conversation_id: str, *, actor: str, expected: Status, agent_id: str | None = None, unanswered: int = 0
    ) -> None:
        """Back to the bot: by the agent, by a customer who would rather not wait, or by the worker when the bot is well again.

        What was written to a human is not the bot's to answer, from the message at place `unanswered` on it is; the worker
        gives back what the bot never answered.
        """
        async with self._database.write() as connection:
            row = await store.conversation(connection, conversation_id)
            fence = [conversations.c.status == expected, conversations.c.epoch == row.epoch]
            if agent_id is not None:
                fence.append(conversations.c.agent_id == agent_id)
            upto = unanswered - 1 if unanswered else conversations.c.customer_seq
            answered = {} if actor == "worker" else {"answered_seq": upto}
            seq = await store.advance(
                connection, conversation_id, 1, *fence, status=Status.BOT, epoch=NEXT_EPOCH, agent_id=None, **answered
            )
            if seq is None:
                raise ConflictError(f"conversation {conversation_id} is {row.status}, not {expected}; it cannot go back to the bot")
            key = "bot_is_well" if actor == "worker" else "bot_goes_on" if unanswered else "back_to_bot"
            await store.add_message(connection, system_message(row, seq, key, row.language))
            await self.leave(connection, row, to=Status.BOT, actor=actor, reason="returned", escalation="returned")
        await self._wake_queue(row)
        if actor == "worker" or unanswered:
            self.turns.start(conversation_id)

    async def leave(self, connection: AsyncConnection, row: store.Row, *, to: Status, actor: str, reason: str, escalation: str) -> None:
        """Record the change of owner, end the bot's open form and close the escalation."""
        epoch = (await store.conversation(connection, row.id)).epoch
        await store.record_transition(connection, row.id, epoch=epoch, before=row.status, after=to, actor=actor, reason=reason)
        await end_form(connection, row.id)
        still_open = sa.update(escalations).where(escalations.c.conversation_id == row.id, escalations.c.status.in_(["waiting", "claimed"]))
        now = utcnow()
        await stop_clocks(connection, sa.select(escalations.c.id).where(escalations.c.conversation_id == row.id), at=now)
        await connection.execute(still_open.values(status=escalation, closed_at=now))

    async def rate(self, thread_id: str, conversation_id: str, *, score: int, comment: str) -> None:
        """Keep the customer's rating, once, when it was asked for."""
        async with self._database.write() as connection:
            row = await store.conversation(connection, conversation_id)
            if row.thread_id != thread_id:
                raise NotFoundError(f"there is no conversation {conversation_id!r} of yours")
            await rate(connection, row, score=score, comment=clean_text(comment))
        await self._wake(conversation_id, thread_id)

    async def _wake(self, conversation_id: str, thread_id: str, *, channel_user: str = "") -> None:
        await self.services.wake.send(Wake(News.MESSAGES, conversation_id, thread_id, channel_user=channel_user))

    async def _wake_queue(self, row: store.Row) -> None:
        """An agent has room again, or somebody waits no more."""
        news = Wake(News.MESSAGES, row.id, row.thread_id)
        await self.services.wake.send(news, Wake(News.QUEUE, agent_id=row.agent_id or ""))
