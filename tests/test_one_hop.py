"""SQLite's statements take one hop to the connection's thread, and do what SQLAlchemy's own adapter does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest
import sqlalchemy as sa

from bot.database import Database

fruits = sa.Table("fruits", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20), unique=True))


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/shelf.sqlite3")
    async with database.write() as connection:
        await connection.run_sync(fruits.metadata.create_all)
        await connection.execute(sa.insert(fruits), [{"name": "apple"}, {"name": "pear"}])
    yield database
    await database.close()


async def test_a_query_takes_one_hop(shelf: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    hops = []
    execute = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, *arguments: object) -> object:
        hops.append(arguments)
        return await execute(self, *arguments)

    async with shelf.read() as connection:
        await connection.execute(sa.select(fruits))
        monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
        rows = (await connection.execute(sa.select(fruits.c.name).order_by(fruits.c.id))).scalars().all()

        assert rows == ["apple", "pear"]
        assert len(hops) == 1


async def test_changes_are_counted_and_returned(shelf: Database) -> None:
    async with shelf.write() as connection:
        inserted = await connection.execute(sa.insert(fruits).values(name="plum"))
        changed = await connection.execute(sa.update(fruits).where(fruits.c.id < 3).values(name=fruits.c.name + "s"))
        returned = await connection.execute(sa.delete(fruits).where(fruits.c.id == 1).returning(fruits.c.name))

        assert inserted.inserted_primary_key == (3,)
        assert changed.rowcount == 2
        assert returned.scalars().all() == ["apples"]


async def test_an_error_is_sqlalchemys_and_the_connection_goes_on(shelf: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="UNIQUE"):
        async with shelf.write() as connection:
            await connection.execute(sa.insert(fruits).values(name="pear"))
    with pytest.raises(sa.exc.OperationalError, match="no such table"):
        async with shelf.read() as connection:
            await connection.execute(sa.text("SELECT * FROM nowhere"))

    async with shelf.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(fruits))).scalar_one() == 2


async def test_rows_can_be_streamed(shelf: Database) -> None:
    async with shelf.read() as connection:
        streamed = await connection.stream(sa.select(fruits.c.name).order_by(fruits.c.id))

        assert [row.name async for row in streamed] == ["apple", "pear"]
