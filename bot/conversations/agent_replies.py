"""How agents' replies get into SQL: those that arrive within the same few milliseconds go in one transaction, as customers' messages do.

Otherwise a hundred agents would be a hundred in the line of writers, and each customer who waits for an acknowledgement behind them all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.channels import media
from bot.channels.files import SentFile
from bot.conversations import store
from bot.conversations.services import Services
from bot.conversations.sla import answer_given
from bot.conversations.together import Together
from bot.errors import BotError, ConflictError, NotFoundError
from bot.ids import new_id, utcnow
from bot.messages import Content, Message, Sender

AT_ONCE = 32  # replies of one transaction: some 50 ms, in which nobody else writes to SQLite


@dataclass(frozen=True)
class Reply:
    agent_id: str
    conversation_id: str
    client_id: str
    text: str
    file: SentFile | None = None

    @property
    def own_id(self) -> str:
        """Return the message's id of the agent's making, as it stands in SQL."""
        return f"agent:{self.client_id}"


class _SaidBefore(Exception):
    def __init__(self, message: Message) -> None:
        super().__init__()
        self.message = message


class AgentReplies:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._together: Together[Reply, Message | BotError] = Together(self._store, most=AT_ONCE)

    async def store(self, reply: Reply) -> Message:
        """Store the reply once and return it. Raises ConflictError when the conversation is not this agent's (any more)."""
        try:
            # A file goes alone: its bytes would hold up the replies beside it, and all who wait for the writer.
            stored = await self._together.do(reply) if reply.file is None else (await self._store([reply]))[0]
        except _SaidBefore as before:
            return before.message
        if isinstance(stored, BotError):
            raise stored
        return stored

    async def _store(self, replies: Sequence[Reply]) -> list[Message | BotError]:
        """Store several; conversations are locked in the order of their ids, as everybody does who locks more than one."""
        stored: dict[int, Message | BotError] = {}
        async with self._services.database.write() as connection:
            for place in sorted(range(len(replies)), key=lambda place: replies[place].conversation_id):
                stored[place] = await self._store_one(connection, replies[place])
        return [stored[place] for place in range(len(replies))]

    async def _store_one(self, connection: AsyncConnection, reply: Reply) -> Message | BotError:
        row = await store.advance_as_agent(connection, reply.conversation_id, reply.agent_id)
        if row is None:
            try:
                return await _said_before(connection, reply)
            except (ConflictError, NotFoundError) as error:  # nothing was written for it; the others go on
                return error
        message = _message(row, reply)
        if not await store.add_new(connection, [message]):
            # Its place must not stay taken: the transaction is undone, and the others in it are tried again.
            raise _SaidBefore(await _said_before(connection, reply))
        if reply.file:
            await media.put_own(connection, self._services.cipher, message, reply.file.data)
        await answer_given(connection, reply.conversation_id, at=message.created_at)
        return message


async def _said_before(connection: AsyncConnection, reply: Reply) -> Message:
    """Return a reply that is here already; ConflictError when it is not, and cannot be stored either."""
    row = await store.conversation(connection, reply.conversation_id)
    seen = await store.message_by_client_id(connection, row.thread_id, reply.own_id)
    if seen is None:
        raise ConflictError("this conversation is not yours (any more); claim it to reply")
    return seen


def _message(row: store.Row, reply: Reply) -> Message:
    """Return the reply at the conversation's newest place."""
    return Message(
        id=new_id(),
        thread_id=row.thread_id,
        conversation_id=row.id,
        seq=row.last_seq,
        sender=Sender.AGENT,
        text=reply.text,
        created_at=utcnow(),
        agent_id=reply.agent_id,
        client_id=reply.own_id,
        language=row.language,
        content=Content(attachments=[reply.file.attachment]) if reply.file else Content(),
    )
