"""The database that a verb works on, with every table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from bot.database import sync_engine
from bot.database.migrate import migrate
from bot.errors import ServiceError
from bot.settings import Settings


@contextmanager
def open_database(settings: Settings) -> Iterator[sa.Engine]:
    """Yield an engine on a database with the newest tables; ServiceError when it does not answer."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        migrate(settings.database_url)
        engine = sync_engine(settings.database_url)
        try:
            yield engine
        finally:
            engine.dispose()
    except sa.exc.OperationalError as error:
        raise ServiceError(f"the database cannot be used: {str(error.orig).strip().splitlines()[0]}") from error
