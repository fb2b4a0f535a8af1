"""The registry of churn models in SQL: candidates, at most one live model, and what it takes to serve one: it must be whole."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import sqlalchemy as sa

from bot.customers.churn.artifact import Artifact, read_artifact, write_artifact
from bot.customers.churn.closed_form import score_table
from bot.customers.churn.model import sigmoid
from bot.customers.churn.reasons import shapley
from bot.customers.churn.table import Array
from bot.customers.profile import ChurnReason
from bot.customers.score import LEAST_REASON, REASONS, ChurnWeights, level_of, reason, weights_from
from bot.database.people import churn_models
from bot.errors import ConflictError, InputError, NotFoundError
from bot.ids import new_id, utcnow


@dataclass(frozen=True)
class LiveModel:
    """A model that can be served: either in closed form or as an artifact."""

    id: str
    kind: str
    card: Mapping[str, Any]
    weights: ChurnWeights | None = None
    artifact: Artifact | None = None

    @property
    def features(self) -> list[str]:
        return [term.feature for term in self.weights.terms] if self.weights else list(self.artifact.background) if self.artifact else []

    def score(self, table: pd.DataFrame, *, reasons: bool = True) -> pd.DataFrame:
        """Return probability, level and reasons (of the features that raise the risk) of each row, with the table's index.

        A model without a closed form explains only those whose risk is not low: it takes thousands of predictions a customer.
        """
        probabilities, contributions = score_many(self, table, explain=reasons)
        medium, high = self.card["levels"]["medium"], self.card["levels"]["high"]
        levels = [level_of(probability, medium, high) for probability in probabilities]
        told: dict[Any, list[ChurnReason]] = {}
        if contributions is not None:
            told = dict(
                zip(contributions.index, strongest_of_each(table.loc[contributions.index, self.features], contributions), strict=True)
            )
        why = [told.get(index, []) for index in table.index]
        return pd.DataFrame({"probability": probabilities, "level": levels, "reasons": why}, index=table.index)


def score_many(model: LiveModel, table: pd.DataFrame, *, explain: bool = True) -> tuple[Array, pd.DataFrame | None]:
    """Return the probabilities of all rows and, when asked, contributions in log-odds of those that are explained; a unique index."""
    if model.weights:
        log_odds, contributions = score_table(model.weights, table)
        return sigmoid(log_odds), contributions if explain else None
    assert model.artifact
    features = table[model.features]
    probabilities = model.artifact.model.predict(features)
    if not explain:
        return probabilities, None
    at_risk = features[probabilities >= model.card["levels"]["medium"]]
    return probabilities, shapley(model.artifact.model, at_risk, model.artifact.background)[1] if len(at_risk) else None


def strongest_of_each(values: pd.DataFrame, contributions: pd.DataFrame) -> list[list[ChurnReason]]:
    """Return for each row what `strongest` gives of it; the same columns in both, in the same order."""
    names = list(contributions.columns)
    amounts = contributions.to_numpy(dtype=float)
    amounts = np.where(values.isna().to_numpy() | (values == "").to_numpy(), -np.inf, amounts)
    order = np.argsort(-amounts, axis=1, kind="stable")[:, :REASONS]
    best = np.take_along_axis(amounts, order, axis=1)
    columns = [values[name].tolist() for name in names]
    return [
        [reason(names[place], columns[place][row], amount) for place, amount in zip(places, told, strict=True) if amount >= LEAST_REASON]
        for row, (places, told) in enumerate(zip(order.tolist(), best.tolist(), strict=True))
    ]


def add_candidate(connection: sa.Connection, model: ChurnWeights | Artifact, kind: str, card: dict[str, Any]) -> str:
    """Store a model as a candidate, with the checksum of what is stored in its card; return its id."""
    model_id = new_id()
    weights = msgspec.to_builtins(model) if isinstance(model, ChurnWeights) else {}
    artifact = None if isinstance(model, ChurnWeights) else write_artifact(model)
    sums = {"weights_sha256": _sum_of_weights(weights)} if artifact is None else {"artifact_sha256": hashlib.sha256(artifact).hexdigest()}
    values = {"id": model_id, "status": "candidate", "kind": kind, "weights": weights, "artifact": artifact, "created_at": utcnow()}
    connection.execute(sa.insert(churn_models).values(**values, card=card | sums))
    return model_id


def live_model(connection: sa.Connection) -> LiveModel | None:
    """Return the live model; None while there is none. ConflictError when what is stored is not what was trained."""
    row = connection.execute(sa.select(churn_models).where(churn_models.c.status == "live")).one_or_none()
    return _loaded(row) if row else None


def shadow_models(connection: sa.Connection) -> list[LiveModel]:
    """Return the models that are scored beside the live one, so that they can be compared once outcomes are known."""
    rows = connection.execute(sa.select(churn_models).where(churn_models.c.status == "shadow").order_by(churn_models.c.id))
    return [_loaded(row) for row in rows]


def load_model(connection: sa.Connection, model_id: str) -> LiveModel:
    return _loaded(_row(connection, model_id))


def list_models(connection: sa.Connection) -> list[sa.Row[Any]]:
    """Return id, status, kind, card, created_at and live_since of every model, the newest first."""
    columns = [churn_models.c[name] for name in ("id", "status", "kind", "card", "created_at", "live_since")]
    return list(connection.execute(sa.select(*columns).order_by(churn_models.c.created_at.desc(), churn_models.c.id.desc())))


def promote(
    connection: sa.Connection, model_id: str, *, shadow: bool = False, accept: Mapping[str, str] | None = None, by: str = ""
) -> str:
    """Make the model live, or a shadow beside the live one, in the caller's transaction; return the id of the one it replaces, or "".

    Raises ConflictError while alarms of its card are open. `accept` gives a reason for each that a person accepts; it is kept in the card.
    """
    row = _row(connection, model_id)
    if row.status in {"live", "shadow"} and not (row.status == "shadow" and not shadow):
        raise ConflictError(f"model {model_id} is {row.status} already")
    _loaded(row)
    card = _accepted(dict(row.card), accept or {}, by)
    still_open = open_alarms(card)
    if still_open:
        raise ConflictError(
            f"model {model_id} has open alarms: {', '.join(still_open)}; look at them in `yingda customers models {model_id}`, "
            'and accept one that is no leak by --accept ALARM --reason "…"'
        )
    before = "" if shadow else _retire_live(connection)
    values = {"status": "shadow"} if shadow else {"status": "live", "live_since": utcnow()}
    connection.execute(sa.update(churn_models).where(churn_models.c.id == model_id).values(**values, card=card))
    return before


def rollback(connection: sa.Connection) -> tuple[str, str]:
    """Put the model that was live before in the live one's place, in the caller's transaction; return the ids (now live, retired)."""
    retired = sa.select(churn_models).where(churn_models.c.status == "retired", churn_models.c.live_since.is_not(None))
    row = connection.execute(retired.order_by(churn_models.c.live_since.desc()).limit(1)).one_or_none()
    if row is None:
        raise ConflictError("there is no model that was live before; promote another one")
    _loaded(row)
    before = _retire_live(connection)
    connection.execute(sa.update(churn_models).where(churn_models.c.id == row.id).values(status="live", live_since=utcnow()))
    return row.id, before


def open_alarms(card: Mapping[str, Any]) -> list[str]:
    accepted = {one["alarm"] for one in card.get("accepted", [])}
    return [alarm["name"] for alarm in card.get("alarms", []) if alarm["name"] not in accepted]


def _accepted(card: dict[str, Any], accept: Mapping[str, str], by: str) -> dict[str, Any]:
    names = [alarm["name"] for alarm in card.get("alarms", [])]
    for alarm, why in accept.items():
        if alarm not in names:
            raise InputError(f"the model has no alarm {alarm!r}; its alarms are {', '.join(names) or 'none'}")
        if not why.strip():
            raise InputError(f"the alarm {alarm!r} needs a reason why it is no leak")
    at = utcnow().isoformat()
    if not accept:
        return card
    fresh = [{"alarm": alarm, "reason": why, "by": by, "at": at} for alarm, why in accept.items()]
    return card | {"accepted": [*card.get("accepted", []), *fresh]}


def _retire_live(connection: sa.Connection) -> str:
    live = connection.execute(sa.select(churn_models.c.id).where(churn_models.c.status == "live")).scalar_one_or_none()
    connection.execute(sa.update(churn_models).where(churn_models.c.status == "live").values(status="retired"))
    return live or ""


def _row(connection: sa.Connection, model_id: str) -> sa.Row[Any]:
    row = connection.execute(sa.select(churn_models).where(churn_models.c.id == model_id)).one_or_none()
    if row is None:
        raise NotFoundError(f"there is no churn model {model_id!r}; `yingda customers models` lists them")
    return row


def _loaded(row: sa.Row[Any]) -> LiveModel:
    """Return the stored model; ConflictError when its checksum is not that of its card."""
    if row.artifact is None:
        _check(row.id, row.card.get("weights_sha256", _sum_of_weights(row.weights)), _sum_of_weights(row.weights))
        return LiveModel(row.id, row.kind, row.card, weights=weights_from(row.weights))
    _check(row.id, row.card.get("artifact_sha256", ""), hashlib.sha256(row.artifact).hexdigest())
    return LiveModel(row.id, row.kind, row.card, artifact=read_artifact(row.artifact))


def _check(model_id: str, stated: str, found: str) -> None:
    if stated != found:
        raise ConflictError(
            f"churn model {model_id} is not what was trained (sha256 {found[:12]} instead of {stated[:12] or 'any'}) and is not served; "
            "`yingda customers rollback` puts the one before in its place, `yingda customers train` makes a new one"
        )


def _sum_of_weights(weights: Mapping[str, Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(weights, order="sorted")).hexdigest()
