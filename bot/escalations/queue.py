"""The waiting queue in Redis: one sorted set a skill, claimed in Lua. SQL is the record, so this may vanish at any moment.

Redis keys (prefix `yingda:`):
    generation            set when the queue was built; every move checks it, and leases count only one lease length after it
    queue:<skill>         sorted set of escalation ids, score = the time that orders the queue (`routing.place_at`), in ms
    claims                hash escalation -> ms until which a claim in flight keeps it out of the queue
    presence              sorted set agent id -> ms when their side of the connection was last heard
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

PREFIX = "yingda:"
GENERATION = PREFIX + "generation"
CLAIMS = PREFIX + "claims"
PRESENCE = PREFIX + "presence"

# A claim in flight is decided in SQL within milliseconds; after this long its process is dead and the entry waits again.
CLAIM_S = 10
# Entries of one call: a script stops everybody else, for about a millisecond.
AT_ONCE = 500
# A desk answers the pings that come every 10 s; who was not heard for two of them is gone, and their work is back within 30 s.
PRESENCE_S = 25

_LUA = (Path(__file__).parent / "queue.lua").read_text(encoding="utf8")


class QueueLost(Exception):
    """Redis was wiped: the queue must be rebuilt from SQL before anybody claims."""


class Entry(NamedTuple):
    """One waiting escalation as SQL knows it."""

    escalation_id: str
    skill: str
    place_at: datetime  # `routing.place_at`: priority and age in one

    @property
    def score(self) -> int:
        return _ms(self.place_at)


class Lane(NamedTuple):
    """A skill's queue as one agent may claim from it: all of it, or only what stands there since `upto` or longer."""

    skill: str
    upto: datetime | None = None


class EscalationQueue:
    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._script = redis.register_script(_LUA)

    async def enqueue(self, *entries: Entry) -> None:
        """Put entries where they belong, unless they are there or somebody is claiming them right now."""
        for start in range(0, len(entries), AT_ONCE):
            part = entries[start : start + AT_ONCE]
            pairs = [value for entry in part for value in (entry.escalation_id, entry.score)]
            await self._move("enqueue", *pairs, queues=[entry.skill for entry in part])

    async def claim(self, lanes: Sequence[Lane], *, chosen: str = "", skip: Collection[str] = ()) -> str | None:
        """Take the first waiting escalation of these lanes (or the chosen one) out of the queue; None when there is none.

        Those in `skip` are passed over, unless chosen. The caller decides it in SQL and then calls `settle`, or `enqueue` when nothing
        came of it.
        """
        until = _now_ms() + CLAIM_S * 1000
        limits = [_ms(lane.upto) if lane.upto else "+inf" for lane in lanes]
        skills = [lane.skill for lane in lanes]
        return cast("str | None", await self._move("claim", until, chosen, *limits, *skip, queues=skills))

    async def settle(self, escalation_id: str, *, skill: str) -> None:
        await self._move("settle", escalation_id, queues=[skill])

    async def rebuild(self, entries: Sequence[Entry]) -> None:
        """Build the queue from SQL. Harmless when it stands: an entry is put where it already is."""
        pairs = [part for entry in entries for part in (entry.escalation_id, entry.score)]
        keys = [GENERATION, CLAIMS, *(_queue(entry.skill) for entry in entries)]
        await self._script(keys=keys, args=["rebuild", _now_ms(), _now_ms(), *pairs])

    async def stands(self) -> bool:
        """Was the queue built since Redis was last wiped?"""
        return bool(await self._redis.exists(GENERATION))

    async def _move(self, move: str, *arguments: str | int, queues: Sequence[str]) -> object:
        keys = [GENERATION, CLAIMS, *map(_queue, queues)]
        try:
            return await self._script(keys=keys, args=[move, _now_ms(), *arguments])
        except ResponseError as error:
            if "NOGENERATION" in str(error):
                raise QueueLost from error
            raise


class Presence:
    """Whose desk is open, by heartbeats of their connections. Whether they take work is in SQL (`agents.presence`)."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def beat(self, agent_id: str, *, heard_s_ago: float = 0.0) -> None:
        """Note when an agent's side was last heard: a connection that is only half open keeps nobody present."""
        await self._redis.zadd(PRESENCE, {agent_id: _now_ms() - int(heard_s_ago * 1000)}, gt=True)

    async def leave(self, agent_id: str) -> None:
        await self._redis.zrem(PRESENCE, agent_id)

    async def leases(self) -> list[str] | None:
        """Return whose lease on conversations holds; None where that cannot be known: after a wipe everybody needs the time to beat.

        Both are read in one moment. Whoever asked for one after the other would take a wipe in between for everybody's leaving.
        """
        async with self._redis.pipeline(transaction=True) as together:
            together.get(GENERATION)
            together.zrangebyscore(PRESENCE, _now_ms() - PRESENCE_S * 1000, "+inf")
            generation, connected = await together.execute()
        if generation is None or _now_ms() - int(generation) < PRESENCE_S * 1000:
            return None
        return cast("list[str]", connected)

    async def connected(self) -> list[str]:
        """Return whose desk is open: their lease on conversations holds."""
        return cast("list[str]", await self._redis.zrangebyscore(PRESENCE, _now_ms() - PRESENCE_S * 1000, "+inf"))


def _queue(skill: str) -> str:
    return f"{PREFIX}queue:{skill}"


def _now_ms() -> int:
    return int(time.time() * 1000)


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
