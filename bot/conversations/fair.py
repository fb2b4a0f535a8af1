"""Places for so many at once, shared fairly: nobody who takes many keeps others waiting for more than one of them."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairPlaces:
    """`most` places, and a line before them in which callers take turns.

    A caller who holds `share` places is given a further one only while more than `share` are free, so that there is always one for others,
    until so many callers hold their share that all places are taken.
    """

    def __init__(self, most: int, *, share: int) -> None:
        self._free = most
        self._share = share
        self._held: Counter[str] = Counter()
        self._lines: dict[str, deque[asyncio.Future[None]]] = {}  # whose turn comes next stands first

    @asynccontextmanager
    async def held_by(self, caller: str) -> AsyncIterator[None]:
        """Hold a place, after those of the same caller who came before."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(caller, deque()).append(turn)
        self._call()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # the place was given this moment
                self._leave(caller)
            raise
        try:
            yield
        finally:
            self._leave(caller)

    def _leave(self, caller: str) -> None:
        self._free += 1
        self._held[caller] -= 1
        if not self._held[caller]:
            del self._held[caller]
        self._call()

    def _call(self) -> None:
        """Give the free places, one to each caller in turn."""
        while self._free and (caller := next(filter(self._may, self._lines), None)) is not None:
            line = self._lines.pop(caller)
            turn = line.popleft()
            if line:
                self._lines[caller] = line  # behind the others
            if not turn.cancelled():
                self._free -= 1
                self._held[caller] += 1
                turn.set_result(None)

    def _may(self, caller: str) -> bool:
        return self._held[caller] < self._share or self._free > self._share
