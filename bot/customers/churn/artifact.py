"""A model as bytes, by skops: no pickle, and nothing but what is named here can come out of it."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import skops.io

from bot.customers.churn.model import CalibratedModel
from bot.errors import ConflictError

# What skops does not trust by itself and our models hold.
TRUSTED = (
    "bot.customers.churn.encoding.Curves",
    "bot.customers.churn.encoding.Hinges",
    "bot.customers.churn.encoding.Bounded",
    "bot.customers.churn.model.CalibratedModel",
    "numpy.dtype",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._ball_tree.BallTree",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
)


@dataclass(frozen=True)
class Artifact:
    model: CalibratedModel
    background: pd.DataFrame  # customers that reasons are told against


def write_artifact(artifact: Artifact) -> bytes:
    # Boosted trees keep the dice of their training, which skops cannot write and no prediction needs.
    vars(artifact.model.pipeline.steps[-1][1]).pop("_feature_subsample_rng", None)
    columns = {name: artifact.background[name].to_list() for name in artifact.background}
    return bytes(skops.io.dumps({"model": artifact.model, "background": columns}))


def read_artifact(data: bytes) -> Artifact:
    """Return the model; ConflictError when the bytes hold anything that is not named here."""
    unknown = set(skops.io.get_untrusted_types(data=data)) - set(TRUSTED)
    if unknown:
        raise ConflictError(f"a stored churn model holds {', '.join(sorted(unknown))}, which are no parts of a model; it is not served")
    held = skops.io.loads(data, trusted=list(TRUSTED))
    return Artifact(held["model"], pd.DataFrame(held["background"]))
