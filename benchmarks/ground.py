"""The database that a bot talks about: the demo shop, and for each conversation of a pass its row, owned by the bot at epoch 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.conversations import Conversation, fill
from bot.conversations.store import lock_thread, open_inbox, start_conversation
from bot.crypto import open_cipher
from bot.database import Database, sync_engine
from bot.database.conversations import threads
from bot.database.migrate import migrate
from bot.database.people import customers
from bot.database.shop import orders
from bot.ids import new_id
from bot.settings import Settings
from bot.shop.sample import generate, load

CUSTOMERS = 400
SEED = 7
INBOX = "benchmark"


@dataclass(frozen=True)
class Speaker:
    customer_id: str
    order: str


def make_shop(settings: Settings) -> None:
    """Make the settings' database, with the demo shop's customers."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    migrate(settings.database_url)
    engine = sync_engine(settings.database_url)
    try:
        load(engine, open_cipher(settings), generate(CUSTOMERS, SEED))
    finally:
        engine.dispose()


async def open_conversations(url: str, passes: Sequence[Sequence[Conversation]]) -> list[list[Conversation]]:
    """Store a row for every conversation of every pass, each with a speaker of its own, and return them filled in."""
    database = Database(url)
    try:
        async with database.write() as connection:
            await open_inbox(connection, INBOX, channel="website", name=INBOX)
            speakers = iter(await _speakers(connection))
            return [[await _open(connection, script, next(speakers)) for script in scripts] for scripts in passes]
    finally:
        await database.close()


async def _open(connection: Any, script: Conversation, speaker: Speaker) -> Conversation:
    thread = await lock_thread(connection, inbox_id=INBOX, channel_user=new_id(), language=script.language)
    if script.identified:
        await connection.execute(sa.update(threads).where(threads.c.id == thread.id).values(customer_id=speaker.customer_id))
    row = await start_conversation(connection, thread_id=thread.id, language=script.language, page="")
    return fill(script, conversation_id=row.id, order=speaker.order)


async def _speakers(connection: Any) -> list[Speaker]:
    """Return the customers who have ordered something, each with the newest order."""
    newest = sa.select(orders.c.customer_id, sa.func.max(orders.c.number).label("number")).group_by(orders.c.customer_id).subquery()
    query = (
        sa.select(customers.c.id, newest.c.number)
        .join(newest, newest.c.customer_id == customers.c.shop_customer_id)
        .order_by(customers.c.shop_customer_id)
    )
    return [Speaker(row.id, row.number) for row in await connection.execute(query)]


def database_file(settings: Settings) -> Path:
    return settings.data_dir / "yingda.sqlite3"
