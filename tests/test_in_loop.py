"""SQLite's statements run in the loop's own thread while they are brief, and do what SQLAlchemy's own adapter does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest
import sqlalchemy as sa

from bot.database import Database, in_loop

fruits = sa.Table("fruits", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.String(20), unique=True))


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/shelf.sqlite3")
    async with database.write() as connection:
        await connection.run_sync(fruits.metadata.create_all)
        await connection.execute(sa.insert(fruits), [{"name": "apple"}, {"name": "pear"}])
    yield database
    await database.close()


@pytest.fixture
def hops(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that went to a connection's thread."""
    found: list[str] = []
    execute = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, *arguments: object, **options: object) -> object:
        if arguments[0] is in_loop._run_patiently:
            found.append(str(arguments[2]))
        return await execute(self, *arguments, **options)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
    return found


async def test_what_is_brief_takes_no_hop(shelf: Database, hops: list[str]) -> None:
    async with shelf.write() as connection:
        await connection.execute(sa.insert(fruits).values(name="plum"))
        rows = (await connection.execute(sa.select(fruits.c.name).order_by(fruits.c.id))).scalars().all()

    assert rows == ["apple", "pear", "plum"]
    assert hops == []


async def test_a_change_for_many_rows_takes_no_hop_unless_they_are_very_many(shelf: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    hops = 0
    execute = aiosqlite.Connection._execute

    async def counted(self: aiosqlite.Connection, *arguments: object, **options: object) -> object:
        nonlocal hops
        hops += 1
        return await execute(self, *arguments, **options)

    change = sa.update(fruits).where(fruits.c.name == sa.bindparam("old")).values(name=sa.bindparam("new"))
    async with shelf.write() as connection:
        monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
        changed = await connection.execute(change, [{"old": "apple", "new": "plum"}, {"old": "pear", "new": "fig"}])
        assert (changed.rowcount, hops) == (2, 0)
        await connection.execute(sa.insert(fruits), [{"name": f"fruit {number}"} for number in range(in_loop.MANY + 1)])
        assert hops == 1
        names = (await connection.execute(sa.select(fruits.c.name).order_by(fruits.c.id))).scalars().all()
        with pytest.raises(sa.exc.IntegrityError):
            await connection.execute(change, [{"old": "plum", "new": "fig"}])
    assert names[:3] == ["plum", "fig", "fruit 0"]


async def test_a_long_query_does_not_hold_up_the_loop(shelf: Database, hops: list[str]) -> None:
    numbers = "SELECT COUNT(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 300000) SELECT i FROM n)"
    async with shelf.write() as connection:
        await connection.execute(sa.insert(fruits).values(name="plum"))
        counted = (await connection.execute(sa.text(numbers))).scalar_one()

    assert counted == 300_000
    assert hops == [numbers]
    async with shelf.read() as connection:
        assert (
            await connection.execute(sa.select(sa.func.count()).select_from(fruits))
        ).scalar_one() == 3  # what it broke off was only itself


async def test_who_waits_for_another_writer_does_not_hold_up_the_loop(shelf: Database, hops: list[str]) -> None:
    other = Database(shelf.url)
    held = asyncio.Event()

    async def hold() -> None:
        async with other.write() as connection:
            await connection.execute(sa.insert(fruits).values(name="plum"))
            held.set()
            await asyncio.sleep(0.05)

    holding = asyncio.create_task(hold())
    await held.wait()
    async with shelf.write() as connection:
        await connection.execute(sa.insert(fruits).values(name="fig"))
    await holding
    await other.close()

    assert hops == ["BEGIN IMMEDIATE"]


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


async def test_who_must_be_quick_waits_for_one_of_those_who_come_last(shelf: Database) -> None:
    order: list[str] = []

    async def write(name: str, *, last: bool) -> None:
        async with shelf.write(last=last) as connection:
            await connection.execute(sa.insert(fruits).values(name=name))
            await asyncio.sleep(0)
            order.append(name)

    patient = [asyncio.create_task(write(f"patient {number}", last=True)) for number in range(5)]
    await asyncio.sleep(0)
    await asyncio.gather(write("quick", last=False), *patient)

    assert order.index("quick") <= 1
    assert [name for name in order if name != "quick"] == [f"patient {number}" for number in range(5)]
