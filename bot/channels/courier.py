"""The courier: takes threads that are due from the outbox and delivers their messages in order, through their channels.

Each part is sent under a lease on its thread and then recorded. A process that dies between the two repeats that one call, with the same
key, so that a vendor that knows keys delivers it once.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis

from bot.channels import outbox
from bot.channels.base import (
    Channel,
    Outgoing,
    Traits,
)
from bot.channels.client import VendorClient
from bot.channels.files import SentFile
from bot.channels.pace import Pace
from bot.channels.pending import Bundle, Pending, ThreadState, bundle, pending_rows, sends_left, thread_state, together
from bot.channels.shares import Shares
from bot.channels.tokens import Tokens
from bot.channels.vendor import (
    Reason,
)
from bot.database import Database
from bot.errors import TransportError
from bot.ids import new_id, utcnow

AT_ONCE = 32  # threads that one process sends for
LOOK_AGAIN_S = 0.25
GIVE_UP = timedelta(hours=6)  # a later answer would surprise more than it helps
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 300.0
UNKNOWN_WAIT_S = 60.0  # a channel that is not configured here may be on the next start

_PART_KEYS = uuid.UUID("6f1f0c1e-5b0e-4d53-9f0b-9d6c5a1b7a10")  # namespace of the keys of parts

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class News:
    """A message's delivery has changed; the desk shows it."""

    conversation_id: str
    thread_id: str


class Courier:
    def __init__(
        self,
        *,
        database: Database,
        redis: Redis,
        shares: Shares,
        channels: Mapping[str, Channel],
        tokens: Tokens,
        client: VendorClient,
    ) -> None:
        self._database = database
        self._shares = shares
        self._channels = channels
        self._tokens = tokens
        self._client = client
        self._pace = Pace(redis)
        self._owner = new_id()
        self._quiet_until: dict[str, float] = {}  # thread -> when its customer may be sent the next one

    async def drain(self) -> list[News]:
        """Send all that is due; return where the desk has something to see: what failed, waits, or had failed and went.

        A place becomes free with each thread that is done, so that one slow vendor does not hold up the others' customers.
        """
        news: list[News] = []
        running: set[asyncio.Task[list[News]]] = set()
        try:
            while True:
                running |= {asyncio.create_task(self._serve(thread_id)) for thread_id in await self._claim(AT_ONCE - len(running))}
                if not running:
                    return news
                done, running = await asyncio.wait(running, timeout=LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    if error := task.exception():
                        log.error("sending stopped and goes on when its lease is over: %s: %s", type(error).__name__, error)
                    else:
                        news += task.result()
        finally:
            for task in running:
                task.cancel()

    async def _claim(self, most: int) -> list[str]:
        """Take threads that are due; a look comes first, since on SQLite a claim waits for every other writer."""
        async with self._database.read() as connection:
            if most <= 0 or not await outbox.is_due(connection):
                return []
        async with self._database.write() as connection:
            return await outbox.claim(connection, self._owner, most=most)

    async def _serve(self, thread_id: str) -> list[News]:
        """Send for one thread until nothing is left, something must wait, or somebody else has it."""
        news: list[News] = []
        while True:
            async with self._database.read() as connection:
                state = await thread_state(connection, thread_id)
                rows = await pending_rows(connection, thread_id)
            channel = self._channels.get(state.inbox_id)
            if not rows:
                await self._release(thread_id)
                return news
            if channel is None:
                return [*news, *await self._nowhere(rows)]
            idle = (
                [row.message.id for row in rows if row.idle and not row.bundle_id] if channel.traits.quota or channel.traits.quiet else []
            )
            if idle:
                await self._mark(idle, state="skipped")
                continue
            async with self._database.read() as connection:
                ready = await bundle(connection, together(rows, channel.traits), channel.traits)
            goes_on, told = await self._deliver(channel, state, ready, rows)
            if told:
                news.append(News(ready.head.message.conversation_id, thread_id))
            if not goes_on:
                return news

    async def _deliver(self, channel: Channel, state: ThreadState, ready: Bundle, rows: list[Pending]) -> tuple[bool, bool]:
        """Send the bundle's parts. Returns whether to go on with the thread, and whether the desk has news."""
        traits = channel.traits
        if traits.passive:
            await self._hold(state, rows)  # it goes in the answer to the customer's next request
            return False, True
        if (end := self._unsendable(traits, state, ready)) is not None:
            await self._mark(ready.ids, **end)
            return True, end["state"] == "dead"
        if traits.merges and ready.head.bundle_id is None:
            await self._mark(ready.ids, bundle_id=ready.head.message.id)
        for_agent = any(row.by_agent for row in rows)  # what stands before an agent's message may use the agents' share
        for index in range(ready.head.parts_sent, len(ready.parts)):
            if sends_left(traits, state.quota_used, by_agent=for_agent) <= 0:
                await self._hold(state, rows)
                return False, True
            try:
                vendor_id = await self._send_part(channel, state, ready, index)
            except TransportError as error:
                return await self._failed(channel, state, ready, error, rows)
            is_all = index == len(ready.parts) - 1 and len(ready.rows) == len(rows)
            used = "" if traits.keeps_reply_token else state.reply_token
            if not await self._record(state, ready, index, vendor_id, used_token=used, release=is_all) or is_all:
                return False, is_all and ready.head.attempts > 0
            state = replace(state, quota_used=state.quota_used + 1, reply_token=state.reply_token if traits.keeps_reply_token else "")
        return True, ready.head.attempts > 0

    def _unsendable(self, traits: Traits, state: ThreadState, ready: Bundle) -> dict[str, str] | None:
        """Return what becomes of a bundle that cannot be sent whatever the vendor says; None for one that can."""
        if not ready.parts:
            return {"state": "dead", "reason": Reason.REFUSED} if ready.head.has_file else {"state": "skipped"}
        if state.stopped:
            return {"state": "dead", "reason": Reason.BLOCKED}
        if traits.window_s and utcnow() > state.customer_at + timedelta(seconds=traits.window_s):
            return {"state": "dead", "reason": Reason.WINDOW}
        return None

    async def _send_part(self, channel: Channel, state: ThreadState, ready: Bundle, index: int) -> str:
        """Make the call, once more with a new access token when the vendor no longer takes the one that we have."""
        head = ready.head.message
        outgoing = Outgoing(
            channel_user=state.channel_user,
            text=ready.parts[index],
            key=str(uuid.uuid5(_PART_KEYS, f"{head.id}:{index}:{ready.head.created_at.timestamp()}")),
            buttons=ready.buttons if index == len(ready.parts) - 1 else (),
            reply_token=state.reply_token,
            conversation_id=head.conversation_id,
            sender=head.sender.value,
            language=head.language,
            at=time.time(),
            file=await self._file(ready.head),
        )
        await self._breathe(state.thread_id, channel.traits.pause_s)
        await self._pace.turn(channel.name, channel.traits.per_s)
        token = await self._tokens.get(channel)
        try:
            return await self._call(channel, outgoing, token)
        except TransportError as error:
            if not (error.token_refused and token):
                raise
            await self._tokens.forget(channel, token)
        return await self._call(channel, outgoing, await self._tokens.get(channel))

    async def _file(self, row: Pending) -> SentFile | None:
        if not row.has_file:
            return None
        async with self._database.read() as connection:
            found = await self._shares.file(connection, row.message.id, now=time.time())
        if found is None:
            raise TransportError("the file is not here any more", reason=Reason.REFUSED, permanent=True)
        return found

    async def _breathe(self, thread_id: str, pause_s: float) -> None:
        """Wait until the pause since the last send to this customer is over."""
        now = time.monotonic()
        self._quiet_until = {thread: until for thread, until in self._quiet_until.items() if until > now}
        await asyncio.sleep(max(0.0, self._quiet_until.get(thread_id, now) - now))
        self._quiet_until[thread_id] = time.monotonic() + pause_s

    async def _call(self, channel: Channel, outgoing: Outgoing, token: str) -> str:
        try:
            outgoing = await self._handed_over(channel, outgoing, token)
            return channel.read(await self._client.send(channel.build(outgoing, token=token)))
        except TransportError as error:
            if error.reason == Reason.RATE:
                await self._pace.rest(channel.name, error.retry_after_s or FIRST_WAIT_S)
            raise
        except (ValueError, RecursionError) as error:  # msgspec's errors are ValueErrors; one vendor's whim must not stop the others
            raise TransportError("the vendor's answer cannot be read", reason=Reason.UNREACHABLE, retry_after_s=60) from error

    async def _handed_over(self, channel: Channel, outgoing: Outgoing, token: str) -> Outgoing:
        """Give the vendor the file first where it wants that; a repeat gives it once more, which no customer sees."""
        file = outgoing.file
        call = channel.upload(file, token=token) if file else None
        if file is None or call is None:
            return outgoing
        return replace(outgoing, file=replace(file, ref=channel.read_upload(await self._client.send(call))))

    async def _record(self, state: ThreadState, ready: Bundle, index: int, vendor_id: str, *, used_token: str, release: bool) -> bool:
        """Write that the part is sent, in one transaction with what it used up; False when the lease was lost.

        With `release` nothing else was waiting, and the thread is given back at once.
        """
        is_last = index == len(ready.parts) - 1
        async with self._database.write() as connection:
            ours = await outbox.renew(connection, state.thread_id, self._owner, used_token=used_token)
            if is_last:
                done = {"state": "sent", "reason": "", "vendor_id": vendor_id[:128] or None, "sent_at": utcnow(), "parts_sent": index + 1}
                await outbox.mark(connection, ready.ids, **done)
            else:
                await outbox.mark(connection, [ready.head.message.id], parts_sent=index + 1)
            if release and ours:
                await outbox.release(connection, state.thread_id, self._owner)
        return ours

    async def _failed(
        self, channel: Channel, state: ThreadState, ready: Bundle, error: TransportError, rows: list[Pending]
    ) -> tuple[bool, bool]:
        head = ready.head
        what = f"message {head.message.id} on {channel.name}"
        if error.reason == Reason.QUOTA:
            await self._hold(state, rows)
            return False, True
        if error.permanent or utcnow() > head.created_at + GIVE_UP:
            log.warning("%s is not delivered: %s", what, error)
            await self._mark(ready.ids, state="dead", reason=error.reason)
            return True, True
        wait_s = max(error.retry_after_s, backoff_s(head.attempts))
        log.info("%s is tried again in %.0f s: %s", what, wait_s, error)
        async with self._database.write() as connection:
            await outbox.mark(connection, ready.ids, attempts=head.attempts + 1, reason=error.reason)
            await outbox.release(connection, state.thread_id, self._owner, next_at=utcnow() + timedelta(seconds=wait_s))
        return False, head.attempts == 0

    async def _hold(self, state: ThreadState, rows: list[Pending]) -> None:
        """Keep what is left until the customer writes again."""
        ids = [row.message.id for row in rows]
        async with self._database.write() as connection:
            await outbox.mark(connection, ids, reason=Reason.QUOTA)
            await outbox.release(connection, state.thread_id, self._owner, held=ids)

    async def _nowhere(self, rows: list[Pending]) -> list[News]:
        """Keep messages of a channel without settings for a while, in case they come back; the too old ones are dead."""
        first = rows[0].message
        old = [row.message.id for row in rows if utcnow() > row.created_at + GIVE_UP]
        if old:
            await self._mark(old, state="dead", reason=Reason.NOT_CONFIGURED)
        await self._release(first.thread_id, wait=timedelta(seconds=UNKNOWN_WAIT_S))
        return [News(first.conversation_id, first.thread_id)] if old else []

    async def _release(self, thread_id: str, *, wait: timedelta | None = None) -> None:
        async with self._database.write() as connection:
            await outbox.release(connection, thread_id, self._owner, next_at=utcnow() + wait if wait else None)

    async def _mark(self, ids: list[str], **changes: Any) -> None:
        async with self._database.write() as connection:
            await outbox.mark(connection, ids, **changes)


def backoff_s(attempts: int) -> float:
    """Return the wait before the next try: doubled each time, up to five minutes, with jitter so that not all come at once."""
    wait_s: float = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempts, 20))
    return wait_s * random.uniform(0.5, 1.0)  # noqa: S311
