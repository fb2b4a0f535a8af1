"""The actions on a real database with the demo company in it, and conversations with its customers."""

from __future__ import annotations

import itertools
import shutil
import zlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
import sqlalchemy as sa
from rasa_sdk.executor import ActionExecutor

from actions.services import Services, close_services, provide
from bot.crypto import Cipher
from bot.customers.profile import ChurnRisk, Profile
from bot.database import Database, sync_engine
from bot.database.conversations import conversations, inboxes, threads
from bot.database.people import customer_profiles, customers
from bot.encoder import Vectors
from bot.faq import Faq
from bot.ids import utcnow
from bot.settings import Settings
from bot.shop.demo import DemoShop
from bot.shop.sample import SampleData, generate, load
from tests.actions.chat import Chat
from tests.postgres import PostgresServer

# Who is who in the sample: see bot/shop/sample/scripted.py. A conversation has the name of its customer here.
CUSTOMERS = {"loyal": "C000001", "waiting": "C000002", "leaving": "C000003", "happy": "C000004"}
VISITORS = ("visitor", "stranger")

Start = Callable[..., Chat]


class BigramEncoder:
    """A stand-in for the sentence encoder that is there at once: likeness is having pairs of characters in common."""

    def encode_one(self, text: str) -> Vectors:
        vector = np.zeros(512, dtype=np.float32)
        for first, second in itertools.pairwise(text):
            vector[zlib.crc32((first + second).lower().encode()) % 512] += 1
        return vector / max(float(np.linalg.norm(vector)), 1e-9)

    def encode(self, texts: list[str]) -> Vectors:
        return np.stack([self.encode_one(text) for text in texts])


@pytest.fixture(scope="session")
def cipher() -> Cipher:
    return Cipher(bytes(range(32)))


@pytest.fixture(scope="session")
def sample() -> SampleData:
    return generate(10, now=utcnow())


@pytest.fixture(scope="session")
def filled_sqlite(sqlite_template: Path, sample: SampleData, cipher: Cipher) -> Path:
    path = sqlite_template.with_name("actions.sqlite3")
    shutil.copy(sqlite_template, path)
    _fill(f"sqlite:///{path}", sample, cipher)
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest, filled_sqlite: Path, tmp_path: Path, sample: SampleData, cipher: Cipher) -> str:
    if request.param == "sqlite":
        shutil.copy(filled_sqlite, tmp_path / "yingda.sqlite3")
        return f"sqlite:///{tmp_path}/yingda.sqlite3"
    server: PostgresServer = request.getfixturevalue("postgres")
    url = server.fresh_database()
    _fill(url, sample, cipher)
    return url


@pytest.fixture
def demo(database: Database, cipher: Cipher) -> DemoShop:
    return DemoShop(database, cipher)


@pytest.fixture(scope="session")
def executor() -> ActionExecutor:
    executor = ActionExecutor()
    executor.register_package("actions")
    return executor


@pytest.fixture
async def start(executor: ActionExecutor, settings: Settings, database: Database, demo: DemoShop) -> AsyncIterator[Start]:
    """Begin to talk: `start("loyal", "zh")`."""
    provide(Services(settings, database, demo, Faq(encoder=BigramEncoder())))
    yield lambda conversation, language="zh", **options: Chat(executor, conversation, language, **options)
    await close_services()


def _fill(url: str, sample: SampleData, cipher: Cipher) -> None:
    engine, now = sync_engine(url), utcnow()
    load(engine, cipher, sample)
    with engine.begin() as connection:
        connection.execute(sa.insert(inboxes).values(id="website", channel="website", name="Website", created_at=now))
        for name in (*CUSTOMERS, *VISITORS):
            customer = sa.select(customers.c.id).where(customers.c.shop_customer_id == CUSTOMERS.get(name))
            customer_id = connection.execute(customer).scalar() if name in CUSTOMERS else None
            thread = {"id": f"thread-{name}", "inbox_id": "website", "channel_user": name, "customer_id": customer_id}
            connection.execute(sa.insert(threads).values(**thread, language="zh", created_at=now))
            row = {"status": "bot", "epoch": 1, "language": "zh", "created_at": now, "updated_at": now}
            connection.execute(sa.insert(conversations).values(id=name, thread_id=thread["id"], **row))
            if customer_id:
                connection.execute(sa.insert(customer_profiles).values(_profile(name, customer_id)))
    engine.dispose()


def _profile(name: str, customer_id: str) -> dict[str, object]:
    level, probability = ("high", 0.81) if name == "leaving" else ("low", 0.07)
    profile = Profile(
        customer_id=customer_id,
        segment="at_risk" if level == "high" else "loyal",
        churn=ChurnRisk(probability, level),
        orders=12,
        spent_minor=345_600,
        recommendations=["AUD-001", "KIT-003", "SMA-001", "BED-001"] if name == "happy" else [],
    )
    return {"customer_id": customer_id, "record": msgspec.to_builtins(profile), "updated_at": utcnow() - timedelta(hours=1)}
