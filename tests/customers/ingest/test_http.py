"""Reading an interface of pages over real HTTP: tokens, cursors, failures that pass."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.crypto import Cipher
from bot.customers.ingest.http import open_http
from bot.customers.ingest.mapping import Source, parse_mapping
from bot.customers.ingest.run import Ingestion, Outcome, ingest, inputs_of
from bot.errors import InputError, ServiceError, SettingError
from tests.customers.ingest.conftest import events

RECORDS = [
    {"id": f"A{n}", "buyer": {"id": n}, "placed": f"2026-01-0{n}T08:00:00Z", "total": n * 10, "updated": f"2026-02-0{n}"}
    for n in range(1, 6)
]
MAPPING = """
version: 1
sources:
- name: api
  kind: orders
  format: http
  http: {url: "%s", records: data.items, token_env: SHOP_TOKEN, since_parameter: since, since_field: updated, paging: %s}
  columns: {id: order, buyer.id: customer_key, placed: at, total: amount}
"""
PAGINGS = {
    "page": "{by: page, size_parameter: limit, size: 2}",
    "cursor": "{by: cursor, parameter: after, next: data.next}",
    "link": "{by: link}",
}
Made = tuple[str, list[web.Request]]


@pytest.fixture
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Made]:
    """A shop's interface that hands out two orders a page, fails at first, and knows the three ways of paging."""
    asked: list[web.Request] = []
    monkeypatch.setenv("SHOP_TOKEN", "t0ken")

    async def orders(request: web.Request) -> web.Response:
        asked.append(request)
        if len(asked) == 1:
            return web.Response(status=429, headers={"Retry-After": "0"})
        if request.headers.get("Authorization") != "Bearer t0ken":
            return web.Response(status=401)
        since = request.query.get("since", "")
        first = (int(request.query["page"]) - 1) * 2 if "page" in request.query else int(request.query.get("after", "0"))
        found = [record for record in RECORDS if str(record["updated"]) > since]
        more = first + 2 < len(found)
        headers = {"Link": f'<{request.path}?after={first + 2}&since={since}>; rel="next"'} if more else {}
        return web.json_response({"data": {"items": found[first : first + 2], "next": str(first + 2) if more else None}}, headers=headers)

    app = web.Application()
    app.router.add_get("/orders", orders)
    async with TestServer(app) as server:
        yield str(server.make_url("/orders")), asked


@pytest.fixture
def run(engine: sa.Engine, cipher: Cipher, tmp_path: Any) -> Callable[[str], Any]:
    async def read(text: str) -> Outcome:
        mapping = parse_mapping(text, name="mapping")
        inputs = inputs_of(mapping, tmp_path, [])
        return (await asyncio.to_thread(lambda: list(ingest(Ingestion(engine, cipher, tmp_path), inputs))))[0]

    return read


@pytest.mark.parametrize("paging", PAGINGS)
async def test_all_pages_are_read_and_the_next_run_goes_on_after_them(
    shop: Made, engine: sa.Engine, run: Callable[[str], Any], paging: str
) -> None:
    url, asked = shop
    first = await run(MAPPING % (url, PAGINGS[paging]))
    count = len(asked)
    second = await run(MAPPING % (url, PAGINGS[paging]))

    assert (first.counts["rows"], first.counts["stored"], second.counts["rows"]) == (5, 5, 0)
    assert events(engine, "key", "amount_minor")[4] == ("A5:order_placed", 5000)
    assert asked[count].query["since"] == "2026-02-05"
    assert "t0ken" not in str(first)


def source(url: str) -> Source:
    return parse_mapping(MAPPING % (url, PAGINGS["page"]), name="mapping").sources[0]


async def test_what_fails_for_good_is_said(shop: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    url, asked = shop
    monkeypatch.setenv("SHOP_TOKEN", "wrong")
    with pytest.raises(ServiceError, match="answers 401"):
        await asyncio.to_thread(lambda: list(open_http(source(url), "", first_wait_s=0).chunks))

    monkeypatch.setenv("SHOP_TOKEN", "")
    with pytest.raises(SettingError, match="SHOP_TOKEN is empty"):
        open_http(source(url), "")
    with pytest.raises(SettingError, match="not https"):
        open_http(source("http://shop.example/orders"), "")
    monkeypatch.setenv("SHOP_TOKEN", "t0ken")
    with pytest.raises(InputError, match="no list of objects"):
        wrong = source(url.replace("orders", "orders")).http
        assert wrong is not None
        await asyncio.to_thread(lambda: list(open_http(_with_records(source(url), "data"), "", first_wait_s=0).chunks))
    assert len(asked) == 3


def _with_records(one: Source, records: str) -> Source:
    import msgspec

    assert one.http is not None
    return msgspec.structs.replace(one, http=msgspec.structs.replace(one.http, records=records))
