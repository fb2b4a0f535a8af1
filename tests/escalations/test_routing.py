"""Priority and skill by the table."""

from __future__ import annotations

import pytest

from bot.escalations.routing import Priority, _table, all_skills, priority_of, skill_of, skills_of, widens_to
from bot.messages import HandoffReason


@pytest.mark.parametrize(
    ("reason", "loss", "tier", "priority"),
    [
        ("customer_request", 0, "", Priority.NORMAL),
        ("customer_request", 1500, "", Priority.HIGH),
        ("customer_request", 1500, "platinum", Priority.URGENT),
        ("complaint", 0, "", Priority.HIGH),
        ("complaint", 1500, "platinum", Priority.URGENT),
        ("churn_risk", 999, "silver", Priority.HIGH),
    ],
)
def test_priority_rises_with_reason_expected_loss_and_membership(reason: str, loss: int, tier: str, priority: Priority) -> None:
    assert priority_of(HandoffReason(reason), expected_loss_minor=loss * 100, membership_tier=tier) == priority


@pytest.mark.parametrize(("currency", "priority"), [("USD", Priority.HIGH), ("CNY", Priority.NORMAL), ("XYZ", Priority.NORMAL)])
def test_the_expected_loss_is_weighed_in_its_own_currency(currency: str, priority: Priority) -> None:
    assert priority_of(HandoffReason.CUSTOMER_REQUEST, expected_loss_minor=20_000, currency=currency) == priority


@pytest.mark.parametrize(
    ("sentiment", "priority"), [(0.9, Priority.NORMAL), (-0.5, Priority.NORMAL), (-0.9, Priority.HIGH)], ids=["glad", "cross", "furious"]
)
def test_who_is_very_angry_is_served_sooner(sentiment: float, priority: Priority) -> None:
    assert priority_of(HandoffReason.CUSTOMER_REQUEST, sentiment=sentiment) == priority
    assert priority_of(HandoffReason.COMPLAINT, expected_loss_minor=150_000, sentiment=sentiment) == Priority.URGENT


@pytest.mark.parametrize("reason", list(HandoffReason))
def test_every_reason_has_a_priority(reason: HandoffReason) -> None:
    assert priority_of(reason) in set(Priority)


def test_an_unknown_topic_is_general() -> None:
    assert skill_of("astrology", "zh") == "general_zh"


def test_no_topics_means_all_of_them() -> None:
    assert "returns_en" in skills_of([], ["en"])
    assert skills_of(["orders"], ["zh", "en"]) == ["orders_zh", "orders_en"]


def test_a_skill_widens_to_the_next_best_topic_then_to_who_reads_its_language() -> None:
    assert widens_to("orders_zh") == ("shipping_zh", "returns_zh", "general_zh")
    assert widens_to("payments_en") == ("orders_en", "general_en", "payments_zh", "orders_zh", "general_zh")


def test_the_table_of_widening_names_every_topic_and_only_topics() -> None:
    topics = _table()["widens"]["topics"]

    assert set(topics) == set(_table()["topics"])
    assert {name for names in topics.values() for name in names} <= set(topics)
    assert not any(set(widens_to(skill)) - set(all_skills()) for skill in all_skills())
