"""Records of customers of whom something is new, made by the same code as all of them: `python -m bot.customers.refresh_changed [--all]`.

The worker starts it as a process of its own, so that itself stays small. Killed at any point, it does the same again the next time: the
cursor moves only when the records are stored.
"""

from __future__ import annotations

import logging
import os
import sys
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.customers.cursors import CHANGED, Cursor, read_cursor, set_cursor
from bot.customers.due import OVERLAP
from bot.customers.features.engines import DatabaseEngine
from bot.customers.features.registry import views
from bot.customers.follow import follow
from bot.customers.lock import refresh_lock
from bot.customers.models import LiveModel, live_model
from bot.customers.profiles import Likes, Spread, build_profiles, delete_profiles, read_known, store_profiles
from bot.customers.recommend import TOP
from bot.customers.refresh import STEP, newest_seq, refresh_everybody
from bot.database import reading, sync_engine
from bot.database.intelligence import customer_merges, pipeline_runs
from bot.database.people import customer_profiles
from bot.errors import BotError
from bot.ids import utcnow
from bot.logs import configure_logging
from bot.settings import Settings, load_settings
from bot.tables import use_tables

MOST = 20_000  # customers; for more it is quicker to make everybody's record
BATCH = 400  # customers read at once
NICE = 10

# Whose events are new, and whose were corrected into another's.
_CHANGED = sa.text("""
SELECT COALESCE(c.merged_into, c.id)
FROM customer_events AS e
JOIN customers AS c ON c.id = e.customer_id
WHERE e.seq > :above
UNION
SELECT COALESCE(c.merged_into, c.id)
FROM customer_events AS e
JOIN customer_events AS former ON former.source = e.source AND former.key = e.key AND former.revision = e.revision - 1
JOIN customers AS c ON c.id = former.customer_id
WHERE e.seq > :above AND e.revision > 1
""")

log = logging.getLogger(__name__)


def refresh_changed(settings: Settings, *, everybody: bool = False, now: datetime | None = None) -> int | None:
    """Bring the records up to date of whom something is new; return how many, None while another refresh runs.

    Makes everybody's where that was never done, or the changed ones are very many.
    """
    engine = sync_engine(settings.database_url)
    try:
        with refresh_lock(settings, engine, wait=False) as held:
            if not held:
                return None
            return refresh_everybody(engine, progress=None, now=now) if everybody else _refresh(engine, now)
    finally:
        engine.dispose()


def _refresh(engine: sa.Engine, now: datetime | None) -> int:
    with engine.begin() as connection:
        follow(connection, now=now)
    with reading(engine) as connection:
        cursor, last = read_cursor(connection, CHANGED), _last_run(connection)
        seq = newest_seq(connection)
        at = now or utcnow()  # no earlier: whatever is counted in `seq` is known by then
        changed = [] if cursor is None else _changed(connection, cursor)
    if cursor is None or last is None or len(changed) > MOST:
        return refresh_everybody(engine, progress=None, now=now)
    for start in range(0, len(changed), BATCH):
        _refresh_these(engine, changed[start : start + BATCH], now=at, spread=last["spread"], popular=last["popular"])
    with engine.begin() as connection:
        set_cursor(connection, CHANGED, str(seq), at)
    return len(changed)


def _refresh_these(engine: sa.Engine, persons: list[str], *, now: datetime, spread: Spread, popular: list[str]) -> None:
    with reading(engine) as connection:
        database = DatabaseEngine(connection)
        known = read_known(database, now, customers=persons, spread=spread)
        likes = _likes(connection, database, persons, now, popular)
        model: LiveModel | None = live_model(connection)
    store_profiles(engine, list(build_profiles(known, model, likes)), tick=lambda done, total: None)
    delete_profiles(engine, sorted(set(persons) - set(known.table.index)))


def _changed(connection: sa.Connection, cursor: Cursor) -> list[str]:
    """Return the persons with new events, and both sides of merges that were made or undone."""
    persons = set(connection.execute(_CHANGED, {"above": int(cursor.cursor)}).scalars())
    merges, since = customer_merges.c, cursor.updated_at - OVERLAP
    sides = sa.select(merges.kept_id, merges.merged_id).where(sa.or_(merges.created_at >= since, merges.undone_at >= since))
    return sorted(persons.union(*connection.execute(sides).tuples()))


def _last_run(connection: sa.Connection) -> dict[str, Any] | None:
    runs = pipeline_runs.c
    query = sa.select(runs.counts).where(runs.step == STEP, runs.status == "done").order_by(runs.id.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()


def _likes(connection: sa.Connection, database: DatabaseEngine, persons: list[str], now: datetime, popular: list[str]) -> Likes:
    """Return what the last refresh of all recommended, or what is popular, less what they have bought since."""
    bought = database.run_sql(views()["purchases"], observed_at=now, customers=persons)
    have = set(zip(bought["customer_id"], bought["product"], strict=True))
    query = sa.select(customer_profiles.c.customer_id, customer_profiles.c.record).where(customer_profiles.c.customer_id.in_(persons))
    former = {person: record["recommendations"] for person, record in connection.execute(query)}
    return {person: [sku for sku in former.get(person, popular) if (person, sku) not in have][:TOP] for person in persons}


def main() -> int:
    settings = use_tables(load_settings())
    configure_logging(settings.log_level)
    os.nice(NICE)
    try:
        count = refresh_changed(settings, everybody="--all" in sys.argv[1:])
    except BotError as error:
        log.error("the records of customers could not be refreshed: %s", error)
        return 1
    except sa.exc.SQLAlchemyError as error:  # its text may hold a row
        log.error("the records of customers could not be refreshed: %s", type(error).__name__)
        return 1
    log.info("another refresh is running" if count is None else "refreshed %s records of customers", *([] if count is None else [count]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
