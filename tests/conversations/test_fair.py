"""Places are shared fairly between callers, whatever one of them asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.conversations.fair import FairPlaces

MOST, SHARE = 8, 2


class Crowd:
    """Callers at the places: who is inside, in the order of entering."""

    def __init__(self) -> None:
        self.places = FairPlaces(MOST, share=SHARE)
        self.inside: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []
        self._may_go: list[asyncio.Event] = []

    async def come(self, caller: str, *, times: int = 1) -> None:
        self.tasks += [asyncio.create_task(self._stay(caller)) for _ in range(times)]
        await settled()

    async def _stay(self, caller: str) -> None:
        async with self.places.held_by(caller):
            self.inside.append(caller)
            self._may_go.append(asyncio.Event())
            await self._may_go[-1].wait()

    async def go(self, times: int = 1) -> None:
        """Let those leave who have been inside the longest."""
        for event in [event for event in self._may_go if not event.is_set()][:times]:
            event.set()
        await settled()


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def crowd() -> AsyncIterator[Crowd]:
    crowd = Crowd()
    yield crowd
    for task in crowd.tasks:
        task.cancel()
    await asyncio.gather(*crowd.tasks, return_exceptions=True)


async def test_one_caller_alone_leaves_a_share_free_and_whoever_comes_finds_it(crowd: Crowd) -> None:
    await crowd.come("greedy", times=100)
    assert len(crowd.inside) == MOST - SHARE

    await crowd.come("ann")
    await crowd.come("bob")
    assert crowd.inside[-2:] == ["ann", "bob"]


async def test_everybody_elses_first_goes_before_the_hundredth_of_one(crowd: Crowd) -> None:
    for caller in ("a", "b", "c", "d"):
        await crowd.come(caller, times=100)
    assert sorted(crowd.inside) == ["a"] * 6 + ["b"] * 2
    await crowd.come("ann")

    await crowd.go(times=3)
    assert sorted(crowd.inside[MOST:]) == ["ann", "c", "d"]


async def test_those_of_one_caller_go_in_the_order_of_coming_and_all_are_served(crowd: Crowd) -> None:
    for caller in ("a", "b"):
        await crowd.come(caller, times=20)
    while not all(task.done() for task in crowd.tasks):
        await crowd.go()

    assert sorted(crowd.inside) == ["a"] * 20 + ["b"] * 20


async def test_who_gives_up_while_waiting_or_called_leaves_no_hole(crowd: Crowd) -> None:
    await crowd.come("a", times=MOST)
    await crowd.come("b", times=MOST)
    waiting = [task for task in crowd.tasks if not task.done()][-4:]
    for task in waiting[:2]:
        task.cancel()
    await settled()
    for task in crowd.tasks[:2]:  # inside: they leave while others who are called in their stead give up
        task.cancel()
    for task in waiting[2:]:
        task.cancel()
    while not all(task.done() for task in crowd.tasks):
        await crowd.go()

    crowd.inside.clear()
    for number in range(MOST):
        await crowd.come(f"visitor {number}")
    assert len(crowd.inside) == MOST
