"""The demo company with a few customers, as our own SQL and as a company's server over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestServer

from bot.crypto import Cipher
from bot.database import Database, sync_engine
from bot.database.conversations import conversations, inboxes, threads
from bot.effects import EffectKey
from bot.shop.client import ShopClient
from bot.shop.demo import DemoShop
from bot.shop.protocol import Order, OrderStatus, Shop
from bot.shop.remote import RemoteShop
from bot.shop.sample import SampleData, generate, load
from tests.conftest import CopyOf
from tests.shop.company import CONVERSATION, Company

NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
SECRET = "the shop's secret"

LOYAL, WAITING, LEAVING, HAPPY = "C000001", "C000002", "C000003", "C000004"
NO_MEMBER = "C000999"

Key = Callable[..., EffectKey]


@pytest.fixture(scope="session")
def sample() -> SampleData:
    return generate(12, now=NOW)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test of a `shop` on our own SQL (SQLite, and PostgreSQL in `make test`) and over HTTP."""
    if "shop" in metafunc.fixturenames:
        kinds = ["demo", "remote", pytest.param("demo-postgresql", marks=pytest.mark.slow)]
        metafunc.parametrize("shop_kind", kinds, scope="function")


@pytest.fixture
def shop_kind() -> str:
    return "demo"


@pytest.fixture
def loaded(copy_of: CopyOf, sample: SampleData, cipher: Cipher) -> Callable[[str], str]:
    """`loaded("sqlite")`: a database of this kind with the sample in it, and two conversations of the bot."""
    return lambda kind: copy_of(kind, "shop", lambda url: _fill(url, sample, cipher))


@pytest.fixture
def database_url(shop_kind: str, loaded: Callable[[str], str]) -> str:
    return loaded("postgresql" if shop_kind == "demo-postgresql" else "sqlite")


@pytest.fixture
def demo(database: Database, cipher: Cipher) -> DemoShop:
    return DemoShop(database, cipher, now=lambda: NOW)


@pytest.fixture
async def company(loaded: Callable[[str], str], cipher: Cipher) -> AsyncIterator[Company]:
    """The company's own system: another database, another process's memory."""
    database = Database(loaded("sqlite"))
    yield Company(DemoShop(database, cipher, now=lambda: NOW), SECRET)
    await database.close()


@pytest.fixture
async def company_url(company: Company) -> AsyncIterator[str]:
    async with TestServer(company.app()) as server:
        yield str(server.make_url("/yingda"))


@pytest.fixture
async def remote(company_url: str, database: Database) -> AsyncIterator[RemoteShop]:
    shop = RemoteShop(company_url, SECRET, database=database, client=ShopClient(company_url, SECRET, timeout_s=0.5, backoff_s=0.01))
    yield shop
    await shop.close()


@pytest.fixture
def shop(request: pytest.FixtureRequest, shop_kind: str) -> Shop:
    chosen: Shop = request.getfixturevalue(shop_kind.removesuffix("-postgresql"))
    return chosen


@pytest.fixture
def key() -> Key:
    """Make keys of changes that the first conversation's bot asks for; each message its own."""

    def make(message: str = "m1", action: str = "action_test", *, conversation: str = "c1", epoch: int = 1) -> EffectKey:
        return EffectKey(conversation, message, action, epoch)

    return make


async def find_order(shop: Shop, customer_id: str, status: OrderStatus) -> Order:
    """Return the newest of the customer's orders in this state."""
    return next(order for order in await shop.orders(customer_id, limit=50) if order.status == status)


def _fill(url: str, sample: SampleData, cipher: Cipher) -> None:
    engine = sync_engine(url)
    load(engine, cipher, sample)
    row = {"status": "bot", "epoch": 1, "language": "zh", "created_at": NOW, "updated_at": NOW}
    with engine.begin() as connection:
        connection.execute(sa.insert(inboxes).values(id="website", channel="website", name="Website", created_at=NOW))
        for name in ("c1", "c2", CONVERSATION):
            thread = {"id": f"thread-{name}", "inbox_id": "website", "channel_user": name, "language": "zh", "created_at": NOW}
            connection.execute(sa.insert(threads).values(thread))
            connection.execute(sa.insert(conversations).values(id=name, thread_id=thread["id"], **row))
    engine.dispose()
