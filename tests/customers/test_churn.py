"""The churn model: its numbers say what scikit-learn says, and its reasons add up."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from sklearn.base import clone

from bot.customers.churn import FillAndCap, Trained, train_model
from bot.customers.features import HORIZON, NAMES, training_set
from bot.customers.score import HIGH, LEAST_REASON, MEDIUM, ChurnWeights, Term, score
from tests.customers.conftest import NOW

pytestmark = pytest.mark.timeout(60)  # the first test of a session makes the sample data

Learned = tuple[pd.DataFrame, pd.Series, Trained]


@pytest.fixture
def learned(engine: sa.Engine) -> Learned:
    with engine.connect() as connection:
        table, churned = training_set(connection, NOW - HORIZON)
    return table, churned, train_model(table, churned)


def test_the_closed_form_equals_scikit_learn(learned: Learned) -> None:
    table, _, trained = learned

    expected = trained.pipeline.predict_proba(table[list(NAMES)])[:, 1]
    scored = [score(trained.weights, row).probability for row in table[list(NAMES)].to_dict("records")]

    assert table["csat_mean"].isna().any()
    np.testing.assert_allclose(scored, expected, rtol=0, atol=1e-9)


def test_contributions_and_intercept_add_up_to_the_log_odds(learned: Learned) -> None:
    table, _, trained = learned
    row = table[list(NAMES)].iloc[0].to_dict()

    total = trained.weights.intercept + sum(term.contribution(row[term.feature]) for term in trained.weights.terms)

    risk = score(trained.weights, row).probability
    assert math.log(risk / (1 - risk)) == pytest.approx(total, abs=1e-9)


def test_reasons_are_the_strongest_that_raise_the_risk_strongest_first(learned: Learned) -> None:
    table, _, trained = learned
    terms = {term.feature: term for term in trained.weights.terms}

    for row in table[list(NAMES)].to_dict("records"):
        reasons = score(trained.weights, row).reasons
        rising = sorted((term.contribution(row[name]) for name, term in terms.items() if not math.isnan(row[name])), reverse=True)
        assert [reason.contribution for reason in reasons] == [one for one in rising[:3] if one >= LEAST_REASON]
        assert all(reason.value == row[reason.feature] for reason in reasons)


def test_the_same_data_gives_the_same_model(learned: Learned) -> None:
    table, churned, trained = learned

    assert train_model(table, churned).weights == trained.weights


def test_behaviour_counts_in_the_direction_that_makes_sense(learned: Learned) -> None:
    coefficients = {term.feature: term.coefficient for term in learned[2].weights.terms}

    assert coefficients["days_since_order"] > 0
    assert coefficients["troubled_180d"] > 0
    assert coefficients["cancel_visits_60d"] > 0
    assert coefficients["orders_180d"] < 0
    assert coefficients["csat_mean"] < 0


def test_a_missing_value_is_no_reason() -> None:
    weights = ChurnWeights(0.0, [Term("csat_mean", fill=1.0, cap=4.0, mean=3.0, scale=1.0, coefficient=-1.0)])

    assert score(weights, {"csat_mean": 1.0}).reasons != []
    assert score(weights, {"csat_mean": None}).reasons == []
    assert score(weights, {"csat_mean": math.nan}).reasons == []
    assert score(weights, {}).probability == score(weights, {"csat_mean": 1.0}).probability


@pytest.mark.parametrize(
    ("probability", "level"),
    [(0.0, "low"), (MEDIUM - 0.001, "low"), (MEDIUM, "medium"), (HIGH - 0.001, "medium"), (HIGH, "high"), (1.0, "high")],
)
def test_the_level_follows_from_the_thresholds(probability: float, level: str) -> None:
    assert ChurnWeights(0.0, []).level(probability) == level


def test_extreme_log_odds_do_not_overflow() -> None:
    assert score(ChurnWeights(-5000.0, []), {}).probability == 0
    assert score(ChurnWeights(5000.0, []), {}).probability == 1


def test_the_bounds_are_learned_in_fit_and_keep_the_contract() -> None:
    bounds = FillAndCap(fills=(0.0, 4.0), caps=(None, 4.0), quantile=0.5)
    values = np.array([[0.0, 5.0], [10.0, np.nan], [90.0, 1.0]])

    changed = bounds.fit_transform(values)

    assert changed.tolist() == [[0.0, 4.0], [10.0, 4.0], [10.0, 1.0]]
    assert clone(bounds).get_params() == bounds.get_params()
    assert not hasattr(clone(bounds), "caps_")
    with pytest.raises(ValueError, match="expected 2 columns"):
        bounds.transform(np.zeros((3, 5)))
