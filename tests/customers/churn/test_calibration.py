"""Calibration: bent where held-out customers show the need, straight elsewhere, the order of the customers kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bot.customers.churn.artifact import Artifact, read_artifact, write_artifact
from bot.customers.churn.calibration import calibrated, platt
from bot.customers.churn.comparison import fit_family
from bot.customers.churn.families import FAMILIES
from bot.customers.churn.reasons import background_of, shapley
from bot.customers.churn.table import ChurnTable
from bot.customers.evaluation import calibration_error, chance_error

pytestmark = pytest.mark.slow

Array = np.ndarray[Any, Any]
ROWS = 3000


def steps(rows: int = ROWS) -> tuple[Array, ChurnTable]:
    """Return scores that are too sure of themselves, of customers of whom half leave with .15 and half with .7."""
    rng = np.random.default_rng(1)
    high = rng.random(rows) < 0.5
    scores = np.where(high, 1.0, -1.5) + rng.normal(0, 0.8, rows)
    churned = (rng.random(rows) < np.where(high, 0.7, 0.15)).astype(int)
    return scores, ChurnTable(pd.DataFrame({"score": scores}), churned, np.arange(rows))


def tree_of_a_cross() -> tuple[Any, ChurnTable]:
    """Return a boosted model, and its table, whose leavers are a cross of two features."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-1, 1, (2, 1500))
    churned = (rng.random(1500) < np.where(x * y > 0, 0.75, 0.1)).astype(int)
    table = ChurnTable(pd.DataFrame({"x": x, "y": y}), churned, np.arange(1500))
    trees = next(family for family in FAMILIES if family.name == "decision_tree")
    return fit_family(trees, table).model, table


def test_steps_bend_the_line_and_keep_the_order() -> None:
    scores, table = steps()
    straight, bent = platt(scores, table.churned), calibrated(scores, table, seed=7)
    fresh = np.sort(np.random.default_rng(2).normal(0, 3, 2000))

    errors = [calibration_error(table.churned, 1 / (1 + np.exp(-line.log_odds(scores)))) for line in (straight, bent)]

    assert len(bent.bends) == 7
    assert errors[0] > 0.03
    assert errors[1] < 0.015
    assert (np.diff(bent.log_odds(fresh)) > 0).all()


def test_a_line_stays_straight_where_it_fits_or_customers_are_few() -> None:
    rng = np.random.default_rng(4)
    scores = rng.normal(size=ROWS)
    fits = ChurnTable(pd.DataFrame(), (rng.random(ROWS) < 1 / (1 + np.exp(-scores))).astype(int), np.arange(ROWS))
    of_steps, table = steps()
    few = ChurnTable(table.features, table.churned, np.arange(ROWS) % 90)

    assert calibrated(scores, fits, seed=7).bends == ()
    assert calibrated(of_steps, few, seed=7).bends == ()


def test_a_bent_model_is_stored_and_explained_as_it_predicts() -> None:
    model, table = tree_of_a_cross()
    background = background_of(model, table.features)
    served = read_artifact(write_artifact(Artifact(model, background))).model

    base, reasons = shapley(served, table.features.head(20), background)

    assert model.bends
    np.testing.assert_array_equal(served.predict(table.features), model.predict(table.features))
    np.testing.assert_allclose(base + reasons.sum(axis=1), model.log_odds(table.features.head(20)), atol=1e-9)


def test_a_model_stored_before_lines_could_bend_is_served() -> None:
    model, table = tree_of_a_cross()
    straight = type(model)(model.pipeline, 0.5, 0.1)
    expected = straight.predict(table.features)

    del straight.bends

    np.testing.assert_array_equal(straight.predict(table.features), expected)


def test_what_chance_makes_of_the_calibration_error_by_hand() -> None:
    predicted = np.full(400, 0.5)
    copies = np.repeat(np.arange(100), 4)

    alone = chance_error(np.arange(400) % 2, predicted, np.arange(400))
    together = chance_error(copies % 2, predicted, copies)

    # The mean distance of a binomial share from .5 is .5 * sqrt(2 / (pi * n)): .0199 of 400, .0399 of 100.
    assert alone == pytest.approx(0.0199, abs=0.003)
    assert together == pytest.approx(0.0399, abs=0.006)
