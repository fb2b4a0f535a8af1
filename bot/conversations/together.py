"""Doing at once for many callers what each of them asks for alone: one transaction, one way to Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Together(Generic[Item, Result]):
    """Whoever comes while a round is under way goes with the next one, in the order of coming; an idle one begins at once.

    `work` returns a result for each item, in their order. When it raises, the items are tried again one by one, so that nobody pays for
    a neighbour, and the exception goes to those who have earned it.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], *, most: int) -> None:
        self._work = work
        self._most = most
        self._waiting: list[tuple[Item, asyncio.Future[Result]]] = []
        self._rounds: asyncio.Task[None] | None = None

    async def do(self, item: Item) -> Result:
        """Return the item's result, when the round that it went with is over."""
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._run())
        return await done

    async def _run(self) -> None:
        group: list[tuple[Item, asyncio.Future[Result]]] = []
        try:
            while self._waiting:
                group, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
                await self._round(group)
        finally:
            self._rounds = None
            for _, done in group:
                done.cancel()  # nothing happens to those that have their result

    async def _round(self, group: Sequence[tuple[Item, asyncio.Future[Result]]]) -> None:
        try:
            results = await self._work([item for item, _ in group])
        except Exception as error:
            if len(group) == 1:
                _, done = group[0]
                if not done.done():
                    done.set_exception(error)
                return
            for one in group:
                await self._round([one])
            return
        for (_, done), result in zip(group, results, strict=True):
            if not done.done():  # its caller may have gone
                done.set_result(result)
