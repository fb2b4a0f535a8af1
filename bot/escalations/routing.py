"""Priority and skill of an escalation, by the table in routing.yml."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from bot.languages import LANGUAGES
from bot.messages import HandoffReason

MINOR_UNITS = 100  # of CNY, USD, EUR: the currencies of the shop


class Priority(IntEnum):
    LOW = 0
    NORMAL = 1
    HIGH = 2
    URGENT = 3


@cache
def _table() -> dict[str, Any]:
    return dict(yaml.safe_load((Path(__file__).parent / "routing.yml").read_text(encoding="utf8")))


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


def skills_of(topics: Iterable[str], languages: Iterable[str]) -> list[str]:
    """Return every skill that an agent serves; no topics means all of them."""
    chosen = list(topics) or list(_table()["topics"])
    return [skill_of(topic, language) for language in languages for topic in chosen]
