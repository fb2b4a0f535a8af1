"""The eight families of models, from simple to complicated, each with the few settings that it is tried with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from bot.customers.churn.encoding import Encoding, bent, curved, for_trees, plain, ranked
from bot.customers.churn.table import ChurnTable

SEED = 7
MOST_TRIED = 40  # features at a split of a tree in a forest, so that hundreds of columns take no minutes


@dataclass(frozen=True)
class Setting:
    """One way to make a model of a family."""

    name: str
    encoding: Encoding
    make: Callable[[], BaseEstimator]

    def pipeline(self, table: ChurnTable, *, rows: int) -> Pipeline:
        """Return it unfitted, to learn from so many rows of the table.

        Of few rows fewer neighbours and smaller batches are taken, of many columns fewer at a split.
        """
        model = self.make()
        if isinstance(model, KNeighborsClassifier):
            model.set_params(n_neighbors=min(model.n_neighbors, max(1, rows // 4)))
        elif isinstance(model, MLPClassifier):
            model.set_params(batch_size=min(model.batch_size, rows))
        elif isinstance(model, RandomForestClassifier) and isinstance(model.max_features, float):
            model.set_params(max_features=min(model.max_features, MOST_TRIED / len(table.features.columns)))
        return Pipeline([("encode", self.encoding(table)), ("model", model)])


@dataclass(frozen=True)
class Family:
    """`most_rows`: of more to learn from a sample is taken, so that a large table takes minutes; the output says so.

    `closed_form`: its log-odds are a sum over the features, and its calibration must leave them so.
    """

    name: str
    settings: tuple[Setting, ...]
    most_rows: int | None = None
    closed_form: bool = False


def _boosting(rate: float, rounds: int, leaves: int, **more: Any) -> HistGradientBoostingClassifier:
    settings = {"learning_rate": rate, "max_iter": rounds, "max_leaf_nodes": leaves, "early_stopping": False, "random_state": SEED} | more
    return HistGradientBoostingClassifier(**settings)


def _forest(leaf: int, features: float | str) -> RandomForestClassifier:
    return RandomForestClassifier(200, min_samples_leaf=leaf, max_features=features, random_state=SEED)


def _network(alpha: float, layers: tuple[int, ...] = (32,)) -> MLPClassifier:
    return MLPClassifier(
        layers, alpha=alpha, learning_rate_init=0.003, batch_size=128, max_iter=40, tol=1e-3, n_iter_no_change=5, random_state=SEED
    )


# The order is that of simplicity: of models within noise of the best the first is taken. On telco and five other public churn sets no
# setting of the trees won everywhere: small boosting, default boosting and the default forest each came first somewhere.
FAMILIES = (
    Family(
        "logistic_regression",
        (
            Setting("as it is", plain, lambda: LogisticRegression(C=1.0, max_iter=1000)),
            Setting("bent lines", bent, lambda: LogisticRegression(C=0.1, max_iter=1000)),
            Setting("curves", curved, lambda: LogisticRegression(C=0.1, max_iter=1000)),
        ),
        closed_form=True,
    ),
    Family(
        "linear_regression",
        (Setting("as it is", plain, lambda: Ridge(alpha=10.0)), Setting("bent lines", bent, lambda: Ridge(alpha=100.0))),
    ),
    Family(
        "decision_tree",
        tuple(
            Setting(
                f"{leaves} leaves",
                for_trees,
                lambda leaves=leaves: DecisionTreeClassifier(max_leaf_nodes=leaves, min_samples_leaf=20, random_state=SEED),  # type: ignore[misc]
            )
            for leaves in (12, 24, 48)
        ),
    ),
    Family(
        "gradient_boosting",
        (
            Setting("small", for_trees, lambda: _boosting(0.05, 150, 8)),
            Setting("pairs", for_trees, lambda: _boosting(0.05, 200, 4, interaction_cst="pairwise", max_features=0.5)),
            Setting("default", for_trees, lambda: _boosting(0.1, 100, 31)),
            Setting("long", for_trees, lambda: _boosting(0.05, 400, 16, max_features=0.5, l2_regularization=5.0)),
        ),
    ),
    Family(
        "random_forest",
        (Setting("leaf 8", for_trees, lambda: _forest(8, "sqrt")), Setting("leaf 2", for_trees, lambda: _forest(2, 0.4))),
        most_rows=6_000,
    ),
    Family(
        "k_nearest_neighbours",
        tuple(Setting(f"{k}", ranked, lambda k=k: KNeighborsClassifier(k)) for k in (25, 75)),  # type: ignore[misc]
        most_rows=10_000,
    ),
    Family(
        "support_vector_machine",
        (
            Setting("wide", ranked, lambda: SVC(C=1.0, gamma=0.005, cache_size=500)),
            Setting("narrow", ranked, lambda: SVC(C=1.0, gamma=0.05, cache_size=500)),
        ),
        most_rows=6_000,
    ),
    Family(
        "neural_network",
        (Setting("32 held back", ranked, lambda: _network(1.0)), Setting("32", ranked, lambda: _network(0.01))),
        most_rows=15_000,
    ),
)
QUICK = FAMILIES[:1]  # a second instead of minutes, for a first start
