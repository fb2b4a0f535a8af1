"""The separate checker of `benchmarks.handoff`: reads only what the clients logged and the database, and knows nothing of how they work.

A log is a list of lines {who, did, at, conversation, ...} with wall-clock times of one machine. `did` is: sent (acknowledged, with id and
seq), saw (a message frame, with id, seq, sender, line: one connection's number), asked, resolved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from benchmarks.measure import percentile
from bot.database.conversations import conversations, messages, transitions
from bot.database.escalations import escalations

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """What the database holds."""

    messages: list[Any]  # id, conversation_id, seq, sender, agent_id, created_at
    moves: list[Any]  # conversation_id, from_status, to_status, actor, created_at; in order
    waits: list[Any]  # created_at, first_claimed_at, estimated_wait_s


def read_record(engine: sa.Engine) -> Record:
    said = sa.select(
        messages.c.id, messages.c.conversation_id, messages.c.seq, messages.c.sender, messages.c.agent_id, messages.c.created_at
    )
    moved = sa.select(transitions).order_by(transitions.c.conversation_id, transitions.c.epoch)
    waited = sa.select(escalations.c.created_at, escalations.c.first_claimed_at, escalations.c.estimated_wait_s)
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(conversations)).scalar_one()
        return Record(*(list(connection.execute(query).all()) for query in (said, moved, waited)))


def check(lines: Iterable[Line], record: Record, *, capacity: int) -> dict[str, float]:
    """Return the five counts of faults and the times; every count should be 0."""
    log = list(lines)
    saw = [line for line in log if line["did"] == "saw"]
    delays = _delays_ms(saw, record)
    return {
        "lost": _lost(log, record),
        "doubled": _doubled(saw, record),
        "out_of_order": _out_of_order(saw),
        "doubly_assigned": _doubly_assigned(record),
        "over_capacity": _over_capacity(record, capacity),
        **_times("to_agent", delays["agent"]),
        **_times("to_customer", delays["visitor"]),
        **_waits(record),
    }


def _lost(log: list[Line], record: Record) -> int:
    """Acknowledged and not stored, or stored and never seen on the other side by whom it was for."""
    stored = {row.id for row in record.messages}
    lost = sum(line["did"] == "sent" and line["id"] not in stored for line in log)
    seen = defaultdict(set)
    visitor_of: dict[str, str] = {}
    for line in log:
        if line["did"] == "saw":
            seen[line["who"]].add(line["id"])
        if line["who"].startswith("visitor") and line.get("conversation"):
            visitor_of[line["conversation"]] = line["who"]
    # A conversation that nobody knows was begun by a request that was never acknowledged: there nobody was promised anything.
    said = [row for row in record.messages if row.sender != "customer" and row.conversation_id in visitor_of]
    lost += sum(row.id not in seen[visitor_of[row.conversation_id]] for row in said)
    served = _served(record)
    for row in record.messages:
        for agent, begin, end in served[row.conversation_id]:
            if row.sender == "customer" and begin < row.created_at < end:
                lost += row.id not in seen[f"agent:{agent}"]
    return lost


def _doubled(saw: list[Line], record: Record) -> int:
    """The same message twice on one line, or twice in its place in the database."""
    shown: dict[tuple[str, int, str], int] = defaultdict(int)
    for line in saw:
        shown[line["who"], line["line"], line["id"]] += 1
    places = {(row.conversation_id, row.seq) for row in record.messages}
    return sum(count - 1 for count in shown.values()) + len(record.messages) - len(places)


def _out_of_order(saw: list[Line]) -> int:
    last: dict[tuple[str, int, str], int] = {}
    wrong = 0
    for line in saw:
        key = (line["who"], line["line"], line["conversation"])
        wrong += line["seq"] <= last.get(key, 0)
        last[key] = max(line["seq"], last.get(key, 0))
    return wrong


def _served(record: Record) -> dict[str, list[tuple[str, Any, Any]]]:
    """Return for each conversation which agent had it, from when to when."""
    served = defaultdict(list)
    for conversation_id, moves in _by_conversation(record).items():
        for move, after in zip(moves, [*moves[1:], None], strict=True):
            if move.to_status == "agent":
                end = after.created_at if after else max(row.created_at for row in record.messages)
                served[conversation_id].append((move.actor.removeprefix("agent:"), move.created_at, end))
    return served


def _by_conversation(record: Record) -> dict[str, list[Any]]:
    found = defaultdict(list)
    for move in record.moves:
        found[move.conversation_id].append(move)
    return found


def _doubly_assigned(record: Record) -> int:
    """Taken by an agent while another had it: every taking must come from the queue."""
    return sum(move.to_status == "agent" and move.from_status != "waiting" for move in record.moves)


def _over_capacity(record: Record, capacity: int) -> int:
    """How often an agent had more than they can, at the moment of a claim."""
    changes = []
    for spans in _served(record).values():
        for agent, begin, end in spans:
            changes += [(begin, 1, agent), (end, -1, agent)]
    load: dict[str, int] = defaultdict(int)
    over = 0
    for _, change, agent in sorted(changes):
        load[agent] += change
        over += change > 0 and load[agent] > capacity
    return over


def _delays_ms(saw: list[Line], record: Record) -> dict[str, list[float]]:
    """From the commit to the other side's screen; only what was first seen live, after it was stored."""
    stored = {row.id: row for row in record.messages}
    first: dict[tuple[str, str], float] = {}
    for line in saw:
        side = line["who"].partition(":")[0]
        row = stored.get(line["id"])
        wanted = {"agent": "customer", "visitor": "agent"}[side]
        if row is not None and row.sender == wanted and line["live"]:
            first.setdefault((side, line["id"]), line["at"])
    delays: dict[str, list[float]] = {"agent": [], "visitor": []}
    for (side, message_id), at in first.items():
        delays[side].append((at - stored[message_id].created_at.timestamp()) * 1000)
    return delays


def _times(name: str, delays: list[float]) -> dict[str, float]:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {f"{name}_{key}_ms": round(percentile(delays, share), 1) for key, share in shares.items()} if delays else {}


def _waits(record: Record) -> dict[str, float]:
    claimed = [row for row in record.waits if row.first_claimed_at]
    waits = [(row.first_claimed_at - row.created_at).total_seconds() for row in claimed]
    errors = [abs(wait - row.estimated_wait_s) for wait, row in zip(waits, claimed, strict=True) if row.estimated_wait_s is not None]
    found = {"queue_wait_p50_s": round(percentile(waits, 0.5), 2), "queue_wait_p99_s": round(percentile(waits, 0.99), 2)} if waits else {}
    return found | ({"eta_error_p50_s": round(percentile(errors, 0.5), 2)} if errors else {})
