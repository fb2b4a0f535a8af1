"""Who is known by an address on a channel only is found by it."""

from __future__ import annotations

import pytest

from bot.conversations import store
from bot.crypto import Cipher
from bot.database import Database, sync_engine
from bot.errors import NotFoundError
from bot.privacy.person import find_person


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
