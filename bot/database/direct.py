"""Reads by key from SQLite in the event loop's own thread: they take some 20 µs, and the way to another thread and back some 500."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

BUSY_TIMEOUT_S = 0.01  # readers wait for nobody but who recovers the log of a crash; the loop must not
CACHE_KB = 16 * 1024  # the upper pages of the indexes of a million customers


class DirectReads:
    """One connection that only reads, opened with the first query."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def rows(self, query: sa.Select[Any], parameters: Mapping[str, str]) -> list[tuple[Any, ...]]:
        """Return all rows as SQLite has them. Raises sqlite3.OperationalError, when the database is busy too."""
        if self._connection is None:
            self._connection = _open(self._path)
        # All rows at once: the statement, and with it the read transaction, ends here.
        return self._connection.execute(_text(query), parameters).fetchall()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _open(path: str) -> sqlite3.Connection:
    # Whoever closes it may be another thread; queries are the loop's only, one after the other.
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA query_only=ON")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KB}")
    return connection


@cache
def _text(query: sa.Select[Any]) -> str:
    return str(query.compile(dialect=sqlite.dialect(paramstyle="named")))  # type: ignore[no-untyped-call]
