"""Who is known by an address on a channel only is found by it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.conversations import store
from bot.crypto import Cipher
from bot.database import Database, sync_engine
from bot.database.conversations import threads
from bot.database.people import customer_identities, customers
from bot.errors import NotFoundError
from bot.ids import utcnow
from bot.privacy.erase import Place, erase
from bot.privacy.person import find_person
from bot.settings import Settings

EMAIL, PHONE = "Alice@example.com", "+8613900001111"


@pytest.fixture(params=["sqlite"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_an_address_or_number_finds_the_threads_of_channels(database: Database, database_url: str, cipher: Cipher) -> None:
    users = {"email": "alice@example.com/b1994a57adbcce154a949ff4", "sms": "+8613900001111", "whatsapp": "8613900001111"}
    async with database.write() as connection:
        for kind, user in users.items():
            await store.open_inbox(connection, kind, channel=kind, name=kind)
            await store.lock_thread(connection, inbox_id=kind, channel_user=user, language="en")
    engine = sync_engine(database_url)

    with engine.connect() as connection:
        assert find_person(connection, cipher, "Alice@example.com").channel_users == (users["email"],)
        assert find_person(connection, cipher, "139 0000 1111").channel_users == (users["sms"], users["whatsapp"])
        with pytest.raises(NotFoundError):
            find_person(connection, cipher, "lice@example.com")

    engine.dispose()


@pytest.mark.slow
async def test_who_is_erased_by_number_takes_the_threads_of_their_own_addresses_along(
    database: Database, settings: Settings, cipher: Cipher, tmp_path: Path
) -> None:
    """The record has an e-mail address and a phone; nobody has ever linked the threads. What another record has stays, and so do others."""
    theirs = {"email": "alice@example.com/b1994a57adbcce154a949ff4", "sms": "+8613900001111", "whatsapp": "8613900001111"}
    others = {"email": "alice@example.com.example/1", "sms": "+8613900001112"}
    columns = {name: cipher.encrypt(value, column=f"customer_identities.{name}") for name, value in (("email", EMAIL), ("phone", PHONE))}
    async with database.write() as connection:
        for number in ("C1", "C2"):
            await connection.execute(sa.insert(customers).values(id=number, shop_customer_id=number, created_at=utcnow()))
        await connection.execute(sa.insert(customer_identities).values(customer_id="C1", **columns))
        for kind, user in (*theirs.items(), *others.items()):
            await store.open_inbox(connection, kind, channel=kind, name=kind)
            await store.lock_thread(connection, inbox_id=kind, channel_user=user, language="en")
        linked = await store.lock_thread(connection, inbox_id="email", channel_user="alice@example.com/of-another", language="en")
        await connection.execute(sa.update(threads).where(threads.c.id == linked.id).values(customer_id="C2"))
    engine = sync_engine(settings.database_url)

    found = erase(Place(settings, engine, cipher, tmp_path), "C1", actor="command")

    with engine.connect() as connection:
        left = set(connection.execute(sa.select(threads.c.channel_user)).scalars())
    assert left == {*others.values(), "alice@example.com/of-another"}
    assert found.rows["threads"] == 3
    engine.dispose()
