"""How conversations stand and what was said in them last, read for many at once: whoever looks at the same time shares the statements.

One look into SQL costs a millisecond of this process whether it is for one line or for fifty, and a web process holds thousands of lines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations import store
from bot.conversations.together import Together
from bot.database import Database
from bot.database.channels import channel_threads
from bot.database.conversations import conversations, messages, threads
from bot.database.people import agents
from bot.messages import Message

AT_ONCE = 64  # lines that share a look: some 10 ms, after which others of this process have their turn
TAIL = 4  # messages of a conversation that are read for everybody; a line is rarely further behind

_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_STANDING = (
    sa.select(conversations, threads.c.customer_id, agents.c.display_name.label("agent_name"), channel_threads.c.inbox_id.label("channel"))
    .select_from(conversations)
    .join(threads, threads.c.id == conversations.c.thread_id)
    .outerjoin(agents, agents.c.id == conversations.c.agent_id)
    .outerjoin(channel_threads, channel_threads.c.thread_id == conversations.c.thread_id)
)
_BY_ID = _STANDING.where(conversations.c.id.in_(_IDS))
_NEWEST = sa.select(sa.func.max(conversations.c.id)).where(conversations.c.thread_id.in_(_IDS)).group_by(conversations.c.thread_id)
_BY_THREAD = _STANDING.where(conversations.c.id.in_(_NEWEST.scalar_subquery()))
_TAILS = (
    sa.select(messages)
    .join(conversations, conversations.c.id == messages.c.conversation_id)
    .where(conversations.c.id.in_(_IDS), messages.c.seq > conversations.c.last_seq - TAIL)
    .order_by(messages.c.conversation_id, messages.c.seq)
)
_PLACES = sa.select(conversations.c.id, conversations.c.last_seq).where(conversations.c.id.in_(_IDS))
_NAMES = sa.select(agents.c.id, agents.c.display_name).where(agents.c.id.in_(_IDS))


class Standing(NamedTuple):
    """A conversation at one moment: its row with `customer_id`, `agent_name` and `channel` (an inbox, or None), and what was said after
    the place asked for, in order, with the names of the agents who said it. `said` is None where that is more than is read for everybody:
    another conversation, more than TAIL messages, files.
    """

    row: store.Row
    said: list[Message] | None
    names: Mapping[str, str]


class _Ask(NamedTuple):
    id: str  # of a conversation, or of a thread whose newest is meant
    conversation_id: str  # the place that the asker has
    seq: int | None  # None: all but the last message

    def is_near(self, row: store.Row) -> bool:
        return bool(self.conversation_id == row.id and self.after(row) >= row.last_seq - TAIL)

    def after(self, row: store.Row) -> int:
        return int(row.last_seq) - 1 if self.seq is None else self.seq


def _few(ids: Iterable[str]) -> list[str]:
    """Return these ids, the last one repeated until they are a power of two: each length is a statement of its own to the database,
    which is made ready once and kept."""
    every = list(set(ids))
    wanted = 1 << max(0, len(every) - 1).bit_length()
    return every + every[-1:] * (wanted - len(every))


class Standings:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._of_threads: Together[_Ask, Standing | None] = Together(self._by_thread, most=AT_ONCE)
        self._of_conversations: Together[_Ask, Standing | None] = Together(self._by_id, most=AT_ONCE)
        self._of_desks: Together[Collection[str], dict[str, int]] = Together(self._read_places, most=AT_ONCE)

    async def newest(self, thread_id: str, conversation_id: str, seq: int) -> Standing | None:
        """Return the thread's newest conversation, with what was said after this place; None when there is none yet."""
        return await self._of_threads.do(_Ask(thread_id, conversation_id, seq))

    async def of(self, conversation_id: str, seq: int | None) -> Standing | None:
        """Return a conversation with what was said after this place, or its last message; None when there is none with this id."""
        return await self._of_conversations.do(_Ask(conversation_id, conversation_id, seq))

    async def places(self, conversation_ids: Collection[str]) -> dict[str, int]:
        """Return the last places of these conversations; others may be among them."""
        return await self._of_desks.do(conversation_ids)

    async def _read_places(self, asked: Sequence[Collection[str]]) -> list[dict[str, int]]:
        async with self._database.read() as connection:
            found = await connection.execute(_PLACES, {"ids": _few(one for each in asked for one in each)})
            places = {row.id: row.last_seq for row in found}
        return [places] * len(asked)

    async def _by_thread(self, asked: Sequence[_Ask]) -> list[Standing | None]:
        return await self._look(asked, _BY_THREAD, "thread_id")

    async def _by_id(self, asked: Sequence[_Ask]) -> list[Standing | None]:
        return await self._look(asked, _BY_ID, "id")

    async def _look(self, asked: Sequence[_Ask], query: sa.Select[Any], key: str) -> list[Standing | None]:
        async with self._database.read() as connection:
            found = await connection.execute(query, {"ids": _few(each.id for each in asked)})
            rows = {getattr(row, key): row for row in found}
            near = [(each, row) for each in asked if (row := rows.get(each.id)) is not None and each.is_near(row)]
            behind = {row.id for each, row in near if each.after(row) < row.last_seq}
            tails = await _tails(connection, behind)
            names = await _names(connection, tails.values())
        return [_standing(each, row, tails, names) if (row := rows.get(each.id)) is not None else None for each in asked]


def _standing(each: _Ask, row: store.Row, tails: Mapping[str, list[Message]], names: Mapping[str, str]) -> Standing:
    """Give out what `row` counts and no more: it was written before the row was read, and so before the row's `customer_id` changed."""
    after = each.after(row)
    said = [message for message in tails.get(row.id, ()) if after < message.seq <= row.last_seq]
    is_whole = each.is_near(row) and len(said) == max(0, row.last_seq - after)  # on PostgreSQL the tail may have moved on meanwhile
    is_plain = not any(message.content.attachments for message in said)
    return Standing(row, said if is_whole and is_plain else None, names)


async def _tails(connection: AsyncConnection, conversation_ids: Iterable[str]) -> dict[str, list[Message]]:
    tails = defaultdict(list)
    for row in await connection.execute(_TAILS, {"ids": _few(conversation_ids)}) if conversation_ids else ():
        tails[row.conversation_id].append(store.message_of(row))
    return tails


async def _names(connection: AsyncConnection, tails: Iterable[Sequence[Message]]) -> dict[str, str]:
    ids = {message.agent_id for tail in tails for message in tail if message.agent_id}
    return {row.id: row.display_name for row in await connection.execute(_NAMES, {"ids": _few(ids)})} if ids else {}
