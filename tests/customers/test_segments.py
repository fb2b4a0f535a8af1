"""Segments by the rules of the table; all of them have names."""

from __future__ import annotations

import pytest

from bot.customers.features import NAMES
from bot.customers.segments import rules, segment_of
from bot.customers.words import _texts


@pytest.mark.parametrize(
    ("days_since_order", "orders_365d", "spent_rank", "tenure_days", "segment"),
    [
        (1, 30, 1.0, 20, "new"),
        (400, 0, 0.1, 900, "dormant"),
        (100, 5, 0.9, 900, "at_risk"),
        (10, 9, 0.95, 900, "champion"),
        (10, 9, 0.5, 900, "loyal"),
        (10, 1, 0.5, 900, "occasional"),
        (100, 1, 0.5, 900, "occasional"),
    ],
)
def test_segments(days_since_order: float, orders_365d: float, spent_rank: float, tenure_days: float, segment: str) -> None:
    measures = {"days_since_order": days_since_order, "orders_365d": orders_365d, "spent_rank": spent_rank, "tenure_days": tenure_days}

    assert segment_of(measures) == segment


def test_every_segment_and_every_feature_has_words() -> None:
    for language in ("zh", "en"):
        assert set(_texts(language)["segments"]) == {rule.segment for rule in rules()}
        assert set(_texts(language)["reasons"]) == {*NAMES, "unknown"}
