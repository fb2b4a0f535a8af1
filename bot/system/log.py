"""A process's output on disk, kept small: when a file is full it is renamed and a new one begun."""

from __future__ import annotations

from collections import deque
from pathlib import Path

LARGEST_BYTES = 10 * 1024 * 1024
OLD_FILES = 3  # name.log.1 is the newest of them
REMEMBERED_BYTES = 8 * 1024


class Log:
    def __init__(self, path: Path, *, largest: int = LARGEST_BYTES) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._largest = largest
        self._recent: deque[bytes] = deque()
        self._file = path.open("ab", buffering=0)
        path.chmod(0o600)

    def write(self, data: bytes) -> None:
        if self._file.tell() + len(data) > self._largest and self._file.tell():
            self._turn_over()
        self._file.write(data)
        self._recent.append(data)
        while sum(map(len, self._recent)) > REMEMBERED_BYTES and len(self._recent) > 1:
            self._recent.popleft()

    def last_lines(self, count: int) -> list[str]:
        """Return the last lines written by this process, newest last."""
        return b"".join(self._recent).decode(errors="replace").splitlines()[-count:]

    def close(self) -> None:
        self._file.close()

    def _turn_over(self) -> None:
        self._file.close()
        for number in range(OLD_FILES, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path if number == 1 else self.path.with_name(f"{self.path.name}.{number - 1}")
            if newer.exists():
                newer.replace(older)
        self._file = self.path.open("ab", buffering=0)
        self.path.chmod(0o600)
