"""Lineage: which run read what, with which code, when, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.customers.cursors import read_cursor, set_cursor
from bot.customers.lineage import code_version
from bot.database.intelligence import pipeline_runs, quarantined_rows
from bot.errors import NotFoundError
from bot.ids import new_id, utcnow

STEP = "ingest"


def finished(connection: sa.Connection, source: str, checksum: str, mapping: str) -> str | None:
    """Return the run that has stored this input of this source under the same mapping, if there is one."""
    table = pipeline_runs.c
    query = sa.select(table.id, table.counts).where(
        table.step == STEP, table.source == source, table.checksum == checksum, table.status == "done"
    )
    return next((row.id for row in connection.execute(query) if row.counts.get("mapping") == mapping), None)


def begin(connection: sa.Connection, *, source: str, name: str, checksum: str, mapping: str, now: datetime | None = None) -> str:
    """Note a run; one of the same input that was killed is marked as failed, and what it had quarantined goes."""
    table = pipeline_runs.c
    same = sa.and_(table.step == STEP, table.source == source, table.checksum == checksum, table.status == "running")
    killed = [row.id for row in connection.execute(sa.select(table.id).where(same))] if checksum else []
    if killed:
        connection.execute(sa.delete(quarantined_rows).where(quarantined_rows.c.run_id.in_(killed)))
        connection.execute(sa.update(pipeline_runs).where(table.id.in_(killed)).values(status="failed"))
    run_id = new_id()
    row = {
        "id": run_id,
        "step": STEP,
        "source": source,
        "input": name[:500],
        "checksum": checksum,
        "code_version": code_version(),
        "status": "running",
        "counts": {"mapping": mapping},
        "started_at": now or utcnow(),
    }
    connection.execute(sa.insert(pipeline_runs), row)
    return run_id


def end(connection: sa.Connection, run_id: str, status: str, counts: dict[str, Any], *, checksum: str = "") -> None:
    """Note how a run ended: done, stopped or failed."""
    values: dict[str, Any] = {"status": status, "counts": counts, "finished_at": utcnow()}
    if checksum:
        values["checksum"] = checksum
    connection.execute(sa.update(pipeline_runs).where(pipeline_runs.c.id == run_id).values(**values))


def recent(connection: sa.Connection, *, most: int = 50) -> list[sa.Row[Any]]:
    """Return the newest runs of every step, newest first."""
    query = sa.select(pipeline_runs).order_by(pipeline_runs.c.started_at.desc(), pipeline_runs.c.id.desc()).limit(most)
    return list(connection.execute(query))


def one(connection: sa.Connection, run_id: str) -> sa.Row[Any]:
    """Return a run by its id or the beginning of it. Raises NotFoundError."""
    query = sa.select(pipeline_runs).where(pipeline_runs.c.id.startswith(run_id, autoescape=True)).limit(2)
    found = list(connection.execute(query))
    if len(found) != 1:
        raise NotFoundError(f"there {'are several runs' if found else 'is no run'} {run_id!r}; see yingda customers runs")
    return found[0]


def cursor(connection: sa.Connection, source: str) -> str:
    """Return up to where a source has been read; empty before the first time."""
    found = read_cursor(connection, f"{STEP}:{source}")
    return found.cursor if found else ""


def move_cursor(connection: sa.Connection, source: str, to: str) -> None:
    set_cursor(connection, f"{STEP}:{source}", to[:500], utcnow())
