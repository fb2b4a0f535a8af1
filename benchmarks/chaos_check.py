"""The separate checker of `benchmarks.chaos`: reads only what the clients logged and the database, and knows nothing of how they work.

A log is a list of lines {who, did, at, ...}. `did` is: sent (acknowledged: id, client_id, conversation, seq, began and ended by one clock),
asked (for a person), saw (a message frame: id, conversation, seq, sender, line: one connection's number), opened (an agent's side asks for
all after a seq), pinged, left (an agent, for good). Times in the database are those of a moment in which the conversation's row was locked.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from benchmarks.chaos_record import Record, read_kept

Line = Mapping[str, Any]

# What tells somebody who asked for a person that none comes now, and what they can do.
CLEAR_WORDS = {"nobody_there", "out_of_hours", "overflow", "long_wait", "closed_silent"}
# Whoever got a ping answers it; it is heard within the first time, slow lines included, and the lease is longer than the second.
PINGED_S = (4.0, 12.0)
OPEN = {"waiting": "waiting", "agent": "claimed"}  # status of a conversation -> status of its escalation


@dataclass(frozen=True)
class Violation:
    sentence: str
    ids: tuple[str, ...]


def check(lines: Iterable[Line], record: Record) -> list[Violation]:
    """Return everything that was promised and not kept; empty when all was."""
    log = list(lines)
    looks = (
        acknowledged,
        answered_in_order,
        places,
        customers_screens,
        agents_screens,
        takeovers,
        said_once,
        effects,
        owners,
        leases,
        asked,
    )
    return [violation for look in looks for violation in look(log, record)]


def of(log: list[Line], *deeds: str) -> list[Line]:
    return [line for line in log if line["did"] in deeds]


def acknowledged(log: list[Line], record: Record) -> Iterator[Violation]:
    """Every acknowledged message is stored where it was said to be, once, whoever often it was sent."""
    stored = {row.id: row for row in record.messages}
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in of(log, "sent"):
        ids[line["who"], line["client_id"]].add(line["id"])
        row = stored.get(line["id"])
        if row is None or (row.conversation_id, row.seq) != (line["conversation"], line["seq"]):
            yield Violation("an acknowledged message is not stored where it was said to be", (line["who"], line["id"]))
    for (who, client_id), found in ids.items():
        if len(found) > 1:
            yield Violation("one message, sent again, is stored more than once", (who, client_id, *sorted(found)))
    written = Counter((row.thread_id, row.client_id) for row in record.messages if row.client_id)
    yield from (Violation("a client's id stands in the database more than once", key) for key, count in written.items() if count > 1)


def answered_in_order(log: list[Line], record: Record) -> Iterator[Violation]:
    """What was sent after the acknowledgement of another stands after it."""
    known: dict[tuple[str, str], dict[str, Line]] = defaultdict(dict)
    for line in sorted(of(log, "sent"), key=lambda line: float(line["ended"])):
        sender = line["who"], line["conversation"] if line["who"].startswith("agent") else ""
        begun = min(line["began"], known[sender].get(line["id"], line)["began"])
        known[sender][line["id"]] = {**known[sender].get(line["id"], line), "began": begun}
    for (who, _), sent in known.items():
        for line in sent.values():
            before = [other for other in sent.values() if other["ended"] < line["began"] and _place(other) > _place(line)]
            if before:
                yield Violation("a message stands before one that was acknowledged before it was sent", (who, line["id"], before[0]["id"]))


def places(log: list[Line], record: Record) -> Iterator[Violation]:
    """Places are 1, 2, 3 … in every conversation, in the order of time, and the epochs of its owners too."""
    for row in record.conversations:
        said = record.said.get(row.id, [])
        if (found := [one.seq for one in said]) != list(range(1, row.last_seq + 1)):
            missing = sorted(set(range(1, row.last_seq + 1)) - set(found))
            yield Violation(f"the places are not 1 to {row.last_seq}: {missing} are missing", (row.id,))
        if any(after.created_at < before.created_at for before, after in pairwise(said)):
            yield Violation("a later place has an earlier time", (row.id,))
        moves = record.owners.get(row.id, [])
        chain = [("", 0), *((move.to_status, move.epoch) for move in moves)]
        good = all((move.from_status, move.epoch - 1) == before for move, before in zip(moves, chain, strict=False))
        if not good or chain[-1] != (row.status, row.epoch):
            yield Violation("the changes of owner do not follow each other", (row.id,))


def customers_screens(log: list[Line], record: Record) -> Iterator[Violation]:
    """A customer's screen shows everything of their thread, in order, each once, over all connections together."""
    screens: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for line in of(log, "saw"):
        if line["who"].startswith("visitor"):
            screens[line["who"]].append((line["conversation"], line["seq"]))
    threads = {line["who"]: record.threads.get(line["conversation"], "") for line in of(log, "sent") if line["who"].startswith("visitor")}
    wanted: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in record.messages:
        wanted[row.thread_id].append((row.conversation_id, row.seq))
    for who, thread in threads.items():
        seen, stored = screens[who], sorted(wanted[thread])
        if missing := sorted(set(stored) - set(seen)):
            yield Violation("a customer's screen lacks messages", (who, *map(_named, missing)))
        if doubled := [place for place, count in Counter(seen).items() if count > 1]:
            yield Violation("a customer's screen got messages twice", (who, *map(_named, doubled)))
        if any(after < before for before, after in pairwise(seen)):
            yield Violation("a customer's screen got messages out of order", (who, thread))


def agents_screens(log: list[Line], record: Record) -> Iterator[Violation]:
    """Each line to a desk brings one conversation's messages one after the other; who served it to the end saw all of its customer."""
    lines: dict[tuple[str, int, str], list[Line]] = defaultdict(list)
    seen: dict[str, set[str]] = defaultdict(set)
    for line in of(log, "saw", "opened"):
        if line["who"].startswith("agent"):
            lines[line["who"], line["line"], line["conversation"]].append(line)
            seen[line["who"]] |= {line["id"]} if line["did"] == "saw" else set()
    for (who, _, conversation), on_line in lines.items():
        if wrong := _not_in_turn(on_line):
            yield Violation(f"a desk got place {wrong[1]} after {wrong[0]}", (who, conversation))
    gone = {line["who"] for line in of(log, "left")}
    for who, begin, end, row in _served(record):
        for message in record.said.get(row.id, []):
            theirs = message.sender == "customer" and begin < message.created_at and (end is None or message.created_at < end)
            if who not in gone and theirs and message.id not in seen[who]:
                yield Violation("an agent who served to the end never saw a message", (who, row.id, message.id))


def takeovers(log: list[Line], record: Record) -> Iterator[Violation]:
    """Bot and agents say nothing in a conversation that is not theirs; the question that goes with a hand-off is part of it."""
    for conversation, said in record.said.items():
        moves = record.owners.get(conversation, [])
        times = [move.created_at for move in moves]
        for message in said:
            index = bisect_right(times, message.created_at) - 1
            move = moves[max(index, 0)]
            asks_on_the_way = move.from_status == "bot" and message.payload.get("skippable")
            if message.sender == "bot" and move.to_status != "bot" and not asks_on_the_way:
                yield Violation(f"the bot speaks while the conversation is {move.to_status}", (conversation, message.id))
            if message.sender == "agent" and (move.to_status, move.actor) != ("agent", f"agent:{message.agent_id}"):
                yield Violation("an agent speaks in a conversation that is not theirs", (conversation, message.id, message.agent_id))


def said_once(log: list[Line], record: Record) -> Iterator[Violation]:
    """Every sentence of the bot stands in its conversation as often as a turn answered with it."""
    wanted: Counter[tuple[str, str]] = Counter()
    for turn in record.turns:
        texts = [reply.get("text", "") for reply in turn.result.get("replies", [])]
        texts += [question] if (question := (turn.result.get("hand_off") or {}).get("question")) else []
        wanted.update((turn.conversation_id, text) for text in texts)
    said = Counter((row.conversation_id, row.text) for row in record.messages if row.sender == "bot")
    for (conversation, text), count in said.items():
        if count > wanted[conversation, text]:
            yield Violation(
                f"the bot says a sentence {count} times and has answered with it {wanted[conversation, text]} times", (conversation,)
            )


def effects(log: list[Line], record: Record) -> Iterator[Violation]:
    """A deed is done while the bot owns the conversation, recorded once, and once in the shop."""
    for row in record.effects:
        moves = record.owners.get(row.conversation_id, [])
        mine = next((index for index, move in enumerate(moves) if move.epoch == row.epoch), None)
        over = moves[mine + 1].created_at if mine is not None and mine + 1 < len(moves) else None
        if mine is None or moves[mine].to_status != "bot" or (over is not None and row.created_at > over):
            yield Violation(f"{row.action} was done when the conversation was not the bot's", (row.conversation_id, row.message_id))
        if row.state != "done":
            yield Violation(f"{row.action} was begun and is {row.state}", (row.conversation_id, row.message_id))
    told = Counter(row.summary["number"] for row in record.effects if "number" in row.summary and row.summary["number"].startswith("R"))
    made = Counter(row.number for row in record.returns)
    for number in told | made:
        if (told[number], made[number]) != (1, 1):
            yield Violation(f"a return stands {made[number]} times in the shop and was recorded {told[number]} times", (number,))
    lines = Counter(row.order_line_id for row in record.returns)
    yield from (Violation(f"{count} returns of one thing", (line,)) for line, count in lines.items() if count > 1)


def owners(log: list[Line], record: Record) -> Iterator[Violation]:
    """In the end each conversation has one owner who is there, everything is answered, and nobody waits."""
    escalated: dict[str, list[Any]] = defaultdict(list)
    for row in record.escalations:
        escalated[row.conversation_id] += [row] if row.status in OPEN.values() else []
    left = {line["who"].removeprefix("agent:") for line in of(log, "left")}
    for row in record.conversations:
        open_ones = [(one.status, one.agent_id) for one in escalated[row.id]]
        if open_ones != ([(OPEN[row.status], row.agent_id)] if row.status in OPEN else []):
            yield Violation(f"the conversation is {row.status}, its open escalations are {open_ones}", (row.id,))
        if why := _left_over(row, left):
            yield Violation(why, (row.id, row.agent_id or ""))
    for move in record.moves:
        if move.to_status == "agent" and move.from_status not in OPEN:
            yield Violation(f"an agent takes a conversation from {move.from_status}", (move.conversation_id, move.actor))


def _left_over(row: Any, left: set[str]) -> str:
    """Say what is still owed in a conversation after the quiet time; empty when nothing is."""
    if row.status == "agent":
        return f"a conversation is still an agent's: {'the agent has left' if row.agent_id in left else 'it was not brought to an end'}"
    if row.status == "waiting":
        return "a customer still waits, and nobody comes"
    if row.status == "bot" and row.answered_seq < row.customer_seq:
        return f"the bot has answered up to {row.answered_seq}, the customer wrote {row.customer_seq}"
    return ""


def leases(log: list[Line], record: Record) -> Iterator[Violation]:
    """Nobody loses work as gone who was heard a moment before."""
    pinged: dict[str, list[float]] = defaultdict(list)
    for line in of(log, "pinged"):
        pinged[line["who"]].append(line["at"])
    for moves in record.owners.values():
        for before, move in pairwise(moves):
            if move.reason != "agent_gone":
                continue
            taken_at, who = move.created_at.timestamp(), before.actor
            if any(taken_at - PINGED_S[1] < at < taken_at - PINGED_S[0] for at in pinged[who]):
                yield Violation("an agent who was there lost a conversation as gone", (move.conversation_id, who))


def asked(log: list[Line], record: Record) -> Iterator[Violation]:
    """Whoever asked for a person got one, or a clear word."""
    for line in of(log, "asked"):
        conversation, seq = line["conversation"], line["seq"]
        later = [row for row in record.said.get(conversation, []) if row.seq > seq]
        came = any(row.sender == "agent" or row.payload.get("notice") in CLEAR_WORDS | {"agent_joined"} for row in later)
        if not came and not _was_with_agent(record, conversation, seq):
            yield Violation("a customer asked for a person and got neither one nor a clear word", (line["who"], conversation, line["id"]))


def _was_with_agent(record: Record, conversation: str, seq: int) -> bool:
    at = next((row.created_at for row in record.said.get(conversation, []) if row.seq == seq), None)
    before = [move for move in record.owners.get(conversation, []) if at is not None and move.created_at <= at]
    return bool(before) and before[-1].to_status == "agent"


def _served(record: Record) -> Iterator[tuple[str, Any, Any, Any]]:
    """Yield who served which conversation from when to when, where it did not end by the worker's taking it away."""
    rows = {row.id: row for row in record.conversations}
    for conversation, moves in record.owners.items():
        for move, after in zip(moves, [*moves[1:], None], strict=True):
            if move.to_status == "agent" and conversation in rows and (after is None or after.actor != "worker"):
                yield move.actor, move.created_at, after.created_at if after else None, rows[conversation]


def _not_in_turn(on_line: list[Line]) -> tuple[int, int] | None:
    """Return last and next place where a line jumps; it may begin anywhere, and once after each `opened` at the place asked for."""
    last: int | None = None
    asked_after: list[int] = []
    for line in on_line:
        if line["did"] == "opened":
            asked_after.append(line["after"])
        elif last is None or line["seq"] == last + 1:
            last = line["seq"]
        elif line["seq"] - 1 in asked_after:
            asked_after.remove(line["seq"] - 1)
            last = line["seq"]
        else:
            return last, line["seq"]
    return None


def _place(line: Line) -> tuple[str, int]:
    """Return where a message stands in its thread; the ids of conversations sort by time."""
    return line["conversation"], line["seq"]


def _named(place: tuple[str, int]) -> str:
    return f"{place[0]}:{place[1]}"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Check again what `benchmarks.chaos --keep FOLDER` has kept."""
    for violation in (found := check(*read_kept(folder))):
        click.echo(f"{violation.sentence} {' '.join(violation.ids)}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
