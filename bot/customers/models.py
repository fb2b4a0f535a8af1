"""The registry of churn models in SQL: at most one is live, and it is whole."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa

from bot.customers.score import ChurnWeights
from bot.database.people import churn_models
from bot.ids import new_id, utcnow


def make_live(connection: sa.Connection, weights: ChurnWeights, card: dict[str, Any]) -> str:
    """Store the model as the live one and retire the one before, in the caller's transaction; return its id."""
    model_id = new_id()
    connection.execute(sa.update(churn_models).where(churn_models.c.status == "live").values(status="retired"))
    values = {"id": model_id, "status": "live", "weights": msgspec.to_builtins(weights), "card": card, "created_at": utcnow()}
    connection.execute(sa.insert(churn_models).values(**values))
    return model_id


def live_model(connection: sa.Connection) -> tuple[str, ChurnWeights] | None:
    """Return id and weights of the live model; None while there is none."""
    newest = sa.select(churn_models).where(churn_models.c.status == "live").order_by(churn_models.c.id.desc()).limit(1)
    row = connection.execute(newest).one_or_none()
    return (row.id, msgspec.convert(row.weights, ChurnWeights)) if row else None
