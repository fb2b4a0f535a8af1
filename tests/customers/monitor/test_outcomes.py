"""What a model said a horizon ago is held against what has happened since, the shadow's beside the live one's."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.customers.churn.training import train
from bot.customers.features import HORIZON
from bot.customers.models import promote
from bot.customers.monitor.outcomes import outcomes_of_scores
from bot.customers.refresh import refresh_profiles
from bot.database.intelligence import churn_scores
from bot.settings import Settings
from tests.customers.conftest import NOW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def test_live_and_shadow_are_measured_on_what_happened_since(shop_settings: Settings, engine: sa.Engine) -> None:
    live = train(shop_settings, now=NOW, quick=True)
    shadow = train(shop_settings, now=NOW, quick=True)
    with engine.begin() as connection:
        promote(connection, shadow["id"], shadow=True, by="test")
    refresh_profiles(shop_settings, now=NOW - HORIZON)

    with engine.connect() as connection:
        counts = dict(
            connection.execute(sa.select(churn_scores.c.model_id, sa.func.count()).group_by(churn_scores.c.model_id)).tuples().all()
        )
        found = {name: outcomes_of_scores(connection, model["id"], NOW) for name, model in {"live": live, "shadow": shadow}.items()}
        early = outcomes_of_scores(connection, live["id"], NOW - HORIZON / 2)

    assert counts[live["id"]] == counts[shadow["id"]] > 100
    for outcomes in found.values():
        assert outcomes.at == NOW - HORIZON
        assert outcomes.count == counts[live["id"]]
        assert outcomes.auc is not None
        assert outcomes.auc > 0.6
        assert outcomes.curves is not None
    assert early.at is None
    assert early.first_at == NOW - HORIZON
