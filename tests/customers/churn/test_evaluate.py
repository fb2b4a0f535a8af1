"""`evaluate` on any table: honest on honest data, alarms that name the suspect on leaky data."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot.customers.churn.comparison import choose, compare, corrected_t_test
from bot.customers.churn.dataset import Asked, read_dataset
from bot.customers.churn.evaluate import evaluate_file
from bot.customers.churn.families import FAMILIES, QUICK
from bot.customers.churn.folds import by_customer, by_time
from bot.customers.churn.table import ChurnTable
from bot.errors import InputError
from tests.customers.churn.conftest import Evaluate

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def names(result: dict[str, object]) -> list[str]:
    alarms = result["alarms"]
    assert isinstance(alarms, list)
    return [alarm["name"] for alarm in alarms]


def test_of_few_customers_no_more_neighbours_are_asked_than_there_are(honest: pd.DataFrame, tmp_path: Path) -> None:
    honest.head(80).to_csv(tmp_path / "few.csv", index=False)
    table = read_dataset(Asked(data=tmp_path / "few.csv", target="churn")).table
    neighbours = [family for family in FAMILIES if family.name == "k_nearest_neighbours"]

    assert 0 < compare(table, neighbours, tick=lambda done, total: None).results["k_nearest_neighbours"].mean("auc") <= 1


@pytest.mark.slow
def test_an_honest_table_raises_no_alarm_and_says_what_was_done(evaluate: Evaluate, honest: pd.DataFrame) -> None:
    result = evaluate(honest)

    assert result["alarms"] == []
    assert 0.75 < result["auc"] < 0.9
    assert result["ece"] < 0.06  # chance alone makes .03 on 600 rows
    assert result["majority_accuracy"] < result["accuracy"]
    assert result["types"] == {
        "customer_id": "id",
        "tenure": "number",
        "charge": "number",
        "plan": "category",
        "calls": "number",
        "churn": "target",
    }
    assert json.loads(json.dumps(result))["chosen"] == "logistic_regression"


@pytest.mark.slow
def test_copied_customers_and_oversampling_raise(evaluate: Evaluate, honest: pd.DataFrame) -> None:
    leavers = honest[honest["churn"] == 1]
    more = int((honest["churn"] == 0).sum()) - len(leavers)
    drawn = pd.concat([honest, leavers.sample(more, replace=True, random_state=1)], ignore_index=True)

    copied = evaluate(pd.concat([honest] * 3))
    oversampled = evaluate(drawn.assign(customer_id=[f"N{number}" for number in range(len(drawn))]))

    assert names(copied) == ["copied_customers"]
    assert {"copied_customers", "resampled:balance", "resampled:copies"} <= set(names(oversampled))


@pytest.mark.slow
def test_a_date_after_the_observation_is_named(evaluate: Evaluate, honest: pd.DataFrame) -> None:
    observed = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.arange(len(honest)) % 90, unit="D")
    closed = observed + pd.to_timedelta(np.where(honest["churn"] == 1, 20, -200), unit="D")

    result = evaluate(honest.assign(seen=observed.strftime("%Y-%m-%d"), closed=closed.strftime("%Y-%m-%d")), time="seen")

    assert result["validation"]["split_by"] == "time"
    assert "dated_after:closed" in names(result)


def test_no_customer_stands_on_both_sides() -> None:
    groups = np.repeat(np.arange(60), 3)
    churned = np.repeat((np.arange(60) % 4 == 0).astype(int), 3)
    table = ChurnTable(pd.DataFrame({"x": np.arange(180.0)}), churned, groups, np.tile([1.0, 2.0, 3.0], 60))

    for learn, test in by_customer(table, 5, 7) + by_time(table, 5, 7):
        assert not set(groups[learn]) & set(groups[test])
    assert table.times is not None
    assert all(table.times[learn].max() < table.times[test].min() for learn, test in by_time(table, 5, 7))


def test_many_rows_of_few_customers_are_refused_with_the_numbers(evaluate: Evaluate, honest: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"of 1 customers who left and \d+ who stayed .* at least 10 of each"):
        evaluate(honest.assign(customer_id=np.where(honest["churn"] == 1, "K1", honest["customer_id"])), id="customer_id")


def test_the_corrected_t_test_by_hand() -> None:
    # mean .01, variance .0001; t = .01 / sqrt((1/5 + 1/4) * .0001) = 1.4907 with 4 degrees of freedom
    gaps = np.array([0.01, 0.02, 0.0, 0.02, 0.0])

    assert corrected_t_test(gaps, [80] * 5, [20] * 5) == pytest.approx(0.2103, abs=5e-4)
    assert corrected_t_test(np.zeros(5), [80] * 5, [20] * 5) == 1.0


@pytest.mark.slow
def test_the_same_table_gives_the_same_result(evaluate: Evaluate, honest: pd.DataFrame) -> None:
    first, second = evaluate(honest), evaluate(honest)

    assert {**first, "seconds": 0} == {**second, "seconds": 0}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_all_eight_families_are_compared_and_the_choice_is_near_the_best(tmp_path: Path, honest: pd.DataFrame) -> None:
    path = tmp_path / "table.csv"
    honest.to_csv(path, index=False)
    table = read_dataset(Asked(data=path, target="churn")).table

    splits = by_customer(table, 5, 7)[:1]  # four more would take a minute

    compared = compare(table, FAMILIES, splits=splits, tick=lambda done, total: None)

    aucs = {name: result.mean("auc") for name, result in compared.results.items()}
    assert len(aucs) == 8
    assert aucs[compared.chosen] >= max(aucs.values()) - 0.003
    assert all(result.ece(table.churned) < 0.15 for result in compared.results.values())
    assert choose(list(compared.results.values()), splits)[0] == compared.chosen


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif("YINGDA_BENCHMARK_DATA" not in os.environ, reason="YINGDA_BENCHMARK_DATA names no folder with customers/telco_churn")
def test_telco_is_honest_and_reaches_the_bars() -> None:
    path = Path(os.environ["YINGDA_BENCHMARK_DATA"]) / "customers/telco_churn/Telco-Customer-Churn.csv"

    result = evaluate_file(Asked(data=path, target="Churn"), families=QUICK, progress=lambda what, done, total: None)

    assert result["alarms"] == []
    assert 0.843 <= result["auc"] < 0.88  # above is a leak
    assert result["log_loss"] <= 0.42
    assert result["ece"] <= 0.032
    assert result["lift10"] >= 2.8
