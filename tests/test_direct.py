"""Reads by key past SQLAlchemy: they see what is committed, wait for no writer, and change nothing."""

from __future__ import annotations

import sqlite3

import pytest
import sqlalchemy as sa

from bot.database import Database
from bot.database.conversations import inboxes
from bot.ids import utcnow

NAME = sa.select(inboxes.c.name).where(inboxes.c.id == sa.bindparam("asked"))


async def insert(database: Database, id_: str) -> None:
    async with database.write() as connection:
        await connection.execute(sa.insert(inboxes).values(id=id_, channel="website", name=f"名 {id_}", created_at=utcnow()))


async def test_a_read_sees_each_commit_and_nothing_before_it(database: Database) -> None:
    assert list(await database.rows(NAME, {"asked": "a"})) == []

    async with database.write() as connection:
        await connection.execute(sa.insert(inboxes).values(id="a", channel="website", name="A", created_at=utcnow()))
        within = list(await database.rows(NAME, {"asked": "a"}))  # no waiting for the writer either
    await insert(database, "b")

    assert within == []
    assert [tuple(row) for id_ in "ab" for row in await database.rows(NAME, {"asked": id_})] == [("A",), ("名 b",)]


async def test_what_the_database_refuses_is_told_as_its_own_error(database: Database) -> None:
    await insert(database, "a")
    await database.rows(NAME, {"asked": "a"})

    unknown = sa.select(sa.table("nothing", sa.column("id")).c.id)

    with pytest.raises(sa.exc.DBAPIError, match="nothing"):
        await database.rows(unknown, {})


async def test_the_connection_of_its_own_cannot_write(database: Database) -> None:
    if not database.is_sqlite:
        pytest.skip("PostgreSQL has no connection of its own for this")
    await database.rows(NAME, {"asked": "a"})
    assert database._direct is not None
    assert database._direct._connection is not None

    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        database._direct._connection.execute("DELETE FROM inboxes")
