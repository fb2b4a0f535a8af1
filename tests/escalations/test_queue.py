"""The queue on a real Redis: order, races, a wipe."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import UTC, datetime, timedelta

import pytest
import redis.asyncio as aioredis

from bot.escalations.queue import GENERATION, Entry, EscalationQueue, Lane, Presence, QueueLost
from bot.escalations.routing import place_at

START = datetime(2026, 11, 22, tzinfo=UTC)


def entry(name: str, *, priority: int = 1, minute: int = 0, skill: str = "orders_zh") -> Entry:
    return Entry(name, skill, place_at(START + timedelta(minutes=minute), priority))


def lanes(*skills: str) -> list[Lane]:
    return [Lane(skill) for skill in skills]


ORDERS = lanes("orders_zh")


@pytest.fixture
async def queue(redis: aioredis.Redis) -> EscalationQueue:
    queue = EscalationQueue(redis)
    await queue.rebuild([])
    return queue


async def claim_all(queue: EscalationQueue, *skills: str) -> list[str]:
    found = []
    while (name := await queue.claim(lanes(*skills))) is not None:
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

    assert await queue.claim(lanes("orders_en")) is None
    assert await queue.claim(lanes("orders_en"), chosen="zh") is None
    assert await queue.claim(ORDERS, chosen="zh") == "zh"


async def test_many_who_claim_at_once_each_get_another_one(queue: EscalationQueue) -> None:
    for number in range(50):
        await queue.enqueue(entry(f"e{number}", minute=number))

    claimed = await asyncio.gather(*(queue.claim(ORDERS) for _ in range(60)))

    winners = [name for name in claimed if name]
    assert len(winners) == len(set(winners)) == 50


async def test_a_claim_in_flight_is_not_put_back_by_the_reconciler(queue: EscalationQueue) -> None:
    await queue.enqueue(entry("a"))
    await queue.claim(ORDERS)

    await queue.enqueue(entry("a"))
    assert await queue.claim(ORDERS) is None

    await queue.settle("a", skill="orders_zh")
    await queue.enqueue(entry("a"))
    assert await queue.claim(ORDERS) == "a"


async def test_after_a_wipe_nobody_claims_before_the_queue_stands_again(queue: EscalationQueue, redis: aioredis.Redis) -> None:
    await queue.enqueue(entry("a"))
    await redis.flushall()

    with pytest.raises(QueueLost):
        await queue.claim(ORDERS)
    assert not await queue.stands()

    await queue.rebuild([entry("a"), entry("b", priority=2)])
    assert await claim_all(queue, "orders_zh") == ["b", "a"]


async def test_nobody_starves_behind_more_important_ones(queue: EscalationQueue) -> None:
    await queue.enqueue(entry("patient", minute=0))
    await queue.enqueue(entry("high soon after", priority=2, minute=14))
    await queue.enqueue(entry("high long after", priority=2, minute=16))

    assert await claim_all(queue, "orders_zh") == ["high soon after", "patient", "high long after"]


async def test_what_others_serve_is_taken_only_when_it_has_waited(queue: EscalationQueue) -> None:
    await queue.enqueue(entry("new", minute=30))
    foreign = [Lane("orders_zh", upto=place_at(START + timedelta(minutes=20), 1))]

    assert await queue.claim(foreign) is None
    assert await queue.claim(foreign, chosen="new") is None
    await queue.enqueue(entry("old", minute=5))
    assert await queue.claim(foreign) == "old"


async def test_those_to_pass_over_keep_their_place_for_others(queue: EscalationQueue) -> None:
    for number in range(4):
        await queue.enqueue(entry(f"e{number}", minute=number))

    assert await queue.claim(ORDERS, skip=["e0", "e1"]) == "e2"
    assert await queue.claim(ORDERS, skip=["e0", "e1", "e3"]) is None
    assert await queue.claim(ORDERS, skip=["e0"], chosen="e0") == "e0"
    assert await claim_all(queue, "orders_zh") == ["e1", "e3"]


async def test_presence_ends_without_beats(redis: aioredis.Redis) -> None:
    presence = Presence(redis)
    await presence.beat("lin")
    await redis.zadd("yingda:presence", {"gone": 1})

    assert await presence.connected() == ["lin"]
    await presence.leave("lin")
    assert await presence.connected() == []


async def test_after_a_wipe_nobodys_lease_can_be_known_until_all_had_time_to_beat(queue: EscalationQueue, redis: aioredis.Redis) -> None:
    presence = Presence(redis)
    await queue.rebuild([])
    await redis.set(GENERATION, 1)
    await presence.beat("lin")
    assert await presence.leases() == ["lin"]

    await redis.flushall()
    assert await presence.leases() is None
    await queue.rebuild([])
    assert await presence.leases() is None


@pytest.mark.slow
async def test_a_claim_takes_hardly_longer_with_10000_than_with_100_waiting(redis: aioredis.Redis) -> None:
    """Sorted sets: log n. A scan of the queue would take 100 times as long."""

    async def claim_s(waiting: int) -> float:
        await redis.flushall()
        queue = EscalationQueue(redis)
        await queue.rebuild([entry(f"e{number}", minute=number) for number in range(waiting)])
        times = []
        for _ in range(50):
            began = time.perf_counter()
            await queue.claim(ORDERS)
            times.append(time.perf_counter() - began)
        return statistics.median(times)

    assert await claim_s(10_000) < 3 * await claim_s(100)
