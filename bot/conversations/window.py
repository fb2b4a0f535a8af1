"""Counting what is done under many names within a stretch of time, in one process's memory: it costs a message nothing."""

from __future__ import annotations

import time
from collections import Counter


class Window:
    """Counts by name; all counts begin anew together every `length_s` seconds."""

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._ends_at = 0.0
        self._counts: Counter[str] = Counter()

    def add(self, name: str) -> int:
        count = self.of(name) + 1
        self._counts[name] = count
        return count

    def of(self, name: str) -> int:
        if time.monotonic() >= self._ends_at:
            self._counts.clear()
            self._ends_at = time.monotonic() + self._length_s
        return self._counts[name]

    @property
    def left_s(self) -> int:
        return max(1, round(self._ends_at - time.monotonic()))
