"""How customers' messages get into SQL: all that arrive within the same few milliseconds go in one transaction, then all are acknowledged.

Whoever comes while a transaction runs goes with the next, so that a lone message does not wait and a thousand share their commits.
A process that dies before the commit has acknowledged nothing, and who sent it sends again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.conversations.inbound import Stored, store_inbound
from bot.conversations.services import Services
from bot.conversations.together import Together
from bot.conversations.usual import store_usual
from bot.conversations.visitors import Visitors
from bot.errors import AuthError, InputError
from bot.messages import InboundMessage

AT_ONCE = 64  # requests of one transaction: some 20 ms, in which no other process writes to SQLite

Kept = Stored | InputError | AuthError  # what became of a message: its place, or why it cannot be kept

log = logging.getLogger(__name__)


class Intake:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._together: Together[Sequence[InboundMessage], list[Kept]] = Together(self._store, most=AT_ONCE)

    async def store(self, batch: Sequence[InboundMessage]) -> list[Kept]:
        """Store all messages of one request in one transaction; return what became of each, in their order."""
        return await self._together.do(batch)

    async def _store(self, batches: Sequence[Sequence[InboundMessage]]) -> list[list[Kept]]:
        """Store the messages of several requests in one transaction."""
        every = [inbound for batch in batches for inbound in batch]
        kept: dict[int, Kept] = {}
        async with self._services.database.write() as connection:
            for turn in _one_each(every):
                await self._store_turn(connection, every, turn, kept)
        found = iter(range(len(every)))
        return [[kept[next(found)] for _ in batch] for batch in batches]

    async def _store_turn(
        self, connection: AsyncConnection, every: Sequence[InboundMessage], turn: list[int], kept: dict[int, Kept]
    ) -> None:
        """Store the messages at these places, of different customers: the usual ones together, the others one by one."""
        usual = await store_usual(connection, [every[place] for place in turn], hours=self._services.hours)
        for place in turn:
            inbound = every[place]
            kept[place] = usual.get((inbound.inbox_id, inbound.channel_user)) or await self._store_other(connection, inbound)

    async def _store_other(self, connection: AsyncConnection, inbound: InboundMessage) -> Kept:
        services = self._services
        try:
            return await store_inbound(
                connection,
                inbound,
                default_language=services.settings.default_language,
                hours=services.hours,
                shop_customer_id=self._shop_customer(inbound),
            )
        except (InputError, AuthError) as error:
            return error

    def _shop_customer(self, inbound: InboundMessage) -> str:
        """Return whom the shop's signature says that this is; nobody where there is none, or a wrong one, which is told in the log."""
        if not inbound.identity:
            return ""
        try:
            return Visitors(self._services.settings, self._services.database).shop_customer_id(inbound.identity)
        except AuthError as error:
            log.warning("an identity on %s is not taken: %s", inbound.inbox_id, error)
            return ""


def _one_each(every: Sequence[InboundMessage]) -> Iterator[list[int]]:
    """Yield places of messages: each customer's first, then their second and so on, in the order in which threads are locked."""
    left = sorted(range(len(every)), key=lambda place: (every[place].inbox_id, every[place].channel_user))
    while left:
        turn = {(every[place].inbox_id, every[place].channel_user): place for place in reversed(left)}
        first = set(turn.values())
        yield [place for place in left if place in first]
        left = [place for place in left if place not in first]
