"""Turns what the built-in shop and our own conversations hold into events: each once, however often it is called.

Light and cheap, since the worker calls it every few seconds: SQL inserts what is not there yet, and looks back a little only. What a source
tells late, with an older time, is found by `follow(…, everything=True)`, with which each full refresh begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from bot.customers.cursors import read_cursor, set_cursor
from bot.customers.event_store import Counts, one_writer, store_events
from bot.customers.events import Event, Kind
from bot.database.conversations import conversations, feedback, messages, threads
from bot.database.types import UtcTime
from bot.ids import utcnow
from bot.messages import Content, Sender

SHOP = "shop"
OWN = "yingda"  # the source of our own conversations
CURSOR = "follow"  # in source_cursors: up to when the systems have been read
LOOK_BACK = timedelta(days=2)
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
UNCOMMITTED = timedelta(minutes=1)  # a transaction that was open when the systems were read may bear an earlier time
REF_LENGTH = 64

Window = dict[str, datetime]

# Kinds in the order in which they are read; each has a statement of its name in following/.
SHOP_KINDS = (
    Kind.ORDER_PLACED, Kind.ITEM_BOUGHT, Kind.ORDER_CANCELLED, Kind.DELIVERY_LATE, Kind.RETURN_REQUESTED, Kind.CONTACT, Kind.CSAT,
    Kind.MEMBERSHIP_STARTED, Kind.MEMBERSHIP_ENDED, Kind.VISIT,
)  # fmt: skip

# The shop knew of each when it happened. Told again, it is there already.
_INSERT = """
INSERT INTO customer_events
    (source, key, revision, customer_id, kind, at, created_at, withdrawn, amount_minor, currency, value, ref)
SELECT 'shop', f.key, 1, f.customer_id, '{kind}', f.at, f.at, FALSE, f.amount_minor, f.currency, f.value, f.ref
FROM ({rows}) AS f
WHERE TRUE
ON CONFLICT (source, key, revision) DO NOTHING
"""
_FIND = """
SELECT 1
FROM ({rows}) AS f
WHERE NOT EXISTS (SELECT 1 FROM customer_events AS known WHERE known.source = 'shop' AND known.key = f.key)
LIMIT 1
"""


def follow(connection: sa.Connection, *, everything: bool = False, now: datetime | None = None) -> Counts:
    """Store what is new since the last time, in the caller's transaction; `everything` looks at the whole history again."""
    now = now or utcnow()
    window = {"since": BEGINNING if everything else _since(connection), "now": now}
    one_writer(connection)
    _in_utc(connection)
    counts = Counts()
    for kind in SHOP_KINDS:
        counts.stored += connection.execute(_statement(_INSERT, kind), window).rowcount
    for events in (_cancelled_items, _in_time_after_all, _contacts, _ratings):
        counts += store_events(connection, events(connection, window))
    set_cursor(connection, CURSOR, now.isoformat(), now)
    return counts


def anything_new(connection: sa.Connection, *, now: datetime | None = None) -> bool:
    """Say, by reading only, whether `follow` would find something or was never called."""
    cursor = read_cursor(connection, CURSOR)
    if cursor is None:
        return True
    since = cursor.updated_at - UNCOMMITTED
    for query in (sa.select(conversations.c.id).where(conversations.c.updated_at >= since), _rated_since(since)):
        if connection.execute(query.limit(1)).first():
            return True
    window = {"since": _since(connection), "now": now or utcnow()}
    _in_utc(connection)
    if any(connection.execute(_statement(_FIND, kind), window).first() for kind in SHOP_KINDS):
        return True
    return connection.execute(_in_time(), window).first() is not None


def _in_utc(connection: sa.Connection) -> None:
    """Keys hold times as text; on PostgreSQL those are in the session's time zone."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")


def _since(connection: sa.Connection) -> datetime:
    cursor = read_cursor(connection, CURSOR)
    return cursor.updated_at - LOOK_BACK if cursor else BEGINNING


def _statement(around: str, kind: Kind) -> sa.TextClause:
    return _timed(around.format(kind=kind.value, rows=_sql(kind.value)))


def _timed(sql: str) -> sa.TextClause:
    return sa.text(sql).bindparams(sa.bindparam("since", type_=UtcTime()), sa.bindparam("now", type_=UtcTime()))


@cache
def _sql(name: str) -> str:
    return (Path(__file__).parent / "following" / f"{name}.sql").read_text(encoding="utf8")


def _cancelled_items(connection: sa.Connection, window: Window) -> Iterator[Event]:
    """Yield the lines of cancelled orders as withdrawn, known from when the order was cancelled."""
    query = _timed(_sql("cancelled_items")).columns(at=UtcTime(), cancelled_at=UtcTime())
    for row in connection.execute(query, window).fetchall():
        yield Event(
            SHOP, row.key, row.customer_id, Kind.ITEM_BOUGHT, row.at, row.cancelled_at, row.amount_minor, row.currency, row.value, row.ref,
            withdrawn=True,
        )  # fmt: skip


def _in_time_after_all(connection: sa.Connection, window: Window) -> Iterator[Event]:
    """Yield late deliveries that were none as withdrawn, known from now: the shop says since when it was there, not since when it knows."""
    seen = set()
    for row in connection.execute(_in_time(), window).fetchall():
        if row.key not in seen:  # an order of several parcels is there once for each
            seen.add(row.key)
            yield Event(
                SHOP, row.key, row.customer_id, Kind.DELIVERY_LATE, row.at, None, row.amount_minor, row.currency, row.value, row.ref,
                withdrawn=True,
            )  # fmt: skip


def _in_time() -> sa.TextualSelect:
    return _timed(_sql("delivered_in_time")).columns(at=UtcTime())


def _contacts(connection: sa.Connection, window: Window) -> Iterator[Event]:
    """Yield each conversation in which a known customer wrote, with its lowest tone and what it was last about."""
    query = (
        sa.select(conversations.c.id, threads.c.customer_id, conversations.c.created_at, conversations.c.updated_at, messages.c.payload)
        .join(threads, threads.c.id == conversations.c.thread_id)
        .join(messages, messages.c.conversation_id == conversations.c.id)
        .where(conversations.c.updated_at >= window["since"], threads.c.customer_id.is_not(None), messages.c.sender == Sender.CUSTOMER)
        .order_by(conversations.c.id, messages.c.seq)
    )
    for conversation_id, rows in groupby(connection.execute(query).fetchall(), key=itemgetter(0)):
        of_it = list(rows)
        contents = [msgspec.convert(row.payload, Content) for row in of_it]
        _, customer_id, at, updated_at, _ = of_it[0]
        topics = [content.intent for content in contents if content.intent]
        yield Event(
            OWN, f"contact:{conversation_id}", customer_id, Kind.CONTACT, at, updated_at,
            value=min(content.sentiment for content in contents), ref=topics[-1][:REF_LENGTH] if topics else None,
        )  # fmt: skip


def _ratings(connection: sa.Connection, window: Window) -> Iterator[Event]:
    query = (
        _rated_since(window["since"])
        .add_columns(threads.c.customer_id, feedback.c.csat, feedback.c.created_at)
        .join(conversations, conversations.c.id == feedback.c.conversation_id)
        .join(threads, threads.c.id == conversations.c.thread_id)
        .where(threads.c.customer_id.is_not(None))
    )
    for conversation_id, customer_id, csat, at in connection.execute(query).fetchall():
        yield Event(OWN, f"csat:{conversation_id}", customer_id, Kind.CSAT, at, at, value=float(csat))


def _rated_since(since: datetime) -> sa.Select[Any]:
    return sa.select(feedback.c.conversation_id).where(feedback.c.created_at >= since)
