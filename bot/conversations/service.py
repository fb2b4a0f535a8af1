"""The story of the product: a customer writes, the bot answers, a human takes over and resolves.

Each method is one step of it: a transaction that begins with the fence, then wake-ups. Every step can be run again without harm.
"""

from __future__ import annotations

import contextlib
import logging

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import buttons, store
from bot.conversations.follow_up import to_the_same_agent
from bot.conversations.notices import system_message
from bot.conversations.services import Services
from bot.conversations.sla import answer_given, owe_an_answer, stop_clocks
from bot.conversations.thanks import is_thanks
from bot.conversations.tracker import end_form
from bot.conversations.turns import TurnRunner
from bot.conversations.wake import News, Wake
from bot.database.conversations import conversations, feedback
from bot.database.escalations import escalations
from bot.errors import ConflictError, InputError, NotFoundError
from bot.ids import new_id, utcnow
from bot.languages import reply_language
from bot.messages import Content, InboundMessage, Message, Sender, Status

NEXT_EPOCH = conversations.c.epoch + 1
STAYS_WAITING = {"", "human", "skip"}  # a text, and the buttons that do not call the bot back
TEXT_LIMIT = 4000  # characters of one message; about two printed pages

log = logging.getLogger(__name__)


class ConversationService:
    def __init__(self, services: Services) -> None:
        self.services = services
        self.turns = TurnRunner(services)
        self._database = services.database

    async def receive(self, inbound: InboundMessage) -> Message:
        """Store a customer's message once, then see that somebody answers it. Returns the stored message.

        Raises InputError for a text that cannot be kept and for a button that was never shown.
        """
        text = clean_text(inbound.text)
        if not text and not inbound.button_id:
            raise InputError("the message is empty; send a text or a button_id")
        message, status, new = await self._store_inbound(inbound, text)
        if not new:
            return message
        await self._wake(message.conversation_id, message.thread_id)
        if status == Status.BOT and message.seq == 1 and await to_the_same_agent(self.services, message):
            return message
        if status == Status.BOT:
            self.turns.start(message.conversation_id)
        elif status == Status.WAITING and inbound.button_id not in STAYS_WAITING:
            await self._prefer_bot(message)
        return message

    async def _prefer_bot(self, message: Message) -> None:
        """Who presses one of the bot's buttons while waiting for a human wants the bot to do it now."""
        pressed = 0 if message.content.button_id == "bot" else message.seq
        with contextlib.suppress(ConflictError):  # an agent took the conversation this moment and sees the press
            await self.return_to_bot(message.conversation_id, actor="customer", expected=Status.WAITING, unanswered=pressed)

    async def _store_inbound(self, inbound: InboundMessage, text: str) -> tuple[Message, str, bool]:
        language = inbound.language_hint or self.services.settings.default_language
        async with self._database.write() as connection:
            thread = await store.lock_thread(connection, inbox_id=inbound.inbox_id, channel_user=inbound.channel_user, language=language)
            seen = await store.message_by_client_id(connection, thread.id, inbound.client_id)
            if seen:
                return seen, "", False
            newest = await store.newest_conversation(connection, thread.id)
            is_open = newest is not None and (newest.status != Status.RESOLVED or (not inbound.button_id and is_thanks(text)))
            previous = newest.language if newest is not None and is_open else language
            if inbound.button_id:
                language, text = previous, await buttons.title(connection, thread.id, inbound.button_id, previous)
            else:
                language = reply_language(text, previous)
            row = newest if is_open else None
            row, seq = await self._take_place(connection, row, thread_id=thread.id, language=language, page=inbound.page)
            message = Message(
                id=new_id(),
                thread_id=thread.id,
                conversation_id=row.id,
                seq=seq,
                sender=Sender.CUSTOMER,
                text=text,
                created_at=utcnow(),
                content=Content(button_id=inbound.button_id),
                client_id=inbound.client_id,
                language=language,
            )
            await store.add_message(connection, message)
        return message, row.status, True

    async def _take_place(
        self, connection: AsyncConnection, row: store.Row | None, *, thread_id: str, language: str, page: str
    ) -> tuple[store.Row, int]:
        """Take the next place in the open conversation, or in a new one when there is none or it was resolved this moment."""
        for _ in range(2):
            row = row or await store.start_conversation(connection, thread_id=thread_id, language=language, page=page[:500])
            place = conversations.c.last_seq + 1
            # Of a resolved conversation only a thank-you gets here, which is nobody's to answer.
            resolved = conversations.c.status == Status.RESOLVED
            as_it_was = resolved if row.status == Status.RESOLVED else ~resolved
            seq = await store.advance(connection, row.id, 1, as_it_was, customer_seq=place, language=language)
            if seq is not None:
                row = await store.conversation(connection, row.id)
                if row.status in (Status.WAITING, Status.AGENT):
                    await owe_an_answer(connection, row.id, at=utcnow(), hours=self.services.hours)
                return row, seq
            row = None
        raise ConflictError(f"thread {thread_id} changes too fast; send the message again")

    async def reply_as_agent(self, agent_id: str, conversation_id: str, *, client_id: str, text: str) -> Message:
        """Store the agent's reply, if the conversation still is theirs; sent again, it is stored once."""
        text = clean_text(text)
        if not text:
            raise InputError("the reply is empty; write a text")
        async with self._database.write() as connection:
            row = await store.conversation(connection, conversation_id)
            own_id = f"agent:{client_id}"
            mine = (conversations.c.status == Status.AGENT, conversations.c.agent_id == agent_id)
            seq = await store.advance(connection, conversation_id, 1, *mine)
            seen = await store.message_by_client_id(connection, row.thread_id, own_id)
            if seen:
                await connection.rollback()
                return seen
            if seq is None:
                raise ConflictError("this conversation is not yours (any more); claim it to reply")
            message = Message(
                id=new_id(),
                thread_id=row.thread_id,
                conversation_id=conversation_id,
                seq=seq,
                sender=Sender.AGENT,
                text=text,
                created_at=utcnow(),
                agent_id=agent_id,
                client_id=own_id,
                language=row.language,
            )
            await store.add_message(connection, message)
            await answer_given(connection, conversation_id, at=message.created_at)
        await self._wake(conversation_id, row.thread_id)
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
        await self._wake(conversation_id, row.thread_id, queue=True)
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
        await self._wake(conversation_id, row.thread_id, queue=True)
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
        if not 1 <= score <= 5:
            raise InputError(f"score is {score}; allowed are 1 to 5")
        async with self._database.write() as connection:
            row = await store.conversation(connection, conversation_id)
            if row.thread_id != thread_id:
                raise NotFoundError(f"there is no conversation {conversation_id!r} of yours")
            seq = await store.advance(connection, conversation_id, 1, conversations.c.csat == "asked", csat="answered")
            if seq is None:
                raise ConflictError("a rating was not asked for here, or was given already")
            try:
                await connection.execute(
                    sa.insert(feedback).values(
                        conversation_id=conversation_id, csat=score, comment=clean_text(comment), created_at=utcnow()
                    )
                )
            except IntegrityError as error:
                raise ConflictError("a rating was given already") from error
            await store.add_message(connection, system_message(row, seq, "csat_thanks", row.language))
        await self._wake(conversation_id, thread_id)

    async def _wake(self, conversation_id: str, thread_id: str, *, queue: bool = False) -> None:
        await self.services.wake.send(Wake(News.MESSAGES, conversation_id, thread_id))
        if queue:
            await self.services.wake.send(Wake(News.QUEUE, conversation_id, thread_id))


def clean_text(text: str) -> str:
    """Return the text without control characters (line breaks stay); InputError when it is too long."""
    cleaned = "".join(
        character for character in text if character in "\n\t" or character.isprintable() or character in "\u200d\ufe0f"
    ).strip()
    if len(cleaned) > TEXT_LIMIT:
        raise InputError(f"the text has {len(cleaned)} characters; allowed are {TEXT_LIMIT}")
    return cleaned
