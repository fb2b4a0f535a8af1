"""The queue on a real Redis: order, races, a wipe."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio as aioredis

from bot.escalations.queue import Entry, EscalationQueue, Presence, QueueLost

START = datetime(2026, 11, 22, tzinfo=UTC)


def entry(name: str, *, priority: int = 1, minute: int = 0, skill: str = "orders_zh") -> Entry:
    return Entry(name, skill, priority, START + timedelta(minutes=minute))


@pytest.fixture
async def queue(redis: aioredis.Redis) -> EscalationQueue:
    queue = EscalationQueue(redis)
    await queue.rebuild([])
    return queue


async def claim_all(queue: EscalationQueue, *skills: str) -> list[str]:
    found = []
    while (name := await queue.claim(skills)) is not None:
        found.append(name)
    return found


async def test_priority_comes_first_then_age_across_skills(queue: EscalationQueue) -> None:
    for one in (
        entry("late", minute=9),
        entry("early", minute=1, skill="returns_zh"),
        entry("urgent", priority=3, minute=20),
        entry("high", priority=2, minute=15, skill="returns_zh"),
        entry("low", priority=0, minute=0),
    ):
        await queue.enqueue(one)

    assert await claim_all(queue, "orders_zh", "returns_zh") == ["urgent", "high", "early", "late", "low"]


async def test_only_ones_own_skills_are_claimed(queue: EscalationQueue) -> None:
    await queue.enqueue(entry("zh"))

    assert await queue.claim(["orders_en"]) is None
    assert await queue.claim(["orders_en"], chosen="zh") is None
    assert await queue.claim(["orders_zh"], chosen="zh") == "zh"


async def test_many_who_claim_at_once_each_get_another_one(queue: EscalationQueue) -> None:
    for number in range(50):
        await queue.enqueue(entry(f"e{number}", minute=number))

    claimed = await asyncio.gather(*(queue.claim(["orders_zh"]) for _ in range(60)))

    winners = [name for name in claimed if name]
    assert len(winners) == len(set(winners)) == 50


async def test_a_claim_in_flight_is_not_put_back_by_the_reconciler(queue: EscalationQueue) -> None:
    await queue.enqueue(entry("a"))
    await queue.claim(["orders_zh"])

    await queue.enqueue(entry("a"))
    assert await queue.claim(["orders_zh"]) is None

    await queue.settle("a", skill="orders_zh")
    await queue.enqueue(entry("a"))
    assert await queue.claim(["orders_zh"]) == "a"


async def test_after_a_wipe_nobody_claims_before_the_queue_stands_again(queue: EscalationQueue, redis: aioredis.Redis) -> None:
    await queue.enqueue(entry("a"))
    await redis.flushall()

    with pytest.raises(QueueLost):
        await queue.claim(["orders_zh"])
    assert await queue.age_s() is None

    await queue.rebuild([entry("a"), entry("b", priority=2)])
    assert await claim_all(queue, "orders_zh") == ["b", "a"]


async def test_presence_ends_without_beats_and_away_takes_no_work(redis: aioredis.Redis) -> None:
    presence = Presence(redis)
    await presence.beat("lin")
    await presence.beat("wang")
    await presence.choose("wang", "away")
    await redis.zadd("yingda:presence", {"gone": 1})

    assert await presence.online() == ["lin"]
    assert set(await presence.connected()) == {"lin", "wang"}
    await presence.choose("wang", "online")
    assert set(await presence.online()) == {"lin", "wang"}
