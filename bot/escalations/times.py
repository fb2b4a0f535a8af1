"""How long things may take, by the table in times.yml."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from bot.escalations.forms import Times
from bot.escalations.routing import Priority
from bot.tables import read_table

TABLE = Path(__file__).parent / "times.yml"


@cache
def table() -> dict[str, Any]:
    return dict(msgspec.to_builtins(read_table(TABLE, Times)))


@dataclass(frozen=True)
class FirstReply:
    """What happens when an agent claims and does not write."""

    within: timedelta
    not_again_for: timedelta
    returns: int


def first_reply() -> FirstReply:
    rule = table()["first_reply"]
    return FirstReply(timedelta(minutes=rule["within"]), timedelta(minutes=rule["not_again_for"]), rule["returns"])


@dataclass(frozen=True)
class Idle:
    """When a silent customer's conversation closes, on one channel and with one kind of partner."""

    channel: str  # "other": every channel that is not named
    status: str  # bot or agent
    remind: timedelta | None
    close: timedelta  # after the reminder, or after the last message where there is none


def idle_rules() -> list[Idle]:
    return [
        Idle(channel, status, timedelta(minutes=rule["remind"]) if rule["remind"] else None, timedelta(minutes=rule["close"]))
        for channel, partners in table()["idle"].items()
        for status, rule in partners.items()
    ]


def follow_up_within() -> timedelta:
    return timedelta(minutes=table()["follow_up"]["within"])


def outreach_answered_within() -> timedelta:
    return timedelta(minutes=table()["outreach"]["answered_within"])


def queue_limit() -> int:
    return int(table()["queue"]["limit"])


def longest_wait() -> timedelta:
    return timedelta(minutes=table()["queue"]["longest_wait"])


def promised(priority: Priority, target: str) -> tuple[timedelta, timedelta]:
    """Return the business time until a warning and until a breach of `target`: first_response, next_response or resolution."""
    rule = table()["sla"]
    due = timedelta(minutes=rule[priority.name.lower()][target])
    return due * float(rule["warn_at"]), due
