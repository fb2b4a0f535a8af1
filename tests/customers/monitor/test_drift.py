"""Drift is a distance: none where nothing changed, more the more changed, whatever the number of customers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bot.customers.monitor.drift import DRIFTED, distances, jensen_shannon, reference_of


def _table(seed: int, *, shift: float = 0.0, count: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "spending": rng.gamma(2, 100, count) * (1 + shift),
            "orders": rng.poisson(0.4, count).astype(float),
            "tier": rng.choice(["", "silver", "gold"], count, p=[0.7 - shift / 4, 0.2, 0.1 + shift / 4]),
            "csat": np.where(rng.random(count) < 0.6, np.nan, rng.integers(1, 6, count)),
        }
    )


def test_two_samples_of_the_same_customers_have_not_drifted() -> None:
    found = distances(reference_of(_table(1)), _table(2))

    assert set(found) == {"spending", "orders", "tier", "csat"}
    assert max(found.values()) < DRIFTED / 2


def test_what_changed_is_found_first() -> None:
    found = distances(reference_of(_table(1)), _table(2, shift=1.0))

    assert list(found)[:2] == ["spending", "tier"]
    assert found["spending"] > found["tier"] > DRIFTED
    assert found["orders"] < DRIFTED


def test_values_that_go_missing_are_a_drift() -> None:
    today = _table(2)
    today["spending"] = np.nan

    assert distances(reference_of(_table(1)), today)["spending"] > 0.9


def test_a_label_that_nobody_had_is_a_drift() -> None:
    assert distances(reference_of(_table(1)), _table(2).assign(tier="diamond"))["tier"] == pytest.approx(1.0)


@pytest.mark.parametrize(("one", "other", "distance"), [([1, 0], [0, 1], 1.0), ([0.5, 0.5], [0.5, 0.5], 0.0), ([1, 0], [0.5, 0.5], 0.5579)])
def test_the_distance_has_its_textbook_values(one: list[float], other: list[float], distance: float) -> None:
    assert jensen_shannon(one, other) == pytest.approx(distance, abs=1e-4)
