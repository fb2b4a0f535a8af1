"""The checker of benchmarks.chaos: a good run has no violations, and each broken promise is caught."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.chaos_check import check
from benchmarks.chaos_faults import schedule
from benchmarks.chaos_record import Record, read_kept

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
Log = list[dict[str, Any]]
Row = SimpleNamespace


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


SAID = [  # seq, sender, second, text, payload
    (1, "customer", 0, "hello", {}),
    (2, "bot", 1, "Hello!", {}),
    (3, "customer", 2, "a person, please", {}),
    (4, "bot", 3, "All right.", {}),
    (5, "system", 3, "Number 1.", {"notice": "queue_position"}),
    (6, "bot", 3.2, "Your order's number?", {"skippable": True}),
    (7, "system", 5, "Lin has joined.", {"notice": "agent_joined"}),
    (8, "agent", 6, "Hello, Lin here.", {}),
    (9, "customer", 7, "thanks", {}),
    (10, "system", 9, "Closed.", {"notice": "resolved"}),
]
MOVES = [
    ("", "bot", "customer", "first_message", 0),
    ("bot", "waiting", "bot", "customer_request", 3.1),
    ("waiting", "agent", "agent:a", "claimed", 5),
    ("agent", "resolved", "agent:a", "resolved", 9),
]


def record() -> Record:
    """One conversation: bot, queue, agent, resolved; and a return that was made in it."""
    said = [
        Row(
            id=f"m{seq}",
            thread_id="t",
            conversation_id="c",
            seq=seq,
            sender=sender,
            agent_id="a" if sender == "agent" else None,
            client_id=f"k{seq}" if sender in {"customer", "agent"} else None,
            text=text,
            payload=payload,
            created_at=at(second),
        )
        for seq, sender, second, text, payload in SAID
    ]
    moves = [
        Row(conversation_id="c", epoch=epoch, from_status=before, to_status=after, actor=actor, reason=reason, created_at=at(second))
        for epoch, (before, after, actor, reason, second) in enumerate(MOVES, start=1)
    ]
    talk = Row(id="c", thread_id="t", status="resolved", agent_id="a", epoch=4, last_seq=10, customer_seq=9, answered_seq=3)
    results = [{"replies": [{"text": "Hello!"}]}, {"replies": [{"text": "All right."}], "hand_off": {"question": "Your order's number?"}}]
    return Record(
        messages=said,
        conversations=[talk],
        moves=moves,
        escalations=[Row(conversation_id="c", status="resolved", agent_id="a")],
        turns=[Row(conversation_id="c", result=result) for result in results],
        effects=[
            Row(conversation_id="c", message_id="m1", action="return", epoch=1, state="done", summary={"number": "R1"}, created_at=at(0.5))
        ],
        returns=[Row(number="R1", order_line_id="line")],
    )


def log() -> Log:
    lines: Log = [{"who": "agent:a", "did": "opened", "line": 2, "conversation": "c", "after": 0}]
    for row in record().messages:
        place = {"id": row.id, "conversation": "c", "seq": row.seq}
        second = (row.created_at - START).total_seconds()
        who = {"customer": "visitor:1", "agent": "agent:a"}.get(row.sender, "")
        if who:
            lines.append({"who": who, "did": "sent", "client_id": row.client_id, "began": second - 0.1, "ended": second, **place})
        lines.append({"who": "visitor:1", "did": "saw", "line": 1, "sender": row.sender, **place})
        lines.append({"who": "agent:a", "did": "saw", "line": 2, "sender": row.sender, **place})
    return [*lines, {"who": "visitor:1", "did": "asked", "id": "m3", "conversation": "c", "seq": 3}]


def sentences(lines: Sequence[Mapping[str, Any]], found: Record) -> list[str]:
    return [violation.sentence for violation in check(lines, found)]


def test_a_good_run_has_no_violations() -> None:
    assert sentences(log(), record()) == []


def without(who: str, did: str, message: str) -> Log:
    return [line for line in log() if (line["who"], line["did"], line.get("id")) != (who, did, message)]


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (without("visitor:1", "saw", "m8"), "a customer's screen lacks messages"),
        ([*log(), {**log()[2], "line": 3}], "a customer's screen got messages twice"),
        (without("agent:a", "saw", "m9"), "a desk got place 10 after 8"),
        ([*log(), {**log()[5], "line": 2, "who": "agent:a"}], "a desk got place 2 after 10"),
        ([*log(), {**log()[1], "id": "gone"}], "an acknowledged message is not stored where it was said to be"),
        ([*log(), {**log()[1], "id": "m3", "seq": 3}], "one message, sent again, is stored more than once"),
        (
            [{**line, "began": 10, "ended": 11} if line["did"] == "sent" and line["id"] == "m1" else line for line in log()],
            "a message stands",
        ),
    ],
)
def test_what_a_screen_or_an_acknowledgement_shows_wrong_is_found(lines: Log, sentence: str) -> None:
    assert any(found.startswith(sentence) for found in sentences(lines, record()))


def change(table: str, index: int, **values: Any) -> Callable[[Record], Record]:
    def changed(good: Record) -> Record:
        rows = [Row(**vars(row)) for row in getattr(good, table)]
        vars(rows[index]).update(values)
        return replace(good, **{table: rows})

    return changed


def drop(table: str) -> Callable[[Record], Record]:
    return lambda good: replace(good, **{table: []})


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (change("messages", 9, seq=11), "the places are not 1 to 10: [10] are missing"),
        (change("messages", 1, created_at=at(8)), "a later place has an earlier time"),
        (change("moves", 3, epoch=5), "the changes of owner do not follow each other"),
        (change("messages", 6, sender="bot"), "the bot speaks while the conversation is agent"),
        (change("messages", 7, agent_id="b"), "an agent speaks in a conversation that is not theirs"),
        (change("messages", 3, text="Hello!"), "the bot says a sentence 2 times and has answered with it 1 times"),
        (change("effects", 0, created_at=at(4)), "return was done when the conversation was not the bot's"),
        (change("effects", 0, state="pending"), "return was begun and is pending"),
        (drop("effects"), "a return stands 1 times in the shop and was recorded 0 times"),
        (drop("returns"), "a return stands 0 times in the shop and was recorded 1 times"),
        (change("conversations", 0, status="waiting"), "a customer still waits, and nobody comes"),
        (change("conversations", 0, status="agent"), "a conversation is still an agent's: it was not brought to an end"),
        (change("conversations", 0, status="bot", answered_seq=3), "the bot has answered up to 3, the customer wrote 9"),
        (change("escalations", 0, status="claimed"), "the conversation is resolved, its open escalations are [('claimed', 'a')]"),
        (change("moves", 2, from_status="bot"), "an agent takes a conversation from bot"),
    ],
)
def test_what_the_database_holds_wrong_is_found(wrong: Callable[[Record], Record], sentence: str) -> None:
    assert sentence in sentences(log(), wrong(record()))


def test_who_left_and_still_owns_a_conversation_is_found() -> None:
    kept = change("conversations", 0, status="agent")(record())

    assert "a conversation is still an agent's: the agent has left" in sentences([*log(), {"who": "agent:a", "did": "left"}], kept)


def test_a_lease_that_was_taken_from_somebody_who_was_there_is_found() -> None:
    moves = [*record().moves[:3], Row(**{**vars(record().moves[3]), "to_status": "waiting", "actor": "worker", "reason": "agent_gone"})]
    taken = replace(record(), moves=moves)
    lost = "an agent who was there lost a conversation as gone"

    def pinged(second: float) -> dict[str, Any]:
        return {"who": "agent:a", "did": "pinged", "at": at(second).timestamp()}

    assert lost in sentences([*log(), pinged(3)], taken)
    assert lost not in sentences([*log(), pinged(-4)], taken)


def test_who_asked_for_a_person_and_got_silence_is_found() -> None:
    said = [row for row in record().messages if row.seq <= 6]
    quiet = replace(record(), messages=said)
    told = change("messages", 4, payload={"notice": "out_of_hours"})(quiet)
    silence = "a customer asked for a person and got neither one nor a clear word"

    assert silence in sentences(log(), quiet)
    assert silence not in sentences(log(), told)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        ("fence", "the bot speaks while the conversation is waiting"),
        ("dedupe", "one message, sent again, is stored more than once"),
        ("lease", "a conversation is still an agent's: the agent has left"),
        ("seq", "the places are not 1 to 12: [6] are missing"),
        ("recovery", "the bot has answered up to 0, the customer wrote 3"),
    ],
)
def test_what_a_broken_build_left_is_found(build: str, sentence: str) -> None:
    """One conversation of a run of `benchmarks.chaos --broken`, as `--keep` kept it."""
    assert sentence in sentences(*read_kept(Path(__file__).parent / "broken" / build))


def test_a_seed_always_gives_the_same_faults() -> None:
    assert schedule(3, 60) == schedule(3, 60)
    assert schedule(3, 60) != schedule(4, 60)
    assert all(fault.at_s + fault.for_s <= 60 for fault in schedule(3, 60))
