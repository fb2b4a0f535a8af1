"""Which rows look like the same person: Fellegi and Sunter's model by splink, learned from the rows themselves, without examples.

DuckDB holds the rows in memory and nothing of them reaches a disk. The model: https://doi.org/10.1080/01621459.1969.10501049,
its estimation: https://moj-analytical-services.github.io/splink/
"""

from __future__ import annotations

import itertools
import logging
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pandas as pd
import splink.comparison_library as compare
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
from splink.internals.exceptions import EMTrainingException

Tick = Callable[[int, int], None]

SEED = 7
MAX_PAIRS = 300_000  # of random rows, from which it is learned how often fields agree by chance
MOST_TRAINED = 2_000_000  # candidate pairs that one estimation looks at
MEMORY = "1GB"
RECALL = 0.7  # share of the true pairs that the sure rules find; the model corrects it while it learns
LEAST_ROWS = 20  # with fewer there is nothing to learn from
MOST_MISSING = 0.98
# With fewer sure pairs hardly anybody is there twice and estimation would settle on "nobody is"; splink's own expectations are used then.
LEAST_SURE = 10
MOST_ROUNDS = 15

# What makes two rows candidates: equal values in all fields of one rule. Each may be right where all the others are wrong.
BLOCKS = (
    ("phone",),
    ("email",),
    ("number",),
    ("birth_date",),
    ("name",),
    ("surname", "given_name"),
    ("surname", "postcode"),
    ("given_name", "postcode"),
    ("surname", "city"),
    ("given_name", "city"),
    ("address",),
)
# Candidates of one rule at most: values that very many rows share (a birth date that stands for "unknown", a pick-up point) make none, or
# 20,000 rows would be 200 million pairs.
MOST_CANDIDATES = 1_000_000
# What more rows share than people can is made up ("13800138000", "1970-01-01", "anonymous") and speaks for nothing: rows, and share of all.
SHARED = {"phone": (10, 0.0), "email": (10, 0.0), "number": (10, 0.0), "birth_date": (20, 0.005), "name": (50, 0.01)}
# Pairs that agree in one of these are the same person nearly always; from them it is guessed how many pairs there are.
SURE = (
    ("number",),
    ("email", "name"),
    ("phone", "name"),
    ("email", "surname"),
    ("phone", "surname"),
    ("name", "birth_date"),
    ("surname", "birth_date"),
    ("given_name", "birth_date", "postcode"),
    ("name", "address"),
)
# Each estimation leaves out the fields that it blocks on, so several are needed.
TRAINING = (("birth_date",), ("surname",), ("name",), ("postcode",), ("number",), ("email",), ("phone",), ("city",))

_COMPARISONS: dict[str, Callable[[str], Any]] = {
    "name": lambda field: compare.JaroWinklerAtThresholds(field, [0.92, 0.85]).configure(term_frequency_adjustments=True),
    "given_name": lambda field: compare.JaroWinklerAtThresholds(field, [0.92, 0.8]).configure(term_frequency_adjustments=True),
    "surname": lambda field: compare.JaroWinklerAtThresholds(field, [0.92, 0.8]).configure(term_frequency_adjustments=True),
    "birth_date": lambda field: compare.DamerauLevenshteinAtThresholds(field, [1, 2]),
    "phone": lambda field: compare.DamerauLevenshteinAtThresholds(field, [1, 2]),
    "email": lambda field: compare.JaroWinklerAtThresholds(field, [0.96, 0.88]),
    "address": lambda field: compare.JaroWinklerAtThresholds(field, [0.95, 0.85]).configure(term_frequency_adjustments=True),
    "city": lambda field: compare.JaroWinklerAtThresholds(field, [0.9]).configure(term_frequency_adjustments=True),
    "postcode": lambda field: compare.DamerauLevenshteinAtThresholds(field, [1]),
    "number": lambda field: compare.DamerauLevenshteinAtThresholds(field, [1, 2]),
}


def link(table: pd.DataFrame, *, threshold: float, tick: Tick = lambda done, total: None) -> pd.DataFrame:
    """Return the pairs of rows that are one person with at least this probability: left and right (labels of the index), probability, and a
    column a field with the evidence in bits: above 0 it speaks for one person, below against it.

    `table` has columns of `fields`; a field that is nearly always missing is left out. No pairs among fewer than LEAST_ROWS rows, or where
    fewer than two fields are left.
    """
    fields = [field for field in _COMPARISONS if field in table and table[field].isna().mean() <= MOST_MISSING]
    if len(table) < LEAST_ROWS or len(fields) < 2:
        return pd.DataFrame(columns=["left", "right", "probability", *fields])
    rows = told(table[fields].astype(object).where(table[fields].notna(), None))
    rows.insert(0, "unique_id", range(len(rows)))
    connection = duckdb.connect(":memory:", config={"memory_limit": MEMORY, "threads": 2, "temp_directory": ""})
    try:
        found = _linked(connection, rows, fields, threshold, tick)
    finally:
        connection.close()
    labels = table.index.to_numpy()
    pairs = pd.DataFrame(
        {"left": labels[found["unique_id_l"]], "right": labels[found["unique_id_r"]], "probability": found["match_probability"]}
    )
    for field in fields:
        rare = found.get(f"mw_tf_adj_{field}", 0.0)  # to share a rare name says more than to share a frequent one
        pairs[field] = found[f"mw_{field}"] + rare
    return pairs.sort_values("probability", ascending=False, kind="stable", ignore_index=True)


def _linked(connection: duckdb.DuckDBPyConnection, rows: pd.DataFrame, fields: list[str], threshold: float, tick: Tick) -> pd.DataFrame:
    logging.getLogger("splink").setLevel(logging.ERROR)  # it tells its parameters line by line
    sure, pairs = _sure_pairs(rows, fields), len(rows) * (len(rows) - 1) // 2
    learns = LEAST_SURE <= sure <= pairs * RECALL / 2
    trainings = list(_possible(TRAINING, fields)) if learns else []
    steps = itertools.count(1)
    total = len(trainings) + 3
    blocks = candidates(rows, _possible(BLOCKS, fields))
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[_COMPARISONS[field](field) for field in fields],
        blocking_rules_to_generate_predictions=[block_on(block) for block in blocks],
        probability_two_random_records_match=max(1, sure) / (pairs + 1),
        max_iterations=MOST_ROUNDS,
        retain_matching_columns=False,
        retain_intermediate_calculation_columns=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        linker = Linker(DuckDBAPI(connection).register(pd.concat([rows, blocks], axis=1)), settings, log_level=logging.ERROR)
        if learns:
            rules: list[Any] = [block_on(*rule) for rule in _possible(SURE, fields)]
            linker.training.estimate_probability_two_random_records_match(rules, recall=RECALL)
        tick(next(steps), total)
        linker.training.estimate_u_using_random_sampling(max_pairs=MAX_PAIRS, seed=SEED)
        tick(next(steps), total)
        for rule in trainings:
            _estimate(linker, rule)
            tick(next(steps), total)
        predicted: Any = linker.inference.predict(threshold_match_probability=threshold)
        found: pd.DataFrame = predicted.as_pandas_dataframe()
    tick(total, total)
    return found


def told(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without values that more of them share than people can."""
    for field in SHARED.keys() & set(rows.columns):
        fewest, share = SHARED[field]
        counts = rows[field].map(rows[field].value_counts())
        rows[field] = rows[field].where(~(counts > max(fewest, share * len(rows))), None)
    return rows


def candidates(rows: pd.DataFrame, rules: Iterator[tuple[str, ...]]) -> pd.DataFrame:
    """Return a column a rule: equal numbers make two rows candidates. Of each rule the rarest values, up to MOST_CANDIDATES pairs."""
    blocks = {}
    for rule in rules:
        groups = rows.dropna(subset=list(rule)).groupby(list(rule), sort=False).ngroup()
        sizes = groups.map(groups.value_counts())
        of_size = sizes.value_counts().sort_index()  # rows by size of their group; each stands in (size - 1) / 2 pairs
        pairs = (of_size * (of_size.index - 1) / 2).cumsum()
        few = pairs.index[pairs <= MOST_CANDIDATES]
        kept = (sizes > 1) & (sizes <= (few.max() if len(few) else 0))
        blocks["by_" + "_".join(rule)] = groups[kept].reindex(rows.index).astype("Int64")
    return pd.DataFrame(blocks, index=rows.index)


def _estimate(linker: Linker, rule: tuple[str, ...]) -> None:
    """Learn how often fields agree between rows of one person; a rule with no pairs, or none of one person among them, teaches nothing."""
    try:
        linker.training.estimate_parameters_using_expectation_maximisation(
            block_on(*rule), max_pairs=MOST_TRAINED, record_sample_proportion=1.0
        )
    except (EMTrainingException, ValueError):  # the latter is a logarithm of 0: among these pairs it has found nobody twice
        return


def _sure_pairs(rows: pd.DataFrame, fields: list[str]) -> int:
    """Return how many pairs the best of the sure rules finds."""
    counts = [0]
    for rule in _possible(SURE, fields):
        sizes = rows.dropna(subset=list(rule)).groupby(list(rule)).size()
        counts.append(int((sizes * (sizes - 1) // 2).sum()))
    return max(counts)


def _possible(rules: tuple[tuple[str, ...], ...], fields: list[str]) -> Iterator[tuple[str, ...]]:
    return (rule for rule in rules if set(rule) <= set(fields))
