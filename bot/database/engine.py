"""Connections to SQLite (embedded) and PostgreSQL (a server), used in the same way."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.database.direct import DirectReads
from bot.database.in_loop import BUSY_TIMEOUT_S, LoopModule

# The upper pages of the indexes of a million messages: with SQLite's own 2 MB a message there cost a third more time.
SQLITE_CACHE_KB = 16 * 1024
# For work on whole tables: with SQLite's own 2 MB, inserts in random order of an index wait for the file.
SQLITE_LARGE_CACHE_KB = 64 * 1024
LAST_WORDS_S = 1.0  # for what is still under way when a process ends


class Database:
    """One process's connections. `read()` and `write()` are transactions; a write is serialised from its first statement on SQLite."""

    def __init__(self, url: str) -> None:
        self.url = _async_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        self.engine: AsyncEngine = create_async_engine(self.url, **_pool_options(self.is_sqlite))
        if self.is_sqlite:
            _prepare_sqlite(self.engine.sync_engine, busy_timeout_s=0)  # who has to wait does so in another thread (bot.database.in_loop)
        path = make_url(url).database
        self._direct = DirectReads(path) if self.is_sqlite and path and path != ":memory:" else None
        self._one_writer, self._one_last = asyncio.Lock(), asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        async with self.engine.connect() as connection:
            yield connection

    async def rows(self, query: sa.Select[Any], parameters: dict[str, str]) -> Sequence[Sequence[Any]]:
        """Return the rows of a query that finds a few texts by key, the fastest way there is.

        The query is compiled once and must be a constant; values come without SQLAlchemy's conversions on SQLite, so texts only.
        """
        if self._direct is not None:
            try:
                return self._direct.rows(query, parameters)
            except sqlite3.OperationalError:
                pass  # busy: wait in another thread, where a lasting error is raised
        async with self.read() as connection:
            return (await connection.execute(query, parameters)).all()

    @asynccontextmanager
    async def write(self, *, last: bool = False) -> AsyncIterator[AsyncConnection]:
        """Begin a transaction that commits at the end of the block and rolls back when the block raises.

        On SQLite it begins with BEGIN IMMEDIATE, since a transaction that reads first and writes later fails under contention;
        writers of one process queue on a lock instead of polling the file. Of those with `last` only one at a time stands in that
        queue: however many there are, who must be quick (a customer who waits for an acknowledgement) waits for one of them.
        """
        async with self._writers_turn(last), self.engine.connect() as connection:
            if self.is_sqlite:
                await connection.execution_options(yingda_write=True)
            async with connection.begin():
                yield connection

    @asynccontextmanager
    async def _writers_turn(self, last: bool) -> AsyncIterator[None]:
        if not self.is_sqlite:
            yield
            return
        async with self._one_last if last else nullcontext(), self._one_writer:
            yield

    async def close(self) -> None:
        """Close all connections, after what several shared (bot.conversations.together) and nobody waits for any more."""
        if self._direct is not None:
            self._direct.close()
        pool = self.engine.pool
        assert isinstance(pool, sa.QueuePool)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                while pool.checkedout():
                    await asyncio.sleep(0.01)
        await self.engine.dispose()


def sync_engine(url: str) -> sa.Engine:
    """Return a plain engine for command-line work, migrations and customer intelligence."""
    parsed = make_url(url)
    driver = "sqlite" if parsed.get_backend_name() == "sqlite" else "postgresql+psycopg2"
    engine = sa.create_engine(parsed.set(drivername=driver))
    if driver == "sqlite":
        _prepare_sqlite(engine, always_write=True)
    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction of a plain engine that only reads, one state of everything, and keeps no writer waiting however long it takes."""
    with engine.connect().execution_options(yingda_write=False) as connection:
        if engine.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


def _async_url(url: str) -> str:
    parsed = make_url(url)
    driver = "sqlite+aiosqlite" if parsed.get_backend_name() == "sqlite" else "postgresql+asyncpg"
    return parsed.set(drivername=driver).render_as_string(hide_password=False)


def _pool_options(is_sqlite: bool) -> dict[str, Any]:
    if is_sqlite:
        # The connection used last is the next: its cache is warm, and the others' stay empty. All are kept: to open one takes as long as
        # ten looks into SQL.
        return {"pool_size": 32, "max_overflow": 0, "pool_use_lifo": True, "module": LoopModule()}
    return {"pool_size": 8, "max_overflow": 24, "pool_pre_ping": True}


def _prepare_sqlite(engine: sa.Engine, *, busy_timeout_s: int = BUSY_TIMEOUT_S, always_write: bool = False) -> None:
    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say, not where the driver guesses
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={busy_timeout_s * 1000}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA cache_size=-{SQLITE_LARGE_CACHE_KB if always_write else SQLITE_CACHE_KB}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        write = connection.get_execution_options().get("yingda_write", always_write)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
