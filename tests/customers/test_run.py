"""The verbs: a model is trained and goes live; every customer has a record."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from rich.console import Console

from bot.customers.churn.training import train
from bot.customers.models import live_model, promote
from bot.customers.profile import Profile, read_profile
from bot.customers.refresh import refresh_profiles
from bot.customers.report import card_report
from bot.customers.segments import rules
from bot.customers.words import reason_words, segment_words
from bot.database import Database
from bot.database.people import churn_models, customer_profiles, customers
from bot.database.shop import order_lines, orders
from bot.errors import InputError
from bot.settings import Settings
from tests.customers.conftest import CUSTOMERS, NOW

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]  # the first test of a session makes the sample data

both_databases = pytest.mark.parametrize("database_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)], indirect=True)


def key_of(engine: sa.Engine, number: str) -> str:
    with engine.connect() as connection:
        return connection.execute(sa.select(customers.c.id).where(customers.c.shop_customer_id == number)).scalar_one()


async def profile_of(settings: Settings, engine: sa.Engine, number: str) -> Profile | None:
    database = Database(settings.database_url)
    try:
        return await read_profile(database, key_of(engine, number))
    finally:
        await database.close()


@both_databases
async def test_the_demo_customers_have_the_risk_that_their_story_tells(shop_settings: Settings, engine: sa.Engine) -> None:
    train(shop_settings, now=NOW, quick=True)

    assert refresh_profiles(shop_settings, now=NOW) == CUSTOMERS

    profiles = {number: await profile_of(shop_settings, engine, number) for number in ("C000001", "C000003", "C000004")}
    levels = {number: profile and profile.churn and profile.churn.level for number, profile in profiles.items()}
    assert levels == {"C000001": "low", "C000003": "high", "C000004": "low"}
    leaving = profiles["C000003"]
    assert leaving
    assert leaving.churn
    assert len(leaving.churn.reasons) == 3
    assert leaving.membership_tier == "gold"
    assert leaving.updated_at == NOW
    assert all(reason_words(reason)["zh"] for reason in leaving.churn.reasons)


def test_training_again_makes_a_candidate_that_takes_the_place_when_it_is_promoted(shop_settings: Settings, engine: sa.Engine) -> None:
    first = train(shop_settings, now=NOW, quick=True)
    second = train(shop_settings, now=NOW, quick=True)

    assert (first["status"], second["status"]) == ("live", "candidate")
    with engine.begin() as connection:
        promote(connection, second["id"])
    with engine.connect() as connection:
        states = dict(connection.execute(sa.select(churn_models.c.id, churn_models.c.status)).tuples().all())
        live = live_model(connection)
    assert states == {first["id"]: "retired", second["id"]: "live"}
    assert live
    assert live.id == second["id"]
    assert first["data_sha256"] == second["data_sha256"]
    assert first["metrics"] == second["metrics"]


def test_the_card_says_what_was_learned_from_and_how_well(shop_settings: Settings, engine: sa.Engine, truth_file: Path) -> None:
    ticks: list[tuple[str, int, int]] = []

    card = train(shop_settings, truth=truth_file, now=NOW, quick=True, progress=lambda *tick: ticks.append(tick))

    with engine.connect() as connection:
        stored: dict[str, Any] = connection.execute(sa.select(churn_models.c.card)).scalar_one()
    assert stored | {"id": card["id"], "status": "live"} == card | {"weights_sha256": stored["weights_sha256"]}
    assert card["horizon_days"] == 90
    assert card["library"].startswith("scikit-learn ")
    assert 0.5 < card["truth"]["share_of_excess"] < 1.2
    assert ticks[-1] == ("evaluate", 5, 5)
    console = Console(width=120, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    card_report(card, console)
    assert "lift10" in console.export_text()
    console.file.close()


async def test_an_objection_is_honoured(shop_settings: Settings, engine: sa.Engine) -> None:
    before = train(shop_settings, now=NOW, quick=True)
    refresh_profiles(shop_settings, now=NOW)

    with engine.begin() as connection:
        connection.execute(sa.update(customers).where(customers.c.shop_customer_id == "C000003").values(objects_to_profiling=True))

    assert await profile_of(shop_settings, engine, "C000003") is None
    assert train(shop_settings, now=NOW, quick=True)["customers"] == before["customers"] - 1
    assert refresh_profiles(shop_settings, now=NOW) == CUSTOMERS - 1
    with engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(customer_profiles)) == CUSTOMERS - 1


def test_records_without_a_model_have_everything_but_the_risk(shop_settings: Settings, engine: sa.Engine) -> None:
    refresh_profiles(shop_settings, now=NOW)
    refresh_profiles(shop_settings, now=NOW)

    records = list(all_records(engine))
    assert len(records) == CUSTOMERS
    assert all(record["churn"] is None for record in records)
    assert {record["segment"] for record in records} == {rule.segment for rule in rules()}
    assert all(segment_words(record["segment"]) for record in records)


def test_nobody_is_recommended_what_they_have(shop_settings: Settings, engine: sa.Engine) -> None:
    refresh_profiles(shop_settings, now=NOW)

    bought = sa.select(customers.c.id, order_lines.c.sku).where(
        order_lines.c.order_number == orders.c.number,
        orders.c.customer_id == customers.c.shop_customer_id,
        orders.c.cancelled_at.is_(None),
    )
    with engine.connect() as connection:
        have = set(connection.execute(bought).tuples().all())
    for record in all_records(engine):
        assert len(set(record["recommendations"])) == 5
        assert not have & {(record["customer_id"], sku) for sku in record["recommendations"]}


def test_an_empty_shop_is_told_so(settings: Settings, sqlite_template: Path) -> None:
    empty = Settings(**{**vars(settings), "database_url": f"sqlite:///{sqlite_template}"})

    with pytest.raises(InputError, match="nothing to learn from"):
        train(empty)
    assert refresh_profiles(empty) == 0


def test_what_web_and_actions_import_is_light() -> None:
    light = "bot.customers.profile, bot.customers.words, bot.customers.score"
    code = f"import sys, {light}; print({{'pandas', 'sklearn', 'numpy'}} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def all_records(engine: sa.Engine) -> Iterator[dict[str, Any]]:
    with engine.connect() as connection:
        yield from connection.execute(sa.select(customer_profiles.c.record)).scalars()
