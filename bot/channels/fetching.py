"""The fetcher: what customers send is brought from its vendor once, checked, and kept beside the conversation.

Each file is fetched under a lease. A process that dies before it is stored leaves it to the next one, when the lease is over.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from bot.channels import media
from bot.channels.base import Channel
from bot.channels.client import VendorClient
from bot.channels.courier import News, backoff_s
from bot.channels.filetype import file_type
from bot.channels.loss import Loss
from bot.channels.media import LEASE, Wanted
from bot.channels.tokens import Tokens
from bot.crypto import Cipher
from bot.database import Database
from bot.database.conversations import messages
from bot.errors import TransportError
from bot.ids import new_id, utcnow

AT_ONCE = 4  # files that one process holds in memory
MOST_A_DAY = 50  # files of one conversation's customer
LARGEST_A_DAY = 10  # of the largest size; their bytes together
MOST_STEPS = 3  # where it lies, where it really lies, the file
GIVE_UP = timedelta(hours=24)  # some vendors forget a file after a day or three

log = logging.getLogger(__name__)

Tell = Callable[[News], Awaitable[None]]


class Fetcher:
    """`most_bytes`: the largest file that is kept. `tell` is called when the desk has something to see."""

    def __init__(
        self,
        *,
        database: Database,
        cipher: Cipher,
        channels: Mapping[str, Channel],
        tokens: Tokens,
        client: VendorClient,
        most_bytes: int,
        tell: Tell,
    ) -> None:
        self._database = database
        self._cipher = cipher
        self._channels = channels
        self._tokens = tokens
        self._client = client
        self._most_bytes = most_bytes
        self._tell = tell
        self._owner = new_id()
        self.running: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin with what is due and that nobody else fetches; a slow vendor holds up only its own files."""
        inboxes, free = list(self._channels), AT_ONCE - len(self.running)
        async with self._database.read() as connection:
            if free <= 0 or not await media.is_due(connection, inboxes):
                return
        async with self._database.write() as connection:
            found = await media.claim(connection, self._owner, inboxes, most=free)
        for wanted in found:
            task = asyncio.create_task(self._bring(wanted))
            self.running.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self.running.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a fetch stopped and goes on when its lease is over: %s: %s", type(error).__name__, error)

    def stop(self) -> None:
        for task in self.running:
            task.cancel()

    async def _bring(self, wanted: Wanted) -> None:
        try:
            await self._check_measure(wanted)
            data = await self._fetched(self._channels[wanted.inbox_id], wanted)
            kind = await asyncio.to_thread(file_type, data)
            if kind is None:
                raise TransportError("the file is of a kind that is not kept", reason=Loss.TYPE, permanent=True)
        except TransportError as error:
            await self._failed(wanted, error)
        else:
            async with self._database.write() as connection:
                await media.keep(connection, self._cipher, wanted.id, self._owner, data=data, mime=kind.mime)
        await self._say(wanted)

    async def _check_measure(self, wanted: Wanted) -> None:
        async with self._database.read() as connection:
            if await media.has_too_many(connection, wanted, most=MOST_A_DAY, most_bytes=LARGEST_A_DAY * self._most_bytes):
                raise TransportError("the conversation has had its files of a day", reason=Loss.TOO_MANY, permanent=True)

    async def _fetched(self, channel: Channel, wanted: Wanted) -> bytes:
        """Follow the vendor's way to the file, at most so many steps."""
        token = await self._tokens.get(channel)
        call = channel.media(wanted.ref, wanted.kind, token=token)
        for step in range(MOST_STEPS):
            if call is None:
                break
            async with self._database.write() as connection:
                if not await media.change(connection, wanted.id, self._owner, next_at=utcnow() + LEASE):
                    raise TransportError("somebody else fetches it by now", reason=Loss.UNREACHABLE)
            answer = await self._client.fetch(call, most_bytes=self._most_bytes)
            try:
                call = channel.read_media(answer, first=step == 0)
            except TransportError as error:
                if error.token_refused and token:
                    await self._tokens.forget(channel, token)
                raise
            except (ValueError, RecursionError) as error:  # one vendor's whim must not stop the others
                raise TransportError("the vendor's answer cannot be read", reason=Loss.UNREACHABLE, retry_after_s=60) from error
            if call is None:
                return answer.body
        raise TransportError("the vendor does not say where the file lies", reason=Loss.REFUSED, permanent=True)

    async def _failed(self, wanted: Wanted, error: TransportError) -> None:
        what = f"file {wanted.id} on {wanted.inbox_id}"
        reason = error.reason if error.reason in set(Loss) else Loss.REFUSED
        if error.permanent or utcnow() > wanted.created_at + GIVE_UP:
            log.info("%s is not kept: %s", what, error)
            values: dict[str, Any] = {"state": "failed", "reason": reason, "next_at": None, "owner": None}
        else:
            wait_s = max(error.retry_after_s, backoff_s(wanted.attempts))
            log.info("%s is fetched again in %.0f s: %s", what, wait_s, error)
            next_at = utcnow() + timedelta(seconds=wait_s)
            values = {"reason": reason, "attempts": wanted.attempts + 1, "next_at": next_at, "owner": None}
        async with self._database.write() as connection:
            await media.change(connection, wanted.id, self._owner, **values)

    async def _say(self, wanted: Wanted) -> None:
        query = sa.select(messages.c.conversation_id, messages.c.thread_id).where(messages.c.id == wanted.message_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        if row is not None:
            await self._tell(News(row.conversation_id, row.thread_id))
