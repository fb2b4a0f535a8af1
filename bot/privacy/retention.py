"""How long anything is kept: by table, from retention.yml, in small batches so that nobody waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from bot.customers.lineage import code_version
from bot.database import sync_engine
from bot.database.intelligence import pipeline_runs
from bot.database.tables import metadata
from bot.errors import SettingError
from bot.ids import new_id, utcnow
from bot.settings import Settings

Progress = Callable[[str, int, int], None]

STEP = "retention"  # in pipeline_runs
OWN_FILE = "retention.yml"  # in the data directory; it stands in the place of ours
BATCH = 200  # rows a transaction, with all that hangs on them
NIGHT = range(2, 6)  # hours in the company's time zone
BETWEEN = timedelta(hours=20)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`days` 0 keeps the table's rows for ever; `age` is the column that counts, `only` a condition on the rows."""

    table: str
    days: int
    age: str
    why: str
    only: str = ""


def read_rules(settings: Settings) -> list[Rule]:
    """Return the company's rules, or ours. SettingError for one that names a table or column that there is not."""
    own = settings.data_dir / OWN_FILE
    path = own if own.is_file() else Path(__file__).parent / OWN_FILE
    try:
        rules = msgspec.yaml.decode(path.read_bytes(), type=list[Rule])
    except msgspec.MsgspecError as error:
        raise SettingError(f"{path}: {error}") from error
    for rule in rules:
        table = metadata.tables.get(rule.table)
        if table is None:
            raise SettingError(f"{path} names the table {rule.table!r}; there is none of that name")
        if rule.days < 0 or (rule.days and rule.age not in table.c):
            raise SettingError(f"{path}: {rule.table} has days {rule.days} and age {rule.age!r}; days is 0 or more, age one of its columns")
    return rules


def overdue(engine: sa.Engine, rules: list[Rule], *, now: datetime | None = None) -> dict[str, int]:
    """Return how many rows of each table are kept too long; rows that hang on them are not counted."""
    now = now or utcnow()
    counts: dict[str, int] = {}
    with engine.connect() as connection:
        for rule in rules:
            if rule.days:
                query = sa.select(sa.func.count()).select_from(metadata.tables[rule.table]).where(*_too_old(rule, now))
                counts[rule.table] = counts.get(rule.table, 0) + connection.execute(query).scalar_one()
    return counts


def keep_within(
    engine: sa.Engine, rules: list[Rule], *, now: datetime | None = None, progress: Progress = lambda what, done, total: None
) -> dict[str, int]:
    """Delete what is kept too long and record the run; return the rows deleted by table, with those that hung on them.

    Killed at any moment, the next run goes on.
    """
    now = now or utcnow()
    counts: dict[str, int] = {}
    run = {"id": new_id(), "step": STEP, "code_version": code_version(), "status": "running", "counts": {}, "started_at": now}
    with engine.begin() as connection:
        connection.execute(sa.insert(pipeline_runs).values(run))
    for number, rule in enumerate(rules):
        progress("retention", number, len(rules))
        for deleted in _batches(engine, rule, now) if rule.days else ():
            for name, count in deleted.items():
                counts[name] = counts.get(name, 0) + count
    with engine.begin() as connection:
        done = {"status": "done", "counts": counts, "finished_at": utcnow()}
        connection.execute(sa.update(pipeline_runs).where(pipeline_runs.c.id == run["id"]).values(done))
    progress("retention", len(rules), len(rules))
    return counts


def is_due(connection: sa.Connection, settings: Settings, now: datetime) -> bool:
    """Say whether it is night at the company and tonight's run has not begun."""
    if now.astimezone(settings.timezone).hour not in NIGHT:
        return False
    recent = sa.select(pipeline_runs.c.id).where(pipeline_runs.c.step == STEP, pipeline_runs.c.started_at > now - BETWEEN).limit(1)
    return connection.execute(recent).first() is None


def retain_tonight(settings: Settings, now: datetime) -> dict[str, int] | None:
    """Run it when it is due; None when it is not."""
    engine = sync_engine(settings.database_url)
    try:
        with engine.connect() as connection:
            due = is_due(connection, settings, now)
        return keep_within(engine, read_rules(settings), now=now) if due else None
    finally:
        engine.dispose()


def _too_old(rule: Rule, now: datetime) -> list[sa.ColumnElement[bool]]:
    old = metadata.tables[rule.table].c[rule.age] < now - timedelta(days=rule.days)
    return [old, sa.text(rule.only)] if rule.only else [old]  # type: ignore[list-item]


def _batches(engine: sa.Engine, rule: Rule, now: datetime) -> Iterator[dict[str, int]]:
    table = metadata.tables[rule.table]
    keys = list(table.primary_key.columns)
    query = sa.select(*keys).where(*_too_old(rule, now)).limit(BATCH)
    while True:
        with engine.begin() as connection:
            rows = connection.execute(query).all()
            yield _delete(connection, table, sa.tuple_(*keys).in_([tuple(row) for row in rows])) if rows else {}
        if len(rows) < BATCH:
            return


def _delete(connection: sa.Connection, table: sa.Table, clause: Any) -> dict[str, int]:
    """Delete the rows and, before them, what refers to them."""
    reached: dict[str, Any] = {table.name: clause}
    for other in metadata.sorted_tables:
        keys = [key for key in other.foreign_keys if key.column.table.name in reached and other is not table]
        if keys:
            reached[other.name] = sa.or_(
                *(key.parent.in_(sa.select(key.column).where(reached[key.column.table.name])) for key in sorted(keys, key=str))
            )
    counts = {}
    for name, where in reversed(reached.items()):
        counts[name] = connection.execute(sa.delete(metadata.tables[name]).where(where)).rowcount
    return {name: count for name, count in counts.items() if count}
