"""Pushed events over real HTTP: signed, stored once, refused with a reason."""

from __future__ import annotations

import io
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa

from bot.database import sync_engine
from bot.database.intelligence import customer_events, customer_keys
from bot.database.people import customers
from bot.settings import Settings
from bot.web.app import create_app
from bot.web.events import signature
from tests.web.conftest import EVENTS_SECRET as SECRET

VIEWED = {
    "userId": "new-1",
    "event": "Product Viewed",
    "properties": {"sku": "tea"},
    "timestamp": "2026-01-05T08:00:00Z",
    "messageId": "m-1",
}
ORDER = {
    "userId": 77,
    "type": "track",
    "event": "Order Completed",
    "timestamp": "2026-01-05T08:00:00.123Z",
    "messageId": "m-2",
    "context": {"ip": "192.0.2.1"},
    "properties": {
        "order_id": "A-9",
        "total": 27.5,
        "currency": "USD",
        "coupon": "SPRING",
        "products": [{"sku": "tea", "price": 10, "quantity": 2}, {"sku": "cup", "price": "7.50"}],
    },
}


@pytest.fixture
def engine(settings: Settings) -> Iterator[sa.Engine]:
    engine = sync_engine(settings.database_url)
    yield engine
    engine.dispose()


async def push(http: aiohttp.ClientSession, body: Any, *, at: float | None = None, secret: str = SECRET) -> tuple[int, dict[str, Any]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = str(int(time.time() if at is None else at))
    headers = {"X-Yingda-Timestamp": stamp, "X-Yingda-Signature": signature(secret, stamp, raw)}
    async with http.post("/api/events", data=io.BytesIO(raw), headers=headers) as response:
        return response.status, await response.json()


def rows(engine: sa.Engine) -> list[tuple[Any, ...]]:
    table = customer_events.c
    with engine.connect() as connection:
        query = sa.select(table.key, table.kind, table.amount_minor, table.currency, table.value, table.ref)
        return [tuple(row) for row in connection.execute(query.where(table.source == "segment").order_by(table.key))]


async def test_an_event_is_stored_once_and_its_customer_made(http: aiohttp.ClientSession, engine: sa.Engine) -> None:
    first = await push(http, VIEWED)
    second = await push(http, VIEWED)

    assert first == (200, {"stored": 1, "corrected": 0, "unchanged": 0, "refused": []})
    assert second == (200, {"stored": 0, "corrected": 0, "unchanged": 1, "refused": []})
    assert rows(engine) == [("m-1:visit", "visit", None, None, None, "tea")]
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).where(customers.c.shop_customer_id == "new-1")).scalar_one() == 1


async def test_a_batch_stores_what_is_known_and_says_what_is_not(http: aiohttp.ClientSession, engine: sa.Engine) -> None:
    batch = [
        ORDER,
        {**VIEWED, "messageId": "m-3", "event": "Moon Landed"},
        {**VIEWED, "messageId": "m-4", "timestamp": "2199-01-01T00:00:00Z"},
        {**VIEWED, "messageId": "m-5", "userId": None},
        {**VIEWED, "messageId": "m-6", "userId": None, "anonymousId": "anon-1"},
        7,
    ]

    status, answer = await push(http, {"batch": batch})

    assert (status, answer["stored"]) == (200, 4)
    assert [(one["index"], one["messageId"]) for one in answer["refused"]] == [(1, "m-3"), (2, "m-4"), (3, "m-5"), (5, "")]
    assert "Moon Landed" in answer["refused"][0]["reason"]
    assert rows(engine) == [
        ("A-9:1:item_bought", "item_bought", 2000, "USD", 2.0, "tea"),
        ("A-9:2:item_bought", "item_bought", 750, "USD", 1.0, "cup"),
        ("A-9:order_placed", "order_placed", 2750, "USD", 1.0, "A-9"),
        ("m-6:visit", "visit", None, None, None, "tea"),
    ]
    with engine.connect() as connection:
        assert connection.execute(sa.select(customer_keys.c.key)).scalars().all() == ["anon-1"]


async def test_an_order_told_twice_under_two_message_ids_is_one_order(http: aiohttp.ClientSession, engine: sa.Engine) -> None:
    await push(http, ORDER)

    _status, answer = await push(http, {**ORDER, "messageId": "m-20"})

    assert (answer["stored"], answer["unchanged"]) == (0, 3)


async def test_what_is_not_signed_rightly_is_refused(http: aiohttp.ClientSession, engine: sa.Engine) -> None:
    wrong = await push(http, VIEWED, secret="another")
    old = await push(http, VIEWED, at=time.time() - 301)
    async with http.post("/api/events", json=VIEWED) as response:
        unsigned = response.status

    assert (wrong[0], old[0], unsigned) == (401, 401, 401)
    assert rows(engine) == []


async def test_too_much_at_once_is_refused(http: aiohttp.ClientSession) -> None:
    many = await push(http, {"batch": [VIEWED] * 501})
    below = await push(http, {**VIEWED, "context": "x" * 200_000})  # larger than the other addresses allow
    broken = await push(http, b"{")
    large = await push(http, b" " * (2**20 + 1))

    assert (many[0], large[0], below[0], broken[0]) == (400, 413, 200, 400)


def test_without_a_secret_there_is_no_such_address(settings: Settings) -> None:
    app = create_app(settings, name=f"web_without_events_{uuid.uuid4().hex[:8]}")

    assert settings.events_secret == ""
    assert not any(route.path.startswith("api/events") for route in app.router.routes)
