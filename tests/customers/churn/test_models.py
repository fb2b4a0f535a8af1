"""The registry: one live model, whole or not at all; alarms are open until a person accepts them with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
import sqlalchemy as sa

from bot.customers import models
from bot.customers.churn.artifact import Artifact, read_artifact, write_artifact
from bot.customers.churn.comparison import fit_family
from bot.customers.churn.families import FAMILIES
from bot.customers.churn.reasons import background_of
from bot.customers.churn.table import ChurnTable
from bot.customers.score import ChurnWeights, Term
from bot.database import sync_engine
from bot.database.people import churn_models
from bot.errors import ConflictError, InputError, NotFoundError
from tests.conftest import CopyOf

pytestmark = pytest.mark.timeout(60)

LEVELS = {"levels": {"medium": 0.2, "high": 0.4}, "alarms": []}
ALARM = {"name": "decides:reason", "suspect": "reason", "text": "reason alone tells who left"}
both_databases = pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, copy_of: CopyOf) -> str:
    return copy_of(getattr(request, "param", "sqlite"), "churn_models", lambda url: None)


@pytest.fixture
def connection(database_url: str) -> Iterator[sa.Connection]:
    engine = sync_engine(database_url)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def linear(connection: sa.Connection, intercept: float = 0.0, **card: Any) -> str:
    weights = ChurnWeights(intercept, [Term("visits", xs=[0.0, 10.0], ys=[1.0, -1.0])])
    return models.add_candidate(connection, weights, "logistic_regression", LEVELS | card)


def statuses(connection: sa.Connection) -> dict[str, str]:
    return {row.id: row.status for row in models.list_models(connection)}


@both_databases
def test_promote_and_rollback_swap_the_live_model(connection: sa.Connection) -> None:
    first, second = linear(connection, 1.0), linear(connection, 2.0)
    assert models.live_model(connection) is None

    models.promote(connection, first)
    assert models.promote(connection, second) == first
    assert statuses(connection) == {first: "retired", second: "live"}

    assert models.rollback(connection) == (first, second)
    live = models.live_model(connection)
    assert live
    assert (live.id, live.weights and live.weights.intercept) == (first, 1.0)
    assert models.rollback(connection) == (second, first)


@both_databases
def test_the_database_allows_one_live_model(connection: sa.Connection) -> None:
    first, second = linear(connection), linear(connection)
    models.promote(connection, first)

    with pytest.raises(sa.exc.IntegrityError), connection.begin_nested():
        connection.execute(sa.update(churn_models).where(churn_models.c.id == second).values(status="live"))

    assert statuses(connection) == {first: "live", second: "candidate"}


def test_a_shadow_stands_beside_the_live_model(connection: sa.Connection) -> None:
    first, second = linear(connection), linear(connection)
    models.promote(connection, first)

    models.promote(connection, second, shadow=True)

    assert statuses(connection) == {first: "live", second: "shadow"}
    models.promote(connection, second)
    assert statuses(connection) == {first: "retired", second: "live"}


def test_open_alarms_stop_promote_until_they_are_accepted_with_a_reason(connection: sa.Connection) -> None:
    model = linear(connection, alarms=[ALARM])

    with pytest.raises(ConflictError, match="open alarms: decides:reason"):
        models.promote(connection, model)
    with pytest.raises(InputError, match="needs a reason"):
        models.promote(connection, model, accept={"decides:reason": " "})
    with pytest.raises(InputError, match=r"no alarm 'other'; its alarms are decides:reason"):
        models.promote(connection, model, accept={"other": "why"})
    models.promote(connection, model, accept={"decides:reason": "known a month before"}, by="Lin")

    live = models.live_model(connection)
    assert live
    accepted = live.card["accepted"][0]
    assert (accepted["alarm"], accepted["reason"], accepted["by"]) == ("decides:reason", "known a month before", "Lin")
    assert accepted["at"].endswith("+00:00")


def test_what_is_not_as_it_was_trained_is_not_served(connection: sa.Connection) -> None:
    model, other = linear(connection), linear(connection)
    models.promote(connection, model)
    weights = connection.execute(sa.select(churn_models.c.weights).where(churn_models.c.id == model)).scalar_one()

    connection.execute(sa.update(churn_models).where(churn_models.c.id.in_([model, other])).values(weights={**weights, "intercept": 9.0}))

    with pytest.raises(ConflictError, match=r"is not what was trained .* not served"):
        models.live_model(connection)
    with pytest.raises(ConflictError, match="not served"):
        models.promote(connection, other)
    with pytest.raises(ConflictError, match="no model that was live before"):
        models.rollback(connection)
    with pytest.raises(NotFoundError, match="no churn model 'x'"):
        models.promote(connection, "x")


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_every_family_can_be_stored_and_served_with_reasons(connection: sa.Connection, family: Any) -> None:
    rng = np.random.default_rng(1)
    features = pd.DataFrame({"visits": rng.poisson(3, 300).astype(float), "plan": rng.choice(["a", "b", ""], 300).astype(object)})
    churned = (rng.random(300) < np.where(features["visits"] > 3, 0.2, 0.6)).astype(int)
    model = fit_family(family, ChurnTable(features, churned, np.arange(300))).model
    artifact = Artifact(model, background_of(model, features))

    model_id = models.add_candidate(connection, artifact, family.name, LEVELS)
    models.promote(connection, model_id)
    live = models.live_model(connection)

    assert live
    scored = live.score(features.head(40))
    np.testing.assert_allclose(scored["probability"], model.predict(features.head(40)))
    probabilities, contributions = models.score_many(live, features.head(40))
    assert contributions is not None
    assert read_artifact(write_artifact(artifact)).background.equals(artifact.background)
    base = model.log_odds(artifact.background).mean()
    explained = model.log_odds(features.loc[contributions.index])
    np.testing.assert_allclose(base + contributions.sum(axis=1), explained, atol=1e-9)
    assert set(contributions.index) == set(features.index[:40][probabilities >= 0.2])
    assert models.score_many(live, features, explain=False)[1] is None


def test_half_an_artifact_and_a_foreign_one_are_refused(connection: sa.Connection) -> None:
    features = pd.DataFrame({"x": np.arange(200.0)})
    churned = (np.arange(200) % 7 < 3).astype(int)
    model = fit_family(FAMILIES[0], ChurnTable(features, churned, np.arange(200))).model
    artifact = Artifact(model, features.head(3))
    model_id = models.add_candidate(connection, artifact, "gradient_boosting", LEVELS)
    whole = write_artifact(artifact)
    assert read_artifact(whole).background["x"].tolist() == [0.0, 1.0, 2.0]

    connection.execute(sa.update(churn_models).where(churn_models.c.id == model_id).values(artifact=whole[: len(whole) // 2]))

    with pytest.raises(ConflictError, match="not served"):
        models.promote(connection, model_id)
    with pytest.raises(ConflictError, match="no parts of a model"):
        read_artifact(skops.io.dumps({"model": Fraction(1, 2), "background": {}}))
