"""Bring a database to the newest schema, one process at a time."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from bot.database.engine import sync_engine

# Any constant will do, as long as everyone who migrates takes the same advisory lock.
POSTGRES_LOCK = 0x79696E676461


def migrate(url: str) -> None:
    """Run the missing migrations; two processes that start at once run them once."""
    engine = sync_engine(url)
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK})
            command.upgrade(alembic_config(connection), "head")
    finally:
        engine.dispose()


def alembic_config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
