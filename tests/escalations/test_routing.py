"""Priority and skill by the table."""

from __future__ import annotations

import pytest

from bot.escalations.routing import Priority, priority_of, skill_of, skills_of
from bot.messages import HandoffReason


@pytest.mark.parametrize(
    ("reason", "churn_level", "tier", "priority"),
    [
        ("customer_request", "", "", Priority.NORMAL),
        ("customer_request", "high", "", Priority.HIGH),
        ("customer_request", "high", "platinum", Priority.URGENT),
        ("complaint", "", "", Priority.HIGH),
        ("complaint", "high", "platinum", Priority.URGENT),
        ("churn_risk", "low", "silver", Priority.HIGH),
    ],
)
def test_priority_rises_with_reason_risk_and_membership(reason: str, churn_level: str, tier: str, priority: Priority) -> None:
    assert priority_of(HandoffReason(reason), churn_level=churn_level, membership_tier=tier) == priority


@pytest.mark.parametrize(
    ("sentiment", "priority"), [(0.9, Priority.NORMAL), (-0.5, Priority.NORMAL), (-0.9, Priority.HIGH)], ids=["glad", "cross", "furious"]
)
def test_who_is_very_angry_is_served_sooner(sentiment: float, priority: Priority) -> None:
    assert priority_of(HandoffReason.CUSTOMER_REQUEST, sentiment=sentiment) == priority
    assert priority_of(HandoffReason.COMPLAINT, churn_level="high", sentiment=sentiment) == Priority.URGENT


@pytest.mark.parametrize("reason", list(HandoffReason))
def test_every_reason_has_a_priority(reason: HandoffReason) -> None:
    assert priority_of(reason) in set(Priority)


def test_an_unknown_topic_is_general() -> None:
    assert skill_of("astrology", "zh") == "general_zh"


def test_no_topics_means_all_of_them() -> None:
    assert "returns_en" in skills_of([], ["en"])
    assert skills_of(["orders"], ["zh", "en"]) == ["orders_zh", "orders_en"]
