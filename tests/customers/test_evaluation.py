"""Measures of a churn model, on cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bot.customers.evaluation import calibration_error, check_enough, lift, measures
from bot.errors import InputError


def test_too_few_leavers_are_refused_with_the_numbers() -> None:
    with pytest.raises(InputError, match=r"3 customers left and 97 stayed; .* at least 20"):
        check_enough(np.array([1] * 3 + [0] * 97))


def test_calibration_error_and_lift_by_hand() -> None:
    y = np.array([1, 0, 0, 0, 1, 1, 1, 0, 0, 0])
    predicted = np.array([0.25, 0.25, 0.25, 0.25, 0.95, 0.85, 0.85, 0.05, 0.05, 0.05])

    assert calibration_error(y, predicted) == pytest.approx(0.4 * 0 + 0.1 * 0.05 + 0.2 * 0.15 + 0.3 * 0.05)
    assert lift(y, predicted) == pytest.approx(2.5)
    assert measures(y, predicted)["accuracy"] == pytest.approx(0.9)
    assert measures(y, predicted)["majority_accuracy"] == pytest.approx(0.6)
