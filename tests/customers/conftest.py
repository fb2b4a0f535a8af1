"""The demo company with a few hundred customers, generated and loaded once, copied for each test."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from threadpoolctl import threadpool_limits

from bot.crypto import Cipher
from bot.customers.follow import follow
from bot.database import sync_engine
from bot.database.people import customers
from bot.settings import Settings
from bot.shop.sample import SampleData, generate, load, write_truth
from tests.conftest import CopyOf

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
CUSTOMERS = 300


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    """On matrices this small a second thread only waits, and burns the core that other tests need."""
    with threadpool_limits(limits=1):
        yield


@pytest.fixture(scope="session")
def sample() -> SampleData:
    return generate(CUSTOMERS, 7, now=NOW)


@pytest.fixture
def database_url(request: pytest.FixtureRequest, copy_of: CopyOf, sample: SampleData, cipher: Cipher) -> str:
    """SQLite with the sample data; PostgreSQL where a test asks for it by parameter."""

    def fill(url: str) -> None:
        engine = sync_engine(url)
        load(engine, cipher, sample)
        with engine.begin() as connection:
            follow(connection, everything=True, now=NOW)
        engine.dispose()  # so that all of it is in the one file

    return copy_of(getattr(request, "param", "sqlite"), "customers", fill)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    engine = sync_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def ids(engine: sa.Engine) -> dict[str, str]:
    """customers.id by the shop's number."""
    with engine.connect() as connection:
        return dict(connection.execute(sa.select(customers.c.shop_customer_id, customers.c.id)).tuples().all())


@pytest.fixture
def truth_file(sample: SampleData, tmp_path: Path) -> Path:
    return write_truth(sample, tmp_path)


@pytest.fixture
def shop_settings(settings: Settings, database_url: str) -> Settings:
    return replace(settings, database_url=database_url)
