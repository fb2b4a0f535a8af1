"""SQLite for asyncio with its statements in the event loop's own thread: most take 20 µs, and the way to another thread and back 500.

What would hold up the loop goes on in the connection's thread, as with SQLAlchemy's adapter: waiting for another process that writes,
a query that turns out to be long, and copying from table to table.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections import deque
from typing import Any

import aiosqlite
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
)

BUSY_TIMEOUT_S = 20  # a writer waits this long for another process's transaction; ours take milliseconds
LONGEST_S = 0.005  # of a query in the loop's thread; then it is broken off and begun again in the other
MANY = 200  # repetitions of a change in the loop's thread, some 5 ms; more go to the other
STEPS = 5_000  # of SQLite's virtual machine between two looks at the clock; some 0.2 ms

Answer = tuple[sqlite3.Cursor, list[Any]]


class LoopConnection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ("_until",)

    def __init__(self, module: AsyncAdapt_aiosqlite_dbapi, connection: Any) -> None:
        super().__init__(module, connection)
        self._until = math.inf
        connection._conn.set_progress_handler(lambda: time.monotonic() > self._until, STEPS)

    def cursor(self, server_side: bool = False) -> AsyncAdapt_aiosqlite_cursor:
        return super().cursor(server_side=True) if server_side else LoopCursor(self)

    def commit(self) -> None:
        self.await_(self._end("commit"))

    def rollback(self) -> None:
        self.await_(self._end("rollback"))

    async def _end(self, how: str) -> None:
        getattr(self._connection._conn, how)()

    async def run_many(self, operation: str, repetitions: Any) -> Answer:
        """Run a change once for each of these parameters; the transaction that it stands in has the right to write already."""
        thread: Any = self._connection
        here: sqlite3.Connection = thread._conn
        if here.in_transaction and len(repetitions) <= MANY:
            return _run_many(here, operation, repetitions)
        answer: Answer = await thread._execute(_run_many, here, operation, repetitions)
        return answer

    async def run(self, operation: str, parameters: Any) -> Answer:
        """Run a statement and fetch all that it returns."""
        thread: Any = self._connection
        here: sqlite3.Connection = thread._conn
        if not _copies(operation):
            # Only a query may be broken off: with a change SQLite would roll back the whole transaction.
            self._until = time.monotonic() + LONGEST_S if operation.startswith("SELECT") else math.inf
            try:
                return _run(here, operation, parameters)
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT):
                    raise
            finally:
                self._until = math.inf
        answer: Answer = await thread._execute(_run_patiently, here, operation, parameters)
        return answer


def _copies(operation: str) -> bool:
    return operation.lstrip().startswith("INSERT") and "SELECT" in operation


class LoopCursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()

    def execute(self, operation: Any, parameters: Any = None) -> None:
        try:
            ran, rows = self.await_(self._adapt_connection.run(operation, parameters or ()))  # type: ignore[attr-defined]
        except Exception as error:
            self._adapt_connection._handle_exception(error)
        self.description = ran.description
        self._rows = deque(rows)
        # As SQLAlchemy's own: a statement that returns rows has no count of changes.
        self.lastrowid, self.rowcount = (-1, -1) if ran.description else (ran.lastrowid, ran.rowcount)

    def executemany(self, operation: Any, seq_of_parameters: Any) -> None:
        try:
            ran, _ = self.await_(self._adapt_connection.run_many(operation, seq_of_parameters))  # type: ignore[attr-defined]
        except Exception as error:
            self._adapt_connection._handle_exception(error)
        self.description, self.lastrowid, self.rowcount = None, ran.lastrowid, ran.rowcount


def _run(connection: sqlite3.Connection, operation: str, parameters: Any) -> Answer:
    """Return the cursor, closed, and the rows; what a closed cursor tells of its statement stays."""
    cursor = connection.cursor()
    try:
        cursor.execute(operation, parameters)
        return cursor, cursor.fetchall()
    finally:
        cursor.close()


def _run_many(connection: sqlite3.Connection, operation: str, repetitions: Any) -> Answer:
    cursor = connection.cursor()
    try:
        return cursor.executemany(operation, repetitions), []
    finally:
        cursor.close()


def _run_patiently(connection: sqlite3.Connection, operation: str, parameters: Any) -> Answer:
    """Work in the connection's thread, where waiting holds up nobody else."""
    connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_S * 1000}")
    try:
        return _run(connection, operation, parameters)
    finally:
        connection.execute("PRAGMA busy_timeout=0")


class LoopModule(AsyncAdapt_aiosqlite_dbapi):
    """What `create_async_engine(…, module=…)` takes in place of the driver."""

    def __init__(self) -> None:
        super().__init__(aiosqlite, sqlite3)

    def connect(self, *arguments: Any, **options: Any) -> LoopConnection:
        return LoopConnection(self, super().connect(*arguments, **{**options, "check_same_thread": False})._connection)
