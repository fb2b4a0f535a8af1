"""What must be so before anything serves: `python -m bot.system.prepare`, a process of its own, so that the supervisor stays small.

A configured database gets its tables and nothing else; the embedded one gets the demo's customers, their profiles and an agent.
"""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.conversations.accounts import add_agent, new_agent, password_matches
from bot.crypto import open_cipher
from bot.database import sync_engine
from bot.database.migrate import migrate
from bot.database.people import agents, churn_models, customer_profiles, customers
from bot.errors import BotError, SettingError
from bot.settings import Settings, load_settings
from bot.system.steps import tell, tell_error, tell_result
from bot.tables import use_tables

DEMO_CUSTOMERS = 2000
DEMO_SEED = 7
DEMO_USERNAME = "demo"


def prepare(settings: Settings, *, sample_customers: int = DEMO_CUSTOMERS) -> dict[str, Any]:
    """Make database, sample data, profiles and the demo's agent, whatever of it is missing; return what the first page shows."""
    tell("database")
    try:
        migrate(settings.database_url)
    except sa.exc.OperationalError as error:
        raise SettingError(f"the database of DATABASE_URL cannot be used: {_first_line(error)}") from error
    engine = sync_engine(settings.database_url)
    try:
        if settings.demo:
            _sample_data(engine, settings, sample_customers)
            _profiles(engine, settings)
            return {"agent": demo_agent(engine, settings)}
        with engine.begin() as connection:
            return {"agents": connection.execute(sa.select(sa.func.count()).select_from(agents)).scalar_one()}
    finally:
        engine.dispose()


def demo_agent(engine: sa.Engine, settings: Settings) -> dict[str, str]:
    """Return the demo agent's log-in, making it on the first start; no password when somebody has set another one."""
    path = settings.data_dir / "demo-agent.txt"
    with engine.begin() as connection:
        query = sa.select(agents.c.password_hash).where(agents.c.username == DEMO_USERNAME)
        password_hash = connection.execute(query).scalar_one_or_none()
        if password_hash is None:
            password = secrets.token_urlsafe(9)
            row = new_agent(
                username=DEMO_USERNAME, display_name="小林 Lin", password=password, role="supervisor", languages=["zh", "en"], topics=[]
            )
            add_agent(connection, row)
            _write_private(path, password + "\n")
            return {"username": DEMO_USERNAME, "password": password}
    password = path.read_text(encoding="utf8").strip() if path.is_file() else ""
    return {"username": DEMO_USERNAME, "password": password if password and password_matches(password_hash, password) else ""}


def _sample_data(engine: sa.Engine, settings: Settings, count: int) -> None:
    if _count(engine, customers):
        return
    tell("generate", 0, count)
    # Only a first start needs these: the other starts are quicker without.
    from bot.shop.sample import generate, load

    data = generate(count, DEMO_SEED, progress=tell)
    load(engine, open_cipher(settings), data, progress=tell)


def _profiles(engine: sa.Engine, settings: Settings) -> None:
    live = _count(engine, churn_models)
    known = _count(engine, customer_profiles)
    if live and known:
        return
    tell("profiles")
    # scikit-learn and pandas take seconds to import.
    from bot.customers.churn.training import train
    from bot.customers.refresh import refresh_profiles

    if not live:
        train(settings, progress=tell, quick=True)
    refresh_profiles(settings, progress=tell)


def _count(engine: sa.Engine, table: sa.Table) -> int:
    with engine.begin() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf8") as file:
        file.write(text)


def _first_line(error: sa.exc.OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0]


def main() -> int:
    try:
        tell_result(prepare(use_tables(load_settings())))
    except BotError as error:
        tell_error(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
