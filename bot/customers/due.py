"""Whether customers' records are behind: a cheap look, for the worker."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from bot.customers.cursors import CHANGED, EVERYBODY, read_cursor
from bot.database.intelligence import customer_events, customer_merges

NIGHT_HOUR = 3  # of the company's time zone: spans of time grow for everybody, so all records are made anew once a night
OVERLAP = timedelta(minutes=1)  # merges bear the time at which their transaction began


class Due(Enum):
    CHANGED = "changed"  # something is new of some customers
    EVERYBODY = "everybody"  # the night's refresh


def refresh_due(connection: sa.Connection, *, now: datetime, timezone: ZoneInfo) -> Due | None:
    """Say what is to be refreshed, if anything."""
    everybody, changed = read_cursor(connection, EVERYBODY), read_cursor(connection, CHANGED)
    if everybody is None or changed is None or everybody.updated_at < last_night(now, timezone):
        return Due.EVERYBODY
    newest = connection.execute(sa.select(sa.func.max(customer_events.c.seq))).scalar_one() or 0
    if newest > int(changed.cursor):
        return Due.CHANGED
    merges, since = customer_merges.c, changed.updated_at
    lately = sa.select(merges.id).where(sa.or_(merges.created_at >= since, merges.undone_at >= since)).limit(1)
    return Due.CHANGED if connection.execute(lately).first() else None


def last_night(now: datetime, timezone: ZoneInfo) -> datetime:
    """Return when the latest refresh of all was to begin."""
    local = now.astimezone(timezone)
    tonight = local.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
    return tonight if tonight <= local else tonight - timedelta(days=1)
