"""Priority and skill of an escalation, by the table in routing.yml."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from bot.escalations.forms import Routing
from bot.languages import LANGUAGES
from bot.messages import HandoffReason
from bot.tables import read_table

TABLE = Path(__file__).parent / "routing.yml"
MINOR_UNITS = 100  # of CNY, USD, EUR: the currencies of the shop


class Priority(IntEnum):
    LOW = 0
    NORMAL = 1
    HIGH = 2
    URGENT = 3


@cache
def _table() -> dict[str, Any]:
    return dict(msgspec.to_builtins(read_table(TABLE, Routing)))


def priority_of(
    reason: HandoffReason, *, expected_loss_minor: int = 0, currency: str = "CNY", membership_tier: str = "", sentiment: float = 0.0
) -> Priority:
    """Return the priority by reason, raised by what we may lose, who is very angry and the highest membership, at most urgent."""
    table = _table()
    raised = _raised_by_loss(table["expected_loss"], expected_loss_minor, currency) + table["membership_tier"].get(membership_tier, 0)
    raised += table["very_negative"]["raises"] if is_very_negative(sentiment) else 0
    return Priority(min(Priority.URGENT, table["reason"][reason.value] + raised))


def _raised_by_loss(rule: dict[str, Any], expected_loss_minor: int, currency: str) -> int:
    """A currency that the table does not name raises nothing."""
    least = rule["from"].get(currency)
    return int(rule["raises"]) if least is not None and expected_loss_minor >= least * MINOR_UNITS else 0


def is_very_negative(sentiment: float) -> bool:
    """Is this tone, of -1 to 1, one that raises the priority?"""
    return bool(sentiment < _table()["very_negative"]["below"])


def skill_of(topic: str, language: str) -> str:
    """Return the skill's name, topic and language; an unknown topic is general."""
    known = topic if topic in _table()["topics"] else "general"
    return f"{known}_{language if language in LANGUAGES else 'en'}"


def topics() -> list[str]:
    return list(_table()["topics"])


def skills_of(served: Iterable[str], languages: Iterable[str]) -> list[str]:
    """Return every skill that an agent serves; no topics means all of them."""
    chosen = list(served) or topics()
    return [skill_of(topic, language) for language in languages for topic in chosen]


def place_at(created_at: datetime, priority: int) -> datetime:
    """Return the time that orders the queue: when one of low priority would have come to stand here.

    Each step of priority counts as `ageing_minutes` of waiting; so the order of two entries never changes while they wait.
    """
    return created_at - priority * timedelta(minutes=_table()["ageing_minutes"])


def widening_since(now: datetime) -> datetime:
    """Return the place in the queue up to which others may take what somebody on shift serves."""
    return place_at(now - timedelta(minutes=_table()["widens"]["after_minutes"]), Priority.NORMAL)


@cache
def widens_to(skill: str) -> tuple[str, ...]:
    """Return the skills whose agents may take this one's conversations when its own cannot, the next best first."""
    topic, _, language = skill.rpartition("_")
    rule = _table()["widens"]
    topics = [topic, *rule["topics"].get(topic, [])]
    languages = [language, *rule["languages"].get(language, [])]
    return tuple(f"{other}_{written}" for written in languages for other in topics if (other, written) != (topic, language))


def all_skills() -> list[str]:
    return skills_of([], LANGUAGES)


def same_agent_first() -> tuple[timedelta, timedelta]:
    """Return for how long the agent who served this customer last is asked first, and how long ago that may have been."""
    rule = _table()["same_agent"]
    return timedelta(seconds=rule["first_for_s"]), timedelta(days=rule["within_days"])
