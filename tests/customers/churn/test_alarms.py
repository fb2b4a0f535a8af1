"""Copies and made-up rows are told from customers who happen to be alike."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bot.customers.churn.alarms import future_features, resampled
from bot.customers.churn.copies import equal_means_copied
from bot.customers.churn.table import ChurnTable

pytestmark = pytest.mark.timeout(60)
ROWS = 2_000


def alarms(rows: pd.DataFrame, churned: np.ndarray) -> set[str]:
    return {alarm.name for alarm in resampled(rows, churned)}


@pytest.fixture
def bought_once() -> pd.DataFrame:
    """Return mostly customers of one purchase: what they paid is the sum, the mean and the last, and many are equal by chance."""
    rng = np.random.default_rng(2)
    days, paid = rng.integers(190, 273, ROWS), np.round(rng.gamma(3, 12, ROWS), 1)
    more = np.where(rng.random(ROWS) < 0.15, np.round(rng.gamma(2, 20, ROWS), 1), 0)
    return pd.DataFrame({"recency": days - 40 * (more > 0), "tenure": days, "paid": paid + more, "mean": np.round(paid + more / 2, 1)})


@pytest.fixture
def leavers() -> np.ndarray:
    churned: np.ndarray = (np.random.default_rng(4).random(ROWS) < 0.25).astype(int)
    return churned


@pytest.fixture
def contracts() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    tenure, charge = rng.integers(0, 72, ROWS), np.round(rng.gamma(4, 20, ROWS), 2)
    return pd.DataFrame({"tenure": tenure, "charge": charge, "total": np.round(tenure * charge, 2), "plan": rng.choice(["a", "b"], ROWS)})


def test_customers_who_are_alike_by_chance_raise_nothing(bought_once: pd.DataFrame, leavers: np.ndarray) -> None:
    churned = np.where(bought_once["recency"] == bought_once["tenure"], leavers, 1)
    coarse = bought_once[["recency"]].assign(member=leavers)

    assert bought_once.duplicated().mean() > 0.01
    assert not equal_means_copied(bought_once)
    assert not equal_means_copied(coarse)
    assert not equal_means_copied(bought_once[["paid"]].assign(double=2 * bought_once["paid"]))  # one column twice tells nothing
    assert alarms(bought_once, churned) == set()
    assert alarms(coarse, churned) == set()


def test_customers_of_one_place_raise_nothing() -> None:
    rng = np.random.default_rng(6)
    place, of_place = rng.integers(0, 700, ROWS), rng.random((700, 2)).round(4)
    rows = pd.DataFrame({"place": place, "north": of_place[place, 0], "east": of_place[place, 1], "plan": rng.choice(["a", "b"], ROWS)})

    assert rows.duplicated().mean() > 0.3
    assert not equal_means_copied(rows)


def test_copies_are_found_among_customers_who_are_alike(bought_once: pd.DataFrame, contracts: pd.DataFrame) -> None:
    assert equal_means_copied(pd.concat([contracts, contracts.sample(frac=0.1, random_state=1)]))
    assert equal_means_copied(pd.concat([contracts] * 3))
    assert equal_means_copied(pd.concat([bought_once] * 2))


def test_drawing_leavers_again_raises(contracts: pd.DataFrame, leavers: np.ndarray) -> None:
    drawn = np.random.default_rng(1).choice(np.flatnonzero(leavers), 900)
    rows = pd.concat([contracts, contracts.iloc[drawn]], ignore_index=True)

    assert alarms(contracts, leavers) == set()
    assert alarms(rows, np.concatenate([leavers, np.ones(900, dtype=int)])) == {"resampled:copies"}


def test_rows_made_up_between_leavers_raise(contracts: pd.DataFrame, leavers: np.ndarray) -> None:
    numbers, rng = ["tenure", "charge", "total"], np.random.default_rng(5)
    points = contracts.loc[leavers == 1, numbers].to_numpy(dtype=float)
    near = np.argsort((((points[:, None] - points[None]) / points.std(axis=0)) ** 2).sum(axis=2), axis=1)[:, 1:6]
    one = rng.integers(0, len(points), 800)
    made = points[one] + rng.random((800, 1)) * (points[near[one, rng.integers(0, 5, 800)]] - points[one])
    rows = pd.concat([contracts, pd.DataFrame(made, columns=numbers).assign(plan="a")], ignore_index=True)
    churned = np.concatenate([leavers, np.ones(800, dtype=int)])

    assert alarms(rows, churned) == {"resampled:fractions", "resampled:blends"}
    assert alarms(rows.assign(tenure=rows["tenure"].round()), churned) == {"resampled:fractions"}  # charges of many decimals


def test_a_feature_of_the_future_and_the_outcome_itself_are_named(contracts: pd.DataFrame, leavers: np.ndarray) -> None:
    balance = leavers * 5 + np.random.default_rng(1).normal(0, 1, ROWS)
    features = contracts.assign(closing_balance=balance, state=np.where(leavers, "out", "in"))
    features["reason"] = np.where((leavers == 1) & (contracts["tenure"] < 30), "price", "")

    named = {alarm.name for alarm in future_features(ChurnTable(features, leavers, np.arange(ROWS)), seed=7)}

    assert named == {"decides:closing_balance", "decides:state", "decides:reason"}
