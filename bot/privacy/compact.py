"""Free pages: what was deleted still stands in the files until the database is written anew."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

import sqlalchemy as sa

from bot.database.tables import metadata

PATIENCE_S = 30  # so long readers and writers of the running system may hold us up


def compact(engine: sa.Engine, *, full: bool = False) -> bool:
    """Write the database without its free pages; say whether it could be done while others use it.

    SQLite: VACUUM, and the write-ahead log is emptied into the file. PostgreSQL: VACUUM of every table; what was deleted cannot be
    read any more, and its pages are used again; with `full` the files are written anew, under a lock.
    """
    raw = engine.raw_connection()
    try:
        if engine.dialect.name == "sqlite":
            return _compact_sqlite(raw)
        raw.driver_connection.autocommit = True  # type: ignore[union-attr]
        cursor = raw.cursor()
        for table in metadata.sorted_tables:
            cursor.execute(f'VACUUM {"(FULL) " if full else ""}"{table.name}"')
        cursor.close()
        raw.driver_connection.autocommit = False  # type: ignore[union-attr]
        return True
    finally:
        raw.close()


def _compact_sqlite(connection: Any) -> bool:
    until = time.monotonic() + PATIENCE_S
    done = False
    while time.monotonic() < until:
        try:
            if not done:
                connection.execute("VACUUM")
                done = True
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError:  # somebody writes
            busy = 1
        if not busy:
            return True
        time.sleep(0.2)
    return False
