"""Rate limits of an account, shared by all processes through Redis; while Redis is away the vendor's own refusals slow us down."""

from __future__ import annotations

import asyncio
import logging
import time

from redis.asyncio import Redis

from bot.channels.vendor import (
    Reason,
)
from bot.errors import TransportError
from bot.redis import REDIS_DOWN

LONGEST_WAIT_S = 10.0  # well within the lease on a thread

log = logging.getLogger(__name__)


class Pace:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def turn(self, name: str, per_s: float) -> None:
        """Wait for a place among the account's sends; TransportError, which is temporary, when there is none for long."""
        give_up_at = time.monotonic() + LONGEST_WAIT_S
        try:
            while (wait_s := await self._place(name, per_s)) > 0:
                if time.monotonic() + wait_s > give_up_at:
                    raise TransportError("the account's limit is used up", reason=Reason.RATE, retry_after_s=wait_s)
                await asyncio.sleep(wait_s)
        except REDIS_DOWN as error:
            log.warning("no rate limit was kept on %s: %s", name, type(error).__name__)

    async def rest(self, name: str, seconds: float) -> None:
        """Let the whole account be still: the vendor has asked for it."""
        try:
            await self._redis.set(f"yingda:rest:{name}", "1", px=max(1, int(seconds * 1000)))
        except REDIS_DOWN as error:
            log.warning("no rest was kept on %s: %s", name, type(error).__name__)

    async def _place(self, name: str, per_s: float) -> float:
        """Return 0 when the send may go now, else the seconds to wait. Windows are as long as one send takes, at least a second."""
        window_s = max(1.0, 1.0 / per_s)
        number = int(time.time() / window_s)
        key = f"yingda:sends:{name}:{number}"
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.pttl(f"yingda:rest:{name}")
            pipe.incr(key)
            pipe.expire(key, int(window_s * 2) + 1)
            rest_ms, count, _ = await pipe.execute()
        if rest_ms > 0:
            return float(rest_ms) / 1000
        return 0.0 if count <= max(1.0, per_s * window_s) else (number + 1) * window_s - time.time() + 0.001
