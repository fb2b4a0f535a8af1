"""What the checker of `benchmarks.chaos` reads: the database after the run, as plain rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import sqlalchemy as sa

from bot.database import reading
from bot.database import shop as shop_tables
from bot.database.conversations import conversations, effects, messages, transitions, turns
from bot.database.escalations import escalations


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
    queries = (
        sa.select(messages).order_by(messages.c.conversation_id, messages.c.seq),
        sa.select(conversations),
        sa.select(transitions).order_by(transitions.c.conversation_id, transitions.c.epoch, transitions.c.created_at),
        sa.select(escalations),
        sa.select(turns),
        sa.select(effects),
        sa.select(shop_tables.returns).where(shop_tables.returns.c.requested_at >= since),
    )
    with reading(engine) as connection:
        return Record(*(list(connection.execute(query).all()) for query in queries))
