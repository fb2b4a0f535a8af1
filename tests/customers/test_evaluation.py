"""Measures of a churn model: right on cases worked by hand, honest on the sample data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa

from bot.customers.churn import churn_pipeline
from bot.customers.evaluation import calibration_error, cross_validate, lift
from bot.customers.features import HORIZON, NAMES, training_set
from bot.errors import InputError
from bot.shop.sample import SampleData
from tests.customers.conftest import NOW

pytestmark = pytest.mark.timeout(60)  # the first test of a session makes the sample data


def quiet(done: int, total: int) -> None:
    assert 0 < done <= total


def test_cross_validation_finds_the_signal_and_no_leak(engine: sa.Engine, sample: SampleData, ids: dict[str, str]) -> None:
    with engine.connect() as connection:
        table, churned = training_set(connection, NOW - HORIZON)
    truth = pd.Series({ids[one.customer_id]: one.probability for one in sample.truth})

    measured = cross_validate(churn_pipeline(), table, churned, truth=truth, tick=quiet)

    assert 0.6 < measured["auc"]["mean"] < 0.95
    assert measured["auc"]["mean"] < measured["truth_auc"]["mean"] + 0.03
    assert measured["auc"]["sd"] > 0
    assert measured["ece"]["mean"] < 0.1
    assert measured["lift10"]["mean"] > 1.5
    assert cross_validate(churn_pipeline(), table, churned, truth=truth, tick=quiet) == measured


def test_labels_without_sense_cannot_be_learned(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        table, churned = training_set(connection, NOW - HORIZON)
    shuffled = pd.Series(np.random.default_rng(1).permutation(churned.to_numpy()), index=churned.index)

    measured = cross_validate(churn_pipeline(), table, shuffled, tick=quiet)

    assert 0.4 < measured["auc"]["mean"] < 0.6


def test_too_few_leavers_are_refused_with_the_numbers() -> None:
    table = pd.DataFrame(0.0, index=range(100), columns=list(NAMES))
    churned = pd.Series([1] * 3 + [0] * 97)

    with pytest.raises(InputError, match=r"3 customers left and 97 stayed; .* at least 20"):
        cross_validate(churn_pipeline(), table, churned, tick=quiet)


def test_calibration_error_and_lift_by_hand() -> None:
    y = np.array([1, 0, 0, 0, 1, 1, 1, 0, 0, 0])
    predicted = np.array([0.25, 0.25, 0.25, 0.25, 0.95, 0.85, 0.85, 0.05, 0.05, 0.05])

    assert calibration_error(y, predicted) == pytest.approx(0.4 * 0 + 0.1 * 0.05 + 0.2 * 0.15 + 0.3 * 0.05)
    assert lift(y, predicted) == pytest.approx(2.5)
