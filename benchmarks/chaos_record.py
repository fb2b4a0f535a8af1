"""What the checker of `benchmarks.chaos` reads: the database after the run as plain rows, and how it is kept beside the clients' log."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from bot.database import reading
from bot.database import shop as shop_tables
from bot.database.conversations import conversations, effects, messages, transitions, turns
from bot.database.escalations import escalations

LOG, RECORD = "clients.jsonl", "record.json"
Log = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Record:
    """Rows as the database holds them; `returns` are those asked for in the run."""

    messages: list[Any]  # in the order of conversation and seq
    conversations: list[Any]
    moves: list[Any]  # transitions, in the order of conversation and epoch
    escalations: list[Any]
    turns: list[Any]
    effects: list[Any]
    returns: list[Any]

    @cached_property
    def said(self) -> dict[str, list[Any]]:
        """The messages by conversation."""
        return by_conversation(self.messages)

    @cached_property
    def owners(self) -> dict[str, list[Any]]:
        """The changes of owner by conversation."""
        return by_conversation(self.moves)

    @cached_property
    def threads(self) -> dict[str, str]:
        return {row.id: row.thread_id for row in self.conversations}


def by_conversation(rows: Iterable[Any]) -> dict[str, list[Any]]:
    found = defaultdict(list)
    for row in rows:
        found[row.conversation_id].append(row)
    return found


def read_record(engine: sa.Engine, *, since: datetime) -> Record:
    said, talks, moves, waits, deeds = (table.c for table in (messages, conversations, transitions, escalations, effects))
    returns = shop_tables.returns.c
    queries = (
        sa.select(
            *(said.id, said.thread_id, said.conversation_id, said.seq, said.sender, said.agent_id),
            *(said.client_id, said.text, said.payload, said.created_at),
        ).order_by(said.conversation_id, said.seq),
        sa.select(
            talks.id, talks.thread_id, talks.status, talks.agent_id, talks.epoch, talks.last_seq, talks.customer_seq, talks.answered_seq
        ),
        sa.select(
            moves.conversation_id, moves.epoch, moves.from_status, moves.to_status, moves.actor, moves.reason, moves.created_at
        ).order_by(moves.conversation_id, moves.epoch, moves.created_at),
        sa.select(waits.conversation_id, waits.status, waits.agent_id),
        sa.select(turns.c.conversation_id, turns.c.message_id, turns.c.result),
        sa.select(deeds.conversation_id, deeds.message_id, deeds.action, deeds.epoch, deeds.state, deeds.summary, deeds.created_at),
        sa.select(returns.number, returns.order_line_id).where(returns.requested_at >= since),
    )
    with reading(engine) as connection:
        return Record(*(list(connection.execute(query).all()) for query in queries))


def keep(folder: Path, log: Log, record: Record) -> None:
    """Write what the checker read, so that it can be checked again: `python -m benchmarks.chaos_check FOLDER`."""
    rows = {one.name: [dict(row._mapping) for row in getattr(record, one.name)] for one in fields(record)}
    (folder / RECORD).write_text(json.dumps(rows, ensure_ascii=False, default=datetime.isoformat), encoding="utf8")
    (folder / LOG).write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in log), encoding="utf8")


def read_kept(folder: Path) -> tuple[Log, Record]:
    rows = json.loads((folder / RECORD).read_text(encoding="utf8"))
    log = [json.loads(line) for line in (folder / LOG).read_text(encoding="utf8").splitlines()]
    return log, Record(**{name: [_row(values) for values in found] for name, found in rows.items()})


def _row(values: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(**{name: datetime.fromisoformat(value) if name == "created_at" else value for name, value in values.items()})
