"""Offers and a person's time go where they are expected to win most."""

from __future__ import annotations

import msgspec
import pytest

from bot.customers.holdout import held_out
from bot.customers.offers import choose_offer, table, unit_minor, worth_a_person
from bot.customers.profile import ChurnRisk, Profile


def _profile(probability: float, value: int, *, held: bool = False, orders: int = 10) -> Profile:
    """`value` in whole units; who has so much to spend spends it in ten orders."""
    risk = ChurnRisk(probability, "high" if probability >= 0.4 else "low")
    loss = round(probability * value * 100)
    return Profile(
        "x", churn=risk, spent_minor=value * 100, orders=orders, value_minor=value * 100, expected_loss_minor=loss, held_out=held
    )


@pytest.mark.parametrize(
    ("probability", "value", "rule"),
    [
        (0.8, 20_000, "six_months"),
        (0.8, 3_000, "three_months"),
        (0.5, 2_000, "percent_20"),
        (0.3, 1_000, "percent_10"),
        (0.8, 200, "percent_20"),
        (0.02, 200, "courtesy"),
    ],
)
def test_the_offer_of_the_highest_expected_gain_is_made(probability: float, value: int, rule: str) -> None:
    assert choose_offer(_profile(probability, value)).rule == rule


def test_equal_risk_is_treated_by_value_and_equal_value_by_risk() -> None:
    assert worth_a_person(_profile(0.6, 5000))
    assert not worth_a_person(_profile(0.6, 200))
    assert not worth_a_person(_profile(0.02, 5000))


@pytest.mark.parametrize("profile", [None, Profile("x"), _profile(0.9, 20_000, held=True)], ids=["unknown", "no risk", "held out"])
def test_without_a_risk_to_go_by_everybody_is_treated_alike(profile: Profile | None) -> None:
    assert choose_offer(profile).rule == "neutral"
    assert not worth_a_person(profile)


def test_offers_and_costs_are_of_the_size_of_the_currency() -> None:
    yuan = _profile(0.8, 3_000)
    dollars = msgspec.structs.replace(_profile(0.8, 450), currency="USD")

    assert choose_offer(dollars).rule == choose_offer(yuan).rule
    assert next(rule for rule in table().offers if rule.kind == "amount").offer(unit_minor("USD")).value == 1500


def test_a_tenth_of_all_customers_is_held_out_and_always_the_same() -> None:
    group = [number for number in range(10_000) if held_out(f"C{number:06}")]

    assert len(group) / 10_000 == pytest.approx(table().hold_out, abs=0.01)
    assert group == [number for number in range(10_000) if held_out(f"C{number:06}")]


def test_the_customers_of_the_demo_are_not_held_out() -> None:
    assert not any(held_out(number) for number in ("C000001", "C000002", "C000003", "C000004"))
