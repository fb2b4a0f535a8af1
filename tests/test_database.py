"""The engine, the migrations and the column types, on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot.database import Database, sync_engine
from bot.database.conversations import inboxes
from bot.database.migrate import migrate
from bot.database.tables import metadata
from bot.ids import utcnow


def test_migrations_make_exactly_the_tables_of_the_code(database_url: str) -> None:
    with sync_engine(database_url).connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    assert differences == []


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrate(database_url)

    with sync_engine(database_url).connect() as connection:
        assert connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalars().all() == ["0011"]


async def test_times_come_back_in_utc_with_microseconds(database: Database) -> None:
    moment = datetime(2026, 11, 22, 6, 7, 8, 123456, tzinfo=UTC)
    async with database.write() as connection:
        await connection.execute(sa.insert(inboxes).values(id="a", channel="website", name="A", created_at=moment))

    async with database.read() as connection:
        assert (await connection.execute(sa.select(inboxes.c.created_at))).scalar_one() == moment


async def test_a_time_without_zone_is_refused(database: Database) -> None:
    naive = utcnow().replace(tzinfo=None)

    async with database.write() as connection:
        with pytest.raises(sa.exc.StatementError, match="no time zone"):
            await connection.execute(sa.insert(inboxes).values(id="a", channel="website", name="A", created_at=naive))


async def test_a_block_that_raises_leaves_nothing_behind(database: Database) -> None:
    async def fail() -> None:
        async with database.write() as connection:
            await connection.execute(sa.insert(inboxes).values(id="a", channel="website", name="A", created_at=utcnow()))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    async with database.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(inboxes))).scalar_one() == 0


async def test_writers_of_two_pools_wait_for_each_other(database: Database) -> None:
    other = Database(database.url)

    async def add(pool: Database, name: str) -> None:
        async with pool.write() as connection:
            await connection.execute(sa.insert(inboxes).values(id=name, channel="website", name=name, created_at=utcnow()))

    await asyncio.gather(*(add(pool, f"{number}-{index}") for number in range(25) for index, pool in enumerate((database, other))))

    async with database.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(inboxes))).scalar_one() == 50
    await other.close()
