"""What a person gets who asks for their data."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.database import audit
from bot.database.intelligence import customer_merges
from bot.database.tables import metadata
from bot.errors import ConflictError, InputError
from bot.ids import new_id
from bot.privacy.export import _words, export
from bot.privacy.person import find_person
from bot.privacy.reach import reach
from tests.privacy.conftest import World
from tests.privacy.life import ADDRESS, EMAIL, NAME, NUMBER, PHONE, SAID


@pytest.mark.slow
async def test_the_export_holds_everything_in_clear(world: World, tmp_path: Path) -> None:
    engine, cipher, file = world.place.engine, world.place.cipher, tmp_path / "quetzal.zip"

    with engine.begin() as connection:
        person = find_person(connection, cipher, NUMBER)
        merge = connection.execute(sa.select(customer_merges.c.id)).scalar_one()
        looked = [f"customer:{person.customer_ids[1]}", f"thread:{person.thread_ids[0]}", f"conversation:{person.conversation_ids[0]}"]
        looked.append(f"merge:{merge}")
        for subject in (*looked, f"conversation:{new_id()}"):
            audit.record(connection, actor="agent:a", action="read", subject=subject)

    counts = export(engine, cipher, PHONE, file, actor="command")

    with zipfile.ZipFile(file) as archive:
        data = json.loads(archive.read("data.json"))
        about = archive.read("about.zh.txt").decode()
        sent = archive.read(data["media"][0]["file"]).decode()
    reached = {table.name for table, _clause in reach(person)} | {"quarantined_rows", "audit_log"}
    assert set(data) == set(counts) == reached
    assert data["customer_identities"][0]["name"] == NAME
    assert data["shop_orders"][0]["receiver"] == {"name": NAME, "phone": PHONE, "email": EMAIL, "address": ADDRESS}
    assert sent == SAID
    assert SAID in [message["text"] for message in data["messages"]]
    assert [row["value"] for row in data["quarantined_rows"]] == [f" {EMAIL.upper()}", "31.02.1990"]
    assert [line["subject"] for line in data["audit_log"] if line["action"] == "read"] == looked
    assert data["audit_log"][-1]["action"] == "export"
    assert "往来消息 (messages): " in about
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConflictError, match="exists already"):
        export(engine, cipher, NUMBER, file, actor="command")


@pytest.mark.slow
async def test_two_people_of_one_phone_are_told_apart_by_id(world: World) -> None:
    with world.place.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM customer_merges")

        with pytest.raises(InputError, match=f"2 people fit what you gave; name one by id: .*{world.customer_id}"):
            find_person(connection, world.place.cipher, EMAIL)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_table_that_is_named_is_there(language: str) -> None:
    assert set(_words(language).tables) <= set(metadata.tables)
