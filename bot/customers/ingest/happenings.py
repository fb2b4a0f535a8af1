"""Staged events into `customer_events`, each under the customer whose key it names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from bot.customers.event_store import Counts, store_events
from bot.customers.events import Event, Kind
from bot.customers.ingest.fresh import insert_fresh
from bot.customers.keys import among, customer_ids, lock_writers
from bot.database.intelligence import customer_events
from bot.database.people import customer_identities

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_KINDS = {kind.value: kind for kind in Kind}


def kinds_told(connection: sa.Connection, source: str) -> set[Kind]:
    """Return the kinds of events that a source has told of so far."""
    of_source = sa.select(sa.literal(1)).where(customer_events.c.source == source)
    return {kind for kind in Kind if connection.execute(of_source.where(customer_events.c.kind == kind).limit(1)).first()}


class Happenings:
    """Stores the events of one source, table by table; counts what was new, changed and as before."""

    def __init__(self, *, source: str, space: str, known: str, personal: str, run_id: str, now: datetime) -> None:
        self.source = source
        self.personal = personal
        self.space = space
        self.known = known
        self.run_id = run_id
        self.now = now
        self.counts: Counter[str] = Counter()

    def store(self, connection: sa.Connection, table: pa.Table) -> None:
        """Store one table of `events_of` in the caller's transaction."""
        lock_writers(connection)
        table = self._without_idle_withdrawals(connection, table)
        ids, made = customer_ids(connection, self.space, pc.unique(table["who"]).to_pylist(), at=self.now)
        self.counts["customers_new"] += made
        if self.personal:
            self._identities(connection, table, ids)
        table = self._placed(table, ids)
        stands = self._standing(connection, table["key"])
        fresh = table.filter(pc.invert(pc.is_in(table["key"], value_set=stands))) if len(stands) else table
        insert_fresh(connection, fresh, source=self.source, run_id=self.run_id)
        counts = Counts(stored=len(fresh))
        if len(stands):
            told = table.filter(pc.is_in(table["key"], value_set=stands))
            counts += store_events(connection, self._events(told), run_id=self.run_id)
        self.counts.update({"stored": counts.stored, "corrected": counts.corrected, "unchanged": counts.unchanged})

    def _identities(self, connection: sa.Connection, table: pa.Table, ids: dict[str, str]) -> None:
        """Keep the personal keys of customers of whom nothing else is known: with the encrypted value an index can be made anew."""
        sealed = dict(zip(table["who"].to_pylist(), table["sealed"].to_pylist(), strict=True))
        query = sa.select(customer_identities.c.customer_id)
        there = set(connection.execute(query.where(among(connection, customer_identities.c.customer_id, ids.values()))).scalars())
        new = [
            {"customer_id": ids[who], self.personal: value, f"{self.personal}_index": who}
            for who, value in sealed.items()
            if ids[who] not in there
        ]
        if new:
            connection.execute(sa.insert(customer_identities), new)

    def _placed(self, table: pa.Table, ids: dict[str, str]) -> pa.Table:
        """Return it with customer_id, and with created_at: the past was known when it happened, unless the mapping says otherwise."""
        who = table["who"].combine_chunks().dictionary_encode()
        customer_id = pa.array([ids[key] for key in who.dictionary.to_pylist()], pa.string()).take(who.indices)
        now = pa.scalar((self.now - EPOCH) // MICROSECOND, pa.int64())
        from_now = pa.array([True] * len(table)) if self.known == "when_it_arrived" else table["withdrawn"]
        return table.append_column("customer_id", customer_id).append_column("created_at", pc.if_else(from_now, now, table["at"]))

    def _standing(self, connection: sa.Connection, keys: pa.ChunkedArray) -> pa.Array:
        """Return which of the keys the source has told of before, in whatever form."""
        query = sa.select(customer_events.c.key).where(
            customer_events.c.source == self.source, among(connection, customer_events.c.key, keys.to_pylist())
        )
        return pa.array([row.key for row in connection.execute(query)], pa.string())

    def _events(self, table: pa.Table) -> Iterator[Event]:
        names = ("key", "customer_id", "kind", "at", "created_at", "amount_minor", "currency", "value", "ref", "withdrawn")
        for key, customer_id, kind, at, created_at, *told in zip(*(table[name].to_pylist() for name in names), strict=True):
            yield Event(self.source, key, customer_id, _KINDS[kind], _moment(at), _moment(created_at), *told)

    def _without_idle_withdrawals(self, connection: sa.Connection, table: pa.Table) -> pa.Table:
        """Leave out withdrawals of what was never told, or is withdrawn already."""
        keys = table.filter(table["withdrawn"])["key"].to_pylist()
        if not keys:
            return table
        stands = sa.select(customer_events.c.key).where(
            customer_events.c.source == self.source,
            customer_events.c.superseded_at.is_(None),
            customer_events.c.withdrawn.is_(False),
            among(connection, customer_events.c.key, keys),
        )
        there = pa.array([row.key for row in connection.execute(stands)], pa.string())
        return table.filter(pc.or_(pc.invert(table["withdrawn"]), pc.is_in(table["key"], value_set=there)))


def _moment(microseconds: int) -> datetime:
    return EPOCH + microseconds * MICROSECOND
