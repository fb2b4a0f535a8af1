"""Words for the agent: both languages say the same things, with the customer's own value."""

from __future__ import annotations

import pytest

from bot.customers.profile import ChurnReason, ChurnRisk, Profile
from bot.customers.words import _texts, next_action, reason_words, segment_words


def test_both_languages_have_the_same_keys() -> None:
    zh, en = _texts("zh"), _texts("en")

    assert {part: set(texts) for part, texts in zh.items()} == {part: set(texts) for part, texts in en.items()}


@pytest.mark.parametrize(
    ("feature", "value", "zh", "en"),
    [
        ("days_since_order", 74.4, "已有 74 天没有下单", "no order for 74 days"),
        ("days_since_order", 1.2, "已有 1 天没有下单", "no order for a day"),
        ("orders_180d", 0, "近 180 天没有下过单", "no order in the last 180 days"),
        ("coupon_share", 0.5, "50% 的订单用了优惠券", "used a coupon for 50% of the orders"),
        ("csat_mean", 1.333, "近一年对客服的平均评分为 1.3 分（满分 5 分）", "rated our service 1.3 of 5 on average in the last year"),
        ("cancel_visits_60d", 1, "近 60 天看过 1 次取消会员页面", "looked at the cancellation page once in the last 60 days"),
        ("tenure_days", 200, "注册 7 个月", "registered 7 months ago"),
        ("tier_rank", 2, "目前是金卡会员", "a gold member at present"),
        ("shoe_size", 43, "其他信号（shoe_size）", "another signal (shoe_size)"),
    ],
)
def test_a_reason_is_a_sentence_with_the_value(feature: str, value: float, zh: str, en: str) -> None:
    assert reason_words(ChurnReason(feature, value, 0.5)) == {"zh": zh, "en": en}


def test_a_segment_has_a_name_in_both_languages() -> None:
    assert segment_words("champion") == {"zh": "核心客户", "en": "Champion"}


def test_next_action_goes_by_risk_then_segment() -> None:
    high = ChurnRisk(0.7, "high")

    member = next_action(Profile("x", "loyal", high, membership_tier="gold"))
    other = next_action(Profile("x", "loyal", high))
    calm = next_action(Profile("x", "loyal", ChurnRisk(0.05, "low")))

    assert member
    assert "会员挽留" in member["zh"]
    assert "membership" in member["en"]
    assert other
    assert "优惠券" in other["zh"]
    assert calm
    assert "invite" in calm["en"]
    assert next_action(Profile("x", "occasional")) is None
