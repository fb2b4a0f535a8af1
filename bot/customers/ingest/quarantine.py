"""Values that ingestion refused: encrypted in the database, shown to a person who asks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from bot.crypto import Cipher
from bot.customers.ingest.cleaning import Bad
from bot.database.intelligence import pipeline_runs, quarantined_rows
from bot.ids import new_id

COLUMN = "quarantined_rows.value"  # associated data
MOST_KEPT = 100_000  # of one run; the counts know the rest
LONGEST_VALUE = 1000  # characters kept of one value


@dataclass(frozen=True)
class Quarantined:
    """A refused value as a person sees it."""

    run_id: str
    source: str
    file: str
    row: int
    column: str
    value: str | None
    rule: str
    at: datetime


def keep(connection: sa.Connection, cipher: Cipher, bad: Sequence[Bad], *, run_id: str, file: str, at: datetime) -> None:
    """Write refused values, encrypted."""
    rows = [
        {
            "id": new_id(),
            "run_id": run_id,
            "file": file[:300],
            "row": one.row,
            "column": one.column[:120],
            "value": None if one.value is None else cipher.encrypt(one.value[:LONGEST_VALUE], column=COLUMN),
            "rule": one.rule,
            "created_at": at,
        }
        for one in bad
    ]
    if rows:
        connection.execute(sa.insert(quarantined_rows), rows)


def show(connection: sa.Connection, cipher: Cipher, *, run_id: str = "") -> Iterator[Quarantined]:
    """Yield refused values, decrypted, in the order of runs and rows; of one run, or of all."""
    table = quarantined_rows.c
    query = (
        sa.select(quarantined_rows, pipeline_runs.c.source)
        .join(pipeline_runs, pipeline_runs.c.id == table.run_id)
        .order_by(table.run_id, table.row, table.id)
    )
    if run_id:
        query = query.where(table.run_id == run_id)
    for row in connection.execute(query):
        value = None if row.value is None else cipher.decrypt(row.value, column=COLUMN)
        yield Quarantined(row.run_id, row.source, row.file, row.row, row.column, value, row.rule, row.created_at)
