"""The effect of offers is the difference to those held out, and only of offers whose horizon is over."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from bot.customers.event_store import store_events
from bot.customers.events import Event, Kind
from bot.customers.features import HORIZON
from bot.customers.monitor.effect import Group, effect_of_offers
from bot.database.intelligence import offers_made
from bot.database.people import customers
from bot.ids import new_id
from tests.customers.conftest import NOW


def _offers(connection: sa.Connection, *, treated: int, held_out: int, age: timedelta) -> list[str]:
    """Make offers to customers who have none yet, `age` ago; return their ids, the treated first."""
    taken = sa.select(offers_made.c.customer_id)
    query = sa.select(customers.c.id).where(customers.c.id.not_in(taken)).order_by(customers.c.id).limit(treated + held_out)
    ids = list(connection.execute(query).scalars())
    for place, customer_id in enumerate(ids):
        held = place >= treated
        row = {"id": new_id(), "customer_id": customer_id, "kind": "percent", "value": 5, "rule": "neutral" if held else "percent_20"}
        connection.execute(sa.insert(offers_made).values(**row, held_out=held, reasons=[], created_at=NOW - age))
    return ids


def _leave(connection: sa.Connection, customer_ids: list[str], *, ago: timedelta) -> None:
    store_events(
        connection, [Event("test", f"end:{one}", one, Kind.MEMBERSHIP_ENDED, NOW - ago, NOW - ago, ref="gold") for one in customer_ids]
    )


def test_those_who_left_within_the_horizon_are_counted_against_their_group(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        ids = _offers(connection, treated=40, held_out=20, age=HORIZON * 2)
        _leave(connection, ids[:10] + ids[40:50], ago=HORIZON * 1.5)
        _leave(connection, ids[10:15], ago=HORIZON / 2)  # later than anybody asks about

        effect = effect_of_offers(connection, NOW)

    assert effect.treated == Group(40, 30)
    assert effect.held_out == Group(20, 10)
    assert effect.by_rule == {"percent_20": Group(40, 30)}
    assert effect.difference == pytest.approx(0.25)


def test_offers_of_yesterday_say_nothing_yet(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        _offers(connection, treated=3, held_out=0, age=timedelta(days=1))

        effect = effect_of_offers(connection, NOW)

    assert (effect.waiting, effect.treated.customers, effect.difference) == (3, 0, None)


def test_the_interval_is_wilsons() -> None:
    low, high = Group(100, 90).interval()

    assert (low, high) == (pytest.approx(0.8256, abs=1e-4), pytest.approx(0.9448, abs=1e-4))
    assert Group(0, 0).interval() == (0.0, 1.0)
