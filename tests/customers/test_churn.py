"""The company's own churn model: its numbers say what scikit-learn says, and its reasons add up."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from bot.customers.churn.closed_form import closed_form, score_table
from bot.customers.churn.comparison import Fitted, fit_family
from bot.customers.churn.families import FAMILIES
from bot.customers.churn.reasons import background_of, shapley
from bot.customers.churn.table import ChurnTable
from bot.customers.churn.training import observations
from bot.customers.costs import read_costs
from bot.customers.features import HORIZON, NAMES
from bot.customers.score import HIGH, LEAST_REASON, MEDIUM, ChurnWeights, Term, score, weights_from
from tests.customers.conftest import NOW

pytestmark = pytest.mark.timeout(60)  # the first test of a session makes the sample data

LOGISTIC, *_, BOOSTING = (family for family in FAMILIES if family.name in {"logistic_regression", "gradient_boosting"})
Learned = tuple[ChurnTable, Fitted, ChurnWeights]


@pytest.fixture
def table(engine: sa.Engine) -> ChurnTable:
    with engine.connect() as connection:
        observed = observations(connection, NOW - HORIZON, snapshots=1)
    return ChurnTable(observed[list(NAMES)], observed["churned"].to_numpy(), np.arange(len(observed)))


@pytest.fixture
def learned(table: ChurnTable) -> Learned:
    fitted = fit_family(LOGISTIC, table)
    return table, fitted, closed_form(fitted.model, table.features, read_costs())


def test_the_closed_form_equals_scikit_learn(learned: Learned) -> None:
    table, fitted, weights = learned

    expected = fitted.model.predict(table.features)
    scored = [score(weights, row).probability for row in table.features.to_dict("records")]

    assert table.features["csat_mean"].isna().any()
    np.testing.assert_allclose(scored, expected, rtol=0, atol=1e-4)  # of a curve, lines through two hundred points


def test_a_table_is_scored_as_each_of_its_rows_is(learned: Learned) -> None:
    table, _, weights = learned
    row = table.features.iloc[0].to_dict()

    log_odds, contributions = score_table(weights, table.features)

    assert score(weights, row).probability == pytest.approx(1 / (1 + math.exp(-log_odds[0])), abs=1e-12)
    assert [term.contribution(row[term.feature]) for term in weights.terms] == pytest.approx(contributions.iloc[0].tolist())
    assert contributions.mean().abs().max() < 1e-9  # against the average customer


def test_the_closed_form_knows_categories_and_levels_that_are_new() -> None:
    rng = np.random.default_rng(1)
    plan = rng.choice(["gold", "silver", ""], 400)
    churned = (rng.random(400) < np.where(plan == "gold", 0.1, 0.5)).astype(int)
    table = ChurnTable(pd.DataFrame({"plan": plan.astype(object), "visits": rng.random(400)}), churned, np.arange(400))

    fitted = fit_family(LOGISTIC, table)
    weights = closed_form(fitted.model, table.features, read_costs())

    log_odds, _ = score_table(weights, table.features)
    np.testing.assert_allclose(log_odds, fitted.model.log_odds(table.features), atol=1e-3)
    assert score(weights, {"plan": "gold", "visits": 0.5}).probability < 0.3 < score(weights, {"plan": "silver", "visits": 0.5}).probability
    assert score(weights, {"plan": "bronze", "visits": 0.5}).probability > 0
    assert score(weights, {"plan": "silver", "visits": 0.5}).reasons[0].feature == "plan=silver"


def test_reasons_are_the_strongest_that_raise_the_risk_strongest_first(learned: Learned) -> None:
    table, _, weights = learned
    terms = {term.feature: term for term in weights.terms}

    for row in table.features.to_dict("records"):
        reasons = score(weights, row).reasons
        rising = sorted((term.contribution(row[name]) for name, term in terms.items() if not math.isnan(row[name])), reverse=True)
        assert [reason.contribution for reason in reasons] == [one for one in rising[:3] if one >= LEAST_REASON]
        assert all(reason.value == row[reason.feature] for reason in reasons)


def test_the_same_data_gives_the_same_model(learned: Learned) -> None:
    table, _, weights = learned

    again = fit_family(LOGISTIC, table)

    assert closed_form(again.model, table.features, read_costs()) == weights


@pytest.mark.slow
def test_reasons_of_boosted_trees_add_up_to_the_calibrated_log_odds(table: ChurnTable) -> None:
    model = fit_family(BOOSTING, table).model
    background = background_of(model, table.features)

    base, contributions = shapley(model, table.features.iloc[:20], background)

    expected = model.log_odds(table.features.iloc[:20])
    np.testing.assert_allclose(base + contributions.sum(axis=1), expected, atol=1e-9)
    assert base == pytest.approx(model.log_odds(table.features).mean(), abs=0.2)  # the background stands for everybody


def test_a_missing_value_is_no_reason() -> None:
    weights = ChurnWeights(0.0, [Term("csat_mean", xs=[1.0, 4.0], ys=[2.0, -1.0], missing=2.0)])

    assert score(weights, {"csat_mean": 1.0}).reasons != []
    assert score(weights, {"csat_mean": None}).reasons == []
    assert score(weights, {"csat_mean": math.nan}).reasons == []
    assert score(weights, {}).probability == score(weights, {"csat_mean": 1.0}).probability


def test_weights_of_before_the_bent_lines_still_say_what_they_said() -> None:
    term = {"feature": "orders", "fill": 0.0, "cap": 5.0, "mean": 2.0, "scale": 2.0, "coefficient": -0.8}

    weights = weights_from({"intercept": -1.0, "terms": [term], "medium": 0.2, "high": 0.4})

    contributions = [weights.terms[0].contribution(value) for value in (0.0, 3.0, 5.0, 9.0, None)]
    assert contributions == pytest.approx([0.8, -0.4, -1.2, -1.2, 0.8])


@pytest.mark.parametrize(
    ("probability", "level"),
    [(0.0, "low"), (MEDIUM - 0.001, "low"), (MEDIUM, "medium"), (HIGH - 0.001, "medium"), (HIGH, "high"), (1.0, "high")],
)
def test_the_level_follows_from_the_thresholds(probability: float, level: str) -> None:
    assert ChurnWeights(0.0, []).level(probability) == level


def test_extreme_log_odds_do_not_overflow() -> None:
    assert score(ChurnWeights(-5000.0, []), {}).probability == 0
    assert score(ChurnWeights(5000.0, []), {}).probability == 1
