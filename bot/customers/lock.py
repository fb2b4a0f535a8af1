"""At most one refresh at a time; the lock of a process that dies is free at once."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from bot.settings import Settings

REFRESH_LOCK = 0x59_64_52_66  # PostgreSQL's advisory lock; any number that nothing else uses


@contextmanager
def refresh_lock(settings: Settings, engine: sa.Engine, *, wait: bool) -> Iterator[bool]:
    """Hold the lock inside the block; False when another refresh runs and `wait` is not asked for.

    PostgreSQL keeps it for all machines; with SQLite it is a file, as is the database.
    """
    if engine.dialect.name == "postgresql":
        lock = sa.func.pg_advisory_lock if wait else sa.func.pg_try_advisory_lock
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            held = connection.execute(sa.select(lock(REFRESH_LOCK))).scalar_one() is not False
            try:
                yield held
            finally:
                if held:
                    connection.execute(sa.select(sa.func.pg_advisory_unlock(REFRESH_LOCK)))
        return
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (settings.data_dir / "customers-refresh.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
