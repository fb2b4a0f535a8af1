"""A new key: what was written under the old one is written anew, and is found meanwhile."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.database import sync_engine
from bot.database.intelligence import customer_keys
from bot.database.people import customer_identities, customers
from bot.errors import SettingError
from bot.ids import new_id, utcnow
from bot.keys import forget_old_keys, make_data_key, read_env, secrets_file
from bot.privacy.person import find_person
from bot.privacy.rotation import rotate
from bot.settings import load_settings
from bot.system.backup import kept_secrets
from tests.conftest import DATA_KEY
from tests.privacy.conftest import World
from tests.privacy.life import EMAIL, NAME, NUMBER, PHONE

NEW_KEY = bytes(range(100, 132))
BOTH, NEW = Cipher(NEW_KEY, DATA_KEY), Cipher(NEW_KEY)
COLUMN = "customer_identities.phone"
ROWS = 2000


def test_a_value_of_an_older_key_opens_and_a_new_one_does_not_open_without_the_new_key() -> None:
    old = Cipher(DATA_KEY)

    assert BOTH.decrypt(old.encrypt("138", column=COLUMN), column=COLUMN) == "138"
    assert BOTH.indexes("138", column=COLUMN) == [NEW.index("138", column=COLUMN), old.index("138", column=COLUMN)]
    assert not BOTH.is_current(old.encrypt("138", column=COLUMN), column=COLUMN)
    assert BOTH.is_current(BOTH.encrypt("138", column=COLUMN), column=COLUMN)
    with pytest.raises(SettingError, match="does not decrypt"):
        old.decrypt(BOTH.encrypt("138", column=COLUMN), column=COLUMN)
    with pytest.raises(SettingError, match="YINGDA_DATA_KEY_OLD has 3 bytes"):
        Cipher(NEW_KEY, b"old")


def test_the_new_key_stands_beside_the_old_one_until_it_is_forgotten(tmp_path: Path) -> None:
    first = load_settings({"YINGDA_DATA_DIR": str(tmp_path)}, root=tmp_path)

    new = make_data_key(tmp_path, first.data_key)

    second = load_settings({"YINGDA_DATA_DIR": str(tmp_path)}, root=tmp_path)
    assert (second.data_key, second.older_data_keys) == (new, [first.data_key])
    assert second.secret_key == first.secret_key
    assert kept_secrets(second)["YINGDA_DATA_KEY_OLD"] == first.data_key  # a backup of now must open too
    assert secrets_file(tmp_path).stat().st_mode & 0o777 == 0o600
    assert forget_old_keys(tmp_path)
    assert not forget_old_keys(tmp_path)
    assert "YINGDA_DATA_KEY_OLD" not in read_env(secrets_file(tmp_path))
    with pytest.raises(SettingError, match="is set in the environment"):
        make_data_key(tmp_path, "00" * 32)


@pytest.mark.parametrize("older", ["nonsense", "00" * 31], ids=["no number", "too short"])
def test_a_wrong_old_key_is_said(tmp_path: Path, older: str) -> None:
    with pytest.raises(SettingError, match="YINGDA_DATA_KEY_OLD must hold keys of 64"):
        load_settings({"YINGDA_DATA_DIR": str(tmp_path), "YINGDA_DATA_KEY_OLD": older}, root=tmp_path)


@pytest.mark.slow
async def test_everything_is_written_anew_and_found_before_and_after(world: World) -> None:
    engine = world.place.engine
    old_index = world.place.cipher.index(EMAIL, column="customer_identities.email")
    with engine.begin() as connection:
        crm = connection.execute(sa.select(customer_keys.c.customer_id)).scalar_one()
        row = {"source": "mailing", "key": old_index, "customer_id": crm, "created_at": utcnow()}
        connection.execute(sa.insert(customer_keys).values(row))
        assert find_person(connection, BOTH, PHONE).numbers == (NUMBER,)  # before it has begun

    done = rotate(engine, BOTH)

    assert (done.renewed, done.unreadable) == (9, 0)  # 2 identities, 3 refused values, account, order, invoice, a file
    assert rotate(engine, BOTH).renewed == 0
    with engine.connect() as connection:
        assert find_person(connection, NEW, PHONE).numbers == (NUMBER,)
        assert find_person(connection, NEW, EMAIL).numbers == (NUMBER,)
        name = connection.execute(sa.select(customer_identities.c.name)).scalars().first()
        keys = connection.execute(sa.select(customer_keys.c.key).where(customer_keys.c.source == "mailing")).scalars().all()
    assert name is not None
    assert NEW.decrypt(name, column="customer_identities.name") == NAME
    assert keys == [NEW.index(EMAIL, column="customer_identities.email")]


@pytest.mark.slow
async def test_what_no_key_opens_is_counted_and_left_alone(world: World) -> None:
    strangers = replace(world.place, cipher=Cipher(NEW_KEY))

    done = rotate(world.place.engine, strangers.cipher)

    assert (done.renewed, done.unreadable) == (0, 9)


def _fill(url: str, count: int) -> None:
    engine, old = sync_engine(url), Cipher(DATA_KEY)
    ids = [new_id() for _ in range(count)]
    phones = [f"+8613{number:09}" for number in range(count)]
    sealed = [
        {"customer_id": one, "phone": old.encrypt(phone, column=COLUMN), "phone_index": old.index(phone, column=COLUMN)}
        for one, phone in zip(ids, phones, strict=True)
    ]
    with engine.begin() as connection:
        connection.execute(sa.insert(customers), [{"id": one, "created_at": utcnow()} for one in ids])
        connection.execute(sa.insert(customer_identities), sealed)
    engine.dispose()


def _killed_half_way(url: str) -> None:
    def die(_what: str, done: int, _total: int) -> None:
        if done >= ROWS // 2:
            os.kill(os.getpid(), signal.SIGKILL)

    rotate(sync_engine(url), BOTH, progress=die)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_killed_half_way_it_goes_on(database_url: str) -> None:
    _fill(database_url, ROWS)
    process = multiprocessing.get_context("fork").Process(target=_killed_half_way, args=(database_url,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    engine = sync_engine(database_url)
    half_way = _renewed(engine)

    done = rotate(engine, BOTH)

    assert half_way == done.renewed == ROWS // 2
    assert _renewed(engine) == ROWS
    engine.dispose()


def _renewed(engine: sa.Engine) -> int:
    """Count the rows whose phone and index are both under the new key."""
    with engine.connect() as connection:
        rows = connection.execute(sa.select(customer_identities.c.phone, customer_identities.c.phone_index)).all()
    count = 0
    for phone, index in rows:
        fresh = NEW.is_current(phone, column=COLUMN)
        assert fresh == (index == NEW.index(BOTH.decrypt(phone, column=COLUMN), column=COLUMN))  # never one without the other
        count += fresh
    return count
