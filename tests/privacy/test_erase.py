"""An erased customer is nowhere any more."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import quote

import pytest
import redis.asyncio as aioredis
import sqlalchemy as sa

from bot.database import audit
from bot.database.intelligence import quarantined_rows
from bot.database.people import audit_log, customers
from bot.errors import NotFoundError
from bot.messages import InboundMessage
from bot.privacy.erase import ERASED, erase, erased_before, finish
from bot.privacy.person import find_person
from bot.privacy.reach import reach
from tests.conversations.conftest import settle
from tests.postgres import PostgresServer
from tests.privacy.conftest import World
from tests.privacy.life import ADDRESS, EMAIL, NAME, NUMBER, PHONE, VALUES
from tests.privacy.search import found_in, found_in_files, found_in_tables

pytestmark = pytest.mark.slow


def leave_files(world: World) -> tuple[Path, Path, Path]:
    """Write what should not be, but could: a log line of a library, a file of suggestions, and an example in the training data."""
    log = world.place.settings.data_dir / "logs" / "rasa.log.1"
    suggestions = world.place.settings.data_dir / "suggestions.yml"
    examples = world.place.root / "nlu_data" / "nlu" / "zh" / "account.yml"
    for file in (log, suggestions, examples):
        file.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(f"before {json.dumps(NAME)} {quote(EMAIL)} after {PHONE}\n", encoding="utf8")
    suggestions.write_text(f"- 我叫{NAME}，地址是{ADDRESS}\n", encoding="utf8")
    examples.write_text(f"nlu:\n- 我叫{NAME}\n", encoding="utf8")
    return log, suggestions, examples


@pytest.mark.parametrize("wanted", [NUMBER, PHONE, "199 4711 0815", EMAIL.upper()], ids=["number", "phone", "phone as spoken", "email"])
async def test_everything_of_the_customer_is_erased(
    world: World, redis: aioredis.Redis, tmp_path: Path, wanted: str, request: pytest.FixtureRequest
) -> None:
    log, _suggestions, examples = leave_files(world)
    engine = world.place.engine
    with engine.connect() as connection:
        person = find_person(connection, world.place.cipher, wanted, proven=True)
    with engine.begin() as connection:
        audit.record(connection, actor="command", action="backup", subject="database", file="/backups/monday.tar.gz")

    result = erase(world.place, wanted, actor="command", full=True)

    reached = {table.name for table, _clause in reach(person)}
    assert set(result.rows) - {"quarantined_rows"} <= reached
    assert reached <= set(result.rows)  # every table had something
    assert result.rows["quarantined_rows"] == 2
    assert result.compacted
    assert [one.partition(" of ")[0] for one in result.backups] == ["/backups/monday.tar.gz"]
    assert result.mentions == ["nlu_data/nlu/zh/account.yml:2"]
    examples.unlink()  # theirs to change, and named
    assert log.read_text(encoding="utf8").startswith('before "xxx')
    assert found_in_files(tmp_path, VALUES) == {}
    if engine.dialect.name == "postgresql":
        assert found_in_tables(engine, [*VALUES, NUMBER]) == {}
        assert _in_the_servers_files(engine, request.getfixturevalue("postgres")) == []
    async for key in redis.scan_iter():
        assert found_in(await redis.dump(key) or b"", [*VALUES, *person.ids]) == []
        assert not any(one in key for one in person.ids)


def _in_the_servers_files(engine: sa.Engine, server: PostgresServer) -> list[str]:
    with engine.connect() as connection:
        number = connection.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()").scalar_one()
        connection.rollback()
        connection.exec_driver_sql("CHECKPOINT")
    return list(found_in_files(server.folder / "data" / "base" / str(number), VALUES))


async def test_the_search_finds_the_customer_before(world: World, tmp_path: Path) -> None:
    """Or else the test above would prove nothing."""
    engine = world.place.engine
    places = found_in_files(tmp_path, VALUES) if engine.dialect.name == "sqlite" else found_in_tables(engine, VALUES)

    assert {text for texts in places.values() for text in texts} == set(VALUES)


async def test_others_stay_and_the_log_says_what_happened_without_saying_to_whom(world: World) -> None:
    erase(world.place, NUMBER, actor="command")

    with world.place.engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(customers)).scalar_one() == 1
        assert connection.execute(sa.select(quarantined_rows.c.row)).scalars().all() == [18]
        line = connection.execute(sa.select(audit_log).where(audit_log.c.action == "erase")).one()
    assert line.subject == f"customer:{world.customer_id}"
    assert found_in(json.dumps(line.details).encode(), [*VALUES, NUMBER]) == []


async def test_erasing_again_finds_nobody_and_a_killed_one_is_finished(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the transaction and the free pages: whoever runs it next clears them."""
    monkeypatch.setattr("bot.privacy.erase.compact", _killed)
    with pytest.raises(KeyboardInterrupt):
        erase(world.place, NUMBER, actor="command")
    monkeypatch.undo()

    assert finish(world.place)

    with pytest.raises(NotFoundError, match="nobody fits"):
        erase(world.place, NUMBER, actor="command")
    with world.place.engine.connect() as connection:
        actions = connection.execute(sa.select(audit_log.c.action).order_by(audit_log.c.id)).scalars().all()
    assert actions == ["erase", "erase_finished"]
    assert world.customer_id in erased_before(world.place.settings)
    assert found_in((world.place.settings.data_dir / ERASED).read_bytes(), [*VALUES, NUMBER]) == []


def _killed(*_arguments: object, **_options: object) -> bool:
    raise KeyboardInterrupt


async def test_a_visitor_without_a_record_is_erased_by_their_conversation(world: World) -> None:
    message = await world.service.receive(InboundMessage(inbox_id="website", channel_user="nobody", client_id="1", text="hello there"))
    await settle(world.service)

    result = erase(world.place, message.conversation_id, actor="command")

    assert result.rows["threads"] == 1
    with world.place.engine.connect() as connection:
        assert find_person(connection, world.place.cipher, NUMBER).conversation_ids != ()
