"""The checker of benchmarks.handoff: a good run has no faults, and each broken one is caught."""

from __future__ import annotations

from collections import namedtuple
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from benchmarks.handoff_check import Record, check

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
Said = namedtuple("Said", "id conversation_id seq sender agent_id created_at")
Moved = namedtuple("Moved", "conversation_id from_status to_status actor created_at")
Waited = namedtuple("Waited", "created_at first_claimed_at estimated_wait_s")


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def record() -> Record:
    """Two conversations that one agent serves, one after the other."""
    said, moves = [], []
    for name, begin in (("c1", 0), ("c2", 100)):
        said += [
            Said(f"{name}m1", name, 1, "customer", None, at(begin)),
            Said(f"{name}m2", name, 2, "system", None, at(begin + 5)),
            Said(f"{name}m3", name, 3, "customer", None, at(begin + 10)),
            Said(f"{name}m4", name, 4, "agent", "a", at(begin + 15)),
        ]
        moves += [
            Moved(name, "bot", "waiting", "bot", at(begin)),
            Moved(name, "waiting", "agent", "agent:a", at(begin + 5)),
            Moved(name, "agent", "resolved", "agent:a", at(begin + 50)),
        ]
    return Record(said, moves, [Waited(at(0), at(5), 4), Waited(at(100), at(105), 9)])


def logs() -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for one in record().messages:
        visitor = f"visitor:{one.conversation_id}"
        what = {"id": one.id, "conversation": one.conversation_id, "seq": one.seq, "at": one.created_at.timestamp() + 0.02}
        if one.sender == "customer":
            lines.append({"who": visitor, "did": "sent", **what})
        lines.append({"who": visitor, "did": "saw", "line": 1, "sender": one.sender, "live": True, **what})
        if one.seq > 1:
            lines.append({"who": "agent:a", "did": "saw", "line": 2, "sender": one.sender, "live": True, **what})
    return lines


def faults(log: list[dict[str, Any]], found: Record, *, capacity: int = 1) -> dict[str, float]:
    names = ("lost", "doubled", "out_of_order", "doubly_assigned", "over_capacity")
    checked = check(log, found, capacity=capacity)
    return {name: checked[name] for name in names if checked[name]}


def test_a_good_run_has_no_faults_and_its_times() -> None:
    checked = check(logs(), record(), capacity=1)

    assert faults(logs(), record()) == {}
    assert checked["to_agent_p99_ms"] == pytest.approx(20, abs=0.1)
    assert (checked["queue_wait_p50_s"], checked["eta_error_p50_s"]) == (5, 1)


def test_what_one_side_never_saw_is_lost() -> None:
    assert faults([line for line in logs() if (line["who"], line["id"]) != ("agent:a", "c1m3")], record()) == {"lost": 1}
    assert faults([line for line in logs() if line["id"] != "c2m4" or line["who"] == "agent:a"], record()) == {"lost": 1}


def test_what_nobody_was_acknowledged_is_not_lost() -> None:
    """A visitor whose first request was never answered knows of no conversation."""
    assert faults([line for line in logs() if line["conversation"] != "c2" or line["who"] == "agent:a"], record()) == {}


def test_what_was_acknowledged_and_not_stored_is_lost() -> None:
    sent = {"who": "visitor:c1", "did": "sent", "id": "gone", "conversation": "c1", "seq": 9, "at": 0.0}

    assert faults([*logs(), sent], record()) == {"lost": 1}


def test_a_message_twice_on_one_line_is_doubled_and_out_of_order() -> None:
    again = next(line for line in logs() if line["did"] == "saw")

    assert faults([*logs(), again], record()) == {"doubled": 1, "out_of_order": 1}


def test_two_owners_of_one_conversation_are_found() -> None:
    good = record()
    taken = Moved("c1", "agent", "agent", "agent:b", at(20))
    found = Record(good.messages, [*good.moves[:2], taken, *good.moves[2:]], good.waits)

    assert faults(logs(), found)["doubly_assigned"] == 1


def test_an_agent_with_more_than_they_can_is_found() -> None:
    good = record()
    moves = [
        move._replace(created_at=move.created_at - timedelta(seconds=100)) if move.conversation_id == "c2" else move for move in good.moves
    ]
    said = [
        one._replace(created_at=one.created_at - timedelta(seconds=100)) if one.conversation_id == "c2" else one for one in good.messages
    ]
    found = Record(said, moves, good.waits)

    assert faults(logs(), found) == {"over_capacity": 1}
    assert faults(logs(), found, capacity=2) == {}
