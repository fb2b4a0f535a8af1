"""SQLite as it is best for a large load: indexes in memory, checkpoints seldom."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

CACHE_KB = 256 * 1024  # the indexes of some millions of events; the default of 2 MB reads and writes the same pages over and over
CHECKPOINT_PAGES = 25_000  # 100 MB of log between two checkpoints


@contextmanager
def bulk(connection: sa.Connection) -> Iterator[None]:
    """Prepare the connection for many inserts, and leave it as it was."""
    if connection.dialect.name != "sqlite":
        yield
        return
    names = ("cache_size", "wal_autocheckpoint")
    before = {name: _driver(connection, f"PRAGMA {name}") for name in names}
    for name, value in zip(names, (-CACHE_KB, CHECKPOINT_PAGES), strict=True):
        _driver(connection, f"PRAGMA {name}={value}")
    try:
        yield
    finally:
        for name, value in before.items():
            _driver(connection, f"PRAGMA {name}={value}")


def _driver(connection: sa.Connection, statement: str) -> int:
    """Run a statement outside any transaction, which SQLAlchemy would begin."""
    found = connection.connection.cursor().execute(statement).fetchone()
    return int(found[0]) if found else 0
