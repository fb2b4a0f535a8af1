"""Stores events so that telling the same one again changes nothing, and a correction never rewrites what was known before it.

Light: the endpoint that takes pushed events imports it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Self

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from bot.customers.events import Event
from bot.database.intelligence import customer_events
from bot.ids import utcnow

BATCH = 5000  # events looked up and inserted at once
WRITERS_LOCK = 0x59_64_45_76  # PostgreSQL's advisory lock of whoever writes events; any number that nothing else uses

_COLUMNS = ("source", "key", "revision", "created_at", "superseded_at", "run_id",
            "customer_id", "kind", "at", "amount_minor", "currency", "value", "ref", "withdrawn")  # fmt: skip
_REVISION, _CREATED_AT, _SUPERSEDED_AT, _AT, _TOLD = 2, 3, 4, 8, slice(6, 14)  # places in a row; _TOLD is what the event itself says
_INSERT_SQLITE = f"INSERT INTO customer_events ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_COPY_POSTGRES = f"COPY customer_events ({', '.join(_COLUMNS)}) FROM STDIN WITH (FORMAT csv, NULL '\\N')"

Key = tuple[str, str]  # source, key
Row = list[Any]  # the values of _COLUMNS


class Counts(msgspec.Struct):
    """`stored` are new keys, `corrected` further revisions of known ones, `unchanged` those that were told before in the same form."""

    stored: int = 0
    corrected: int = 0
    unchanged: int = 0

    def __iadd__(self, other: Counts) -> Self:
        self.stored += other.stored
        self.corrected += other.corrected
        self.unchanged += other.unchanged
        return self


def store_events(connection: sa.Connection, events: Iterable[Event], *, run_id: str | None = None) -> Counts:
    """Store the events in the caller's transaction: a new key as it is, a changed one as a further revision, an equal one not at all.

    Events of one (source, key) count in the order given. A correction is known from its `created_at`; where it claims to have been known no
    later than what it corrects, from now. One writer at a time, until the transaction ends: so `seq` grows as transactions commit, and who
    has read up to a seq has missed none below it. Raises ValueError for a time without zone.
    """
    one_writer(connection)
    counts, coming, now = Counts(), iter(events), utcnow()
    while batch := list(islice(coming, BATCH)):
        rows, superseded = _rows(batch, *_latest(connection, batch), now=now, run_id=run_id, counts=counts)
        if superseded:
            change = sa.update(customer_events).where(customer_events.c.seq == sa.bindparam("old_seq"))
            connection.execute(change.values(superseded_at=sa.bindparam("since")), superseded)
        if rows:
            _insert(connection, rows)
    return counts


def one_writer(connection: sa.Connection) -> None:
    """Wait until no other transaction writes events, and keep others waiting until this one ends; on SQLite every writer is alone."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(WRITERS_LOCK)))


def _latest(connection: sa.Connection, batch: list[Event]) -> tuple[dict[Key, Row], dict[Key, int]]:
    """Return of each key of the batch that is known already the form in which it stands, and that row's seq."""
    keys: dict[str, list[str]] = {}
    for event in batch:
        keys.setdefault(event.source, []).append(event.key)
    latest: dict[Key, Row] = {}
    seqs: dict[Key, int] = {}
    query = _QUERIES[connection.dialect.name]
    for source, of_source in keys.items():
        asked = msgspec.json.encode(of_source).decode() if connection.dialect.name == "sqlite" else of_source
        for seq, *row in connection.execute(query, {"of_source": source, "keys": asked}):
            latest[source, row[1]] = row
            seqs[source, row[1]] = seq
    return latest, seqs


def _standing(asked: Any) -> sa.Select[Any]:
    table = customer_events.c
    columns = [table.seq, *(table[name] for name in _COLUMNS)]
    return sa.select(*columns).where(table.source == sa.bindparam("of_source"), asked, table.superseded_at.is_(None))


_JSON_KEYS = sa.func.json_each(sa.bindparam("keys", type_=sa.Text)).table_valued("value")
_QUERIES = {  # one parameter for all keys: the statement is compiled once
    "sqlite": _standing(customer_events.c.key.in_(sa.select(_JSON_KEYS.c.value))),
    "postgresql": _standing(customer_events.c.key == sa.func.any(sa.bindparam("keys", type_=ARRAY(sa.String)))),
}


def _rows(
    batch: list[Event], latest: dict[Key, Row], seqs: dict[Key, int], *, now: datetime, run_id: str | None, counts: Counts
) -> tuple[list[Row], list[dict[str, Any]]]:
    """Return the rows to insert, and what to write into the rows that they supersede."""
    rows: list[Row] = []
    superseded: list[dict[str, Any]] = []
    for event in batch:
        key = (event.source, event.key)
        row = [event.source, event.key, 1, now if event.created_at is None else _utc(event.created_at), None, run_id, event.customer_id,
               event.kind.value, _utc(event.at), event.amount_minor, event.currency, event.value, event.ref, event.withdrawn]  # fmt: skip
        known = latest.get(key)
        if known is not None:
            if known[_TOLD] == row[_TOLD]:
                continue
            row[_REVISION] = known[_REVISION] + 1
            if row[_CREATED_AT] <= known[_CREATED_AT]:
                row[_CREATED_AT] = now
            known[_SUPERSEDED_AT] = row[_CREATED_AT]  # it may be of this batch
            if key in seqs:
                superseded.append({"old_seq": seqs.pop(key), "since": row[_CREATED_AT]})
            counts.corrected += 1
        rows.append(row)
        latest[key] = row
    counts.stored += sum(1 for row in rows if row[_REVISION] == 1)
    counts.unchanged += len(batch) - len(rows)
    return rows, superseded


def _insert(connection: sa.Connection, rows: list[Row]) -> None:
    """Insert the rows past SQLAlchemy's own handling of each value, which takes longer than the insert."""
    if connection.dialect.name == "sqlite":
        for row in rows:
            for place in (_CREATED_AT, _SUPERSEDED_AT, _AT):
                row[place] = row[place] and sqlite_time(row[place])
        connection.exec_driver_sql(_INSERT_SQLITE, [tuple(row) for row in rows])
    elif connection.dialect.driver == "psycopg2":
        text = io.StringIO()
        csv.writer(text).writerows([r"\N" if value is None else value for value in row] for row in rows)
        text.seek(0)
        connection.connection.cursor().copy_expert(_COPY_POSTGRES, text)  # type: ignore[attr-defined]
    else:
        connection.execute(sa.insert(customer_events), [dict(zip(_COLUMNS, row, strict=True)) for row in rows])


def sqlite_time(moment: datetime) -> str:
    """Return the moment, in UTC, as `bot.database.types.UtcTime` stores it in SQLite."""
    return moment.isoformat(" ", "microseconds")[:26]


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; events happen at a moment, use bot.ids.utcnow() or give the zone")
    return moment.astimezone(UTC)
