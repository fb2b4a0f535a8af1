"""`yingda customers resolve`: verified keys merge, what looks alike is suggested, and the run is recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers.lineage import code_version
from bot.customers.resolve.certain import Decided, certain_merges, parse_verified
from bot.customers.resolve.fields import spelt
from bot.customers.resolve.link import link
from bot.customers.resolve.merges import Merge, components, merge, separate
from bot.database.intelligence import customer_merges, customer_traits, merge_suggestions, pipeline_runs
from bot.database.people import customer_identities
from bot.ids import new_id, utcnow

Progress = Callable[[str, int, int], None]

THRESHOLD = 0.5  # a suggestion is a question to a person; on febrl's dataset3 no wrong pair is above it
BATCH = 2000
IDENTITY = ("name", "phone", "email", "address", "birth_date")
TRAITS = ("city", "postcode")  # of those that ingestion may have stored


class Resolved(NamedTuple):
    """How many records there are, were merged by a verified key, and are suggested to be merged: anew and altogether."""

    records: int
    merged: int
    conflicts: int
    suggested: int
    open: int


def resolve(
    engine: sa.Engine,
    cipher: Cipher,
    *,
    verified_keys: str,
    threshold: float = THRESHOLD,
    progress: Progress = lambda what, done, total: None,
) -> Resolved:
    """Merge what shares a verified key and suggest what looks alike. Running it again changes nothing where nothing is new."""
    verified = parse_verified(verified_keys)
    with _recorded(engine) as counts:
        with engine.begin() as connection:
            decided = certain_merges(connection, verified)
            merge(connection, decided.merges, actor="resolve")
        table = _identities(engine, cipher, progress)
        pairs = link(table, threshold=threshold, tick=lambda done, total: progress("compare", done, total))
        with engine.begin() as connection:
            new, still_open = _suggest(connection, pairs, decided)
        result = Resolved(len(table), len(decided.merges), len(decided.conflicts), new, still_open)
        counts.update(result._asdict())
    return result


@contextmanager
def _recorded(engine: sa.Engine) -> Iterator[dict[str, int]]:
    run_id, counts = new_id(), dict[str, int]()
    row = {"id": run_id, "step": "resolve", "code_version": code_version(), "status": "running", "counts": {}, "started_at": utcnow()}
    with engine.begin() as connection:
        connection.execute(sa.insert(pipeline_runs).values(row))
    status = "failed"
    try:
        yield counts
        status = "done"
    finally:
        with engine.begin() as connection:
            changes = {"status": status, "counts": counts, "finished_at": utcnow()}
            connection.execute(sa.update(pipeline_runs).where(pipeline_runs.c.id == run_id).values(changes))


def _identities(engine: sa.Engine, cipher: Cipher, progress: Progress) -> pd.DataFrame:
    """Return everybody's fields in one spelling by customer id; decrypted in memory only."""
    rows: list[dict[str, Any]] = []
    with engine.connect() as connection:
        total = connection.execute(sa.select(sa.func.count()).select_from(customer_identities)).scalar_one()
        last = ""
        while found := connection.execute(_next(last)).mappings().all():
            connection.rollback()  # on SQLite even a reader holds the writer's turn, and opening the values takes longer than reading them
            rows += [_fields(row, cipher) for row in found]
            last = found[-1]["customer_id"]
            progress("read", len(rows), total)
        traits = _traits(connection)
    return pd.DataFrame(rows, columns=["customer_id", *IDENTITY]).set_index("customer_id").join(traits)


def _next(last: str) -> sa.Select[Any]:
    return (
        sa.select(customer_identities)
        .where(customer_identities.c.customer_id > last)
        .order_by(customer_identities.c.customer_id)
        .limit(BATCH)
    )


def _fields(row: sa.RowMapping, cipher: Cipher) -> dict[str, Any]:
    clear = {name: cipher.decrypt(row[name], column=f"customer_identities.{name}") if row[name] else None for name in IDENTITY}
    return {"customer_id": row["customer_id"], **{name: spelt(name, value) for name, value in clear.items()}}


def _traits(connection: sa.Connection) -> pd.DataFrame:
    """Return a column for each of TRAITS that somebody has, by customer id."""
    query = (
        sa.select(customer_traits.c.customer_id, customer_traits.c.name, customer_traits.c.value)
        .where(customer_traits.c.name.in_(TRAITS), customer_traits.c.superseded_at.is_(None))
        .order_by(customer_traits.c.seq)
    )
    rows = [(customer_id, name, spelt(name, value)) for customer_id, name, value in connection.execute(query).tuples()]
    table = pd.DataFrame(rows, columns=["customer_id", "name", "value"]).drop_duplicates(["customer_id", "name"], keep="last")
    return table.pivot(index="customer_id", columns="name", values="value")


def _suggest(connection: sa.Connection, pairs: pd.DataFrame, decided: Decided) -> tuple[int, int]:
    """Store the pairs as open suggestions, but for those that are one person already or that a person has called two; return how many
    are new and how many are open. An open suggestion that does not look alike any more goes."""
    standing = sa.select(customer_merges.c.kept_id, customer_merges.c.merged_id).where(customer_merges.c.undone_at.is_(None))
    merged = connection.execute(standing).tuples().all()
    groups = components({one for pair in merged for one in pair}, merged)
    person = {one: number for number, group in enumerate(groups) for one in group}
    apart = separate(connection)
    wanted = {
        tuple(sorted((left, right))): values
        for left, right, values in _found(pairs, decided.conflicts)
        if frozenset((left, right)) not in apart and (left not in person or person[left] != person.get(right))
    }
    before = {
        (row.left_id, row.right_id): row
        for row in connection.execute(sa.select(merge_suggestions).where(merge_suggestions.c.status == "open"))
    }
    gone = [row.id for pair, row in before.items() if pair not in wanted]
    for start in range(0, len(gone), BATCH):
        connection.execute(sa.delete(merge_suggestions).where(merge_suggestions.c.id.in_(gone[start : start + BATCH])))
    decided_already = set(
        connection.execute(
            sa.select(merge_suggestions.c.left_id, merge_suggestions.c.right_id).where(merge_suggestions.c.status != "open")
        ).tuples()
    )
    fresh = {pair: values for pair, values in wanted.items() if pair not in before and pair not in decided_already}
    now = utcnow()
    rows = [
        {"id": new_id(), "left_id": pair[0], "right_id": pair[1], "status": "open", "created_at": now, **values}
        for pair, values in fresh.items()
    ]
    if rows:
        connection.execute(sa.insert(merge_suggestions), rows)
    return len(fresh), len(fresh) + len(before) - len(gone)


def _found(pairs: pd.DataFrame, conflicts: list[Merge]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield left, right, probability and the evidence by field in bits; no values. A shared verified key comes last and outweighs."""
    fields = [column for column in pairs.columns if column not in {"left", "right", "probability"}]
    for row in pairs.to_dict("records"):
        reasons = {field: round(float(row[field]), 1) for field in fields if abs(row[field]) >= 0.1}
        yield row["left"], row["right"], {"probability": float(row["probability"]), "reasons": reasons}
    for left, right, why in conflicts:
        yield left, right, {"probability": 1.0, "reasons": {why: "shared, but they are two customers of the shop, or were called two"}}
