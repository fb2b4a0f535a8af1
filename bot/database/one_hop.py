"""SQLite for asyncio with one hop to the connection's thread for each statement.

SQLAlchemy's adapter makes four (cursor, execute, fetch, close). Each hop hands the interpreter's lock from one processor to the
other and back, which costs more than the statement: with one hop, a query takes less than half the processor time.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)


class OneHopCursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()

    def execute(self, operation: Any, parameters: Any = None) -> None:
        """Run the statement and fetch all that it returns."""
        try:
            ran, rows = self.await_(self._connection._execute(_run, self._connection._conn, operation, parameters or ()))  # type: ignore[attr-defined]
        except Exception as error:
            self._adapt_connection._handle_exception(error)
        self.description = ran.description
        self._rows = deque(rows)
        # As SQLAlchemy's own: a statement that returns rows has no count of changes.
        self.lastrowid, self.rowcount = (-1, -1) if ran.description else (ran.lastrowid, ran.rowcount)


def _run(connection: sqlite3.Connection, operation: str, parameters: Any) -> tuple[sqlite3.Cursor, list[Any]]:
    """Work in the connection's thread; what a closed cursor tells of its statement stays."""
    cursor = connection.cursor()
    try:
        cursor.execute(operation, parameters)
        return cursor, cursor.fetchall()
    finally:
        cursor.close()


class OneHopConnection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ()

    def cursor(self, server_side: bool = False) -> AsyncAdapt_aiosqlite_cursor:
        return super().cursor(server_side=True) if server_side else OneHopCursor(self)


class OneHopModule(AsyncAdapt_aiosqlite_dbapi):
    """What `create_async_engine(…, module=…)` takes in place of the driver."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arguments: Any, **options: Any) -> OneHopConnection:
        return OneHopConnection(self, super().connect(*arguments, **options)._connection)
