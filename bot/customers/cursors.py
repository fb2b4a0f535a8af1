"""Up to where something has been read, in `source_cursors`."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from bot.database.intelligence import source_cursors

CHANGED = "refresh"  # the seq of customer_events up to which the records of customers are up to date
EVERYBODY = "refresh_all"  # when all of them were last made anew


class Cursor(NamedTuple):
    cursor: str
    updated_at: datetime


def read_cursor(connection: sa.Connection, source: str) -> Cursor | None:
    """Return where reading goes on; None before the first time."""
    query = sa.select(source_cursors.c.cursor, source_cursors.c.updated_at).where(source_cursors.c.source == source)
    row = connection.execute(query).one_or_none()
    return Cursor(*row) if row else None


def set_cursor(connection: sa.Connection, source: str, cursor: str, now: datetime) -> None:
    insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(source_cursors)
    values = insert.values(source=source, cursor=cursor, updated_at=now)
    connection.execute(values.on_conflict_do_update(index_elements=["source"], set_={"cursor": cursor, "updated_at": now}))
