"""What a first start makes, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.conversations.accounts import password_matches
from bot.database import sync_engine
from bot.database.people import agents, customer_profiles, customers
from bot.settings import Settings, load_settings
from bot.system.prepare import demo_agent, prepare

CUSTOMERS = 400  # enough for a churn model to have something to learn


def count(url: str, table: sa.Table) -> int:
    engine = sync_engine(url)
    with engine.begin() as connection:
        found = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    engine.dispose()
    return int(found)


def embedded(tmp_path: Path) -> Settings:
    settings = load_settings({"YINGDA_DATA_DIR": str(tmp_path / "var")}, root=tmp_path)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return settings


@pytest.mark.slow
def test_the_embedded_database_gets_the_demo_once(tmp_path: Path) -> None:
    settings = embedded(tmp_path)

    first = prepare(settings, sample_customers=CUSTOMERS)
    second = prepare(settings, sample_customers=CUSTOMERS)

    assert first == second
    assert first["agent"]["username"] == "demo"
    assert count(settings.database_url, customers) == CUSTOMERS
    assert count(settings.database_url, customer_profiles) == CUSTOMERS
    assert count(settings.database_url, agents) == 1


def test_a_configured_database_gets_tables_and_nothing_else(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/company.sqlite3"
    settings = load_settings({"YINGDA_DATA_DIR": str(tmp_path / "var"), "DATABASE_URL": url}, root=tmp_path)

    assert prepare(settings) == {"agents": 0}

    assert count(url, customers) == 0
    assert not (tmp_path / "var" / "demo-agent.txt").exists()


def test_the_demo_agent_is_made_once_with_a_password_that_only_its_owner_may_read(tmp_path: Path, sqlite_template: Path) -> None:
    settings = embedded(tmp_path)
    (tmp_path / "var" / "yingda.sqlite3").write_bytes(sqlite_template.read_bytes())
    engine = sync_engine(settings.database_url)

    first, second = demo_agent(engine, settings), demo_agent(engine, settings)

    with engine.begin() as connection:
        stored = connection.execute(sa.select(agents.c.password_hash)).scalar_one()
    engine.dispose()
    assert first == second
    assert password_matches(stored, first["password"])
    assert first["password"] not in stored
    assert (tmp_path / "var" / "demo-agent.txt").stat().st_mode & 0o777 == 0o600


def test_a_password_that_somebody_has_changed_is_neither_shown_nor_reset(tmp_path: Path, sqlite_template: Path) -> None:
    settings = embedded(tmp_path)
    (tmp_path / "var" / "yingda.sqlite3").write_bytes(sqlite_template.read_bytes())
    engine = sync_engine(settings.database_url)
    demo_agent(engine, settings)
    with engine.begin() as connection:
        connection.execute(sa.update(agents).values(password_hash="$argon2id$another"))

    assert demo_agent(engine, settings) == {"username": "demo", "password": ""}
    engine.dispose()
