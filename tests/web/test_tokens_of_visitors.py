"""A visitor's token from before a customer logged in is good for nothing any more."""

from __future__ import annotations

import aiohttp

from bot.conversations.visitors import Visitor, Visitors
from bot.database import Database
from bot.ids import new_id
from bot.settings import Settings
from tests.web.conftest import Widget, frame, open_widget
from tests.web.test_widget_api import identity


async def status_of_sending(widget: Widget, **what: str) -> int:
    async with widget.http.post("/api/widget/messages", json={"client_id": new_id(), **what}, headers=widget.headers) as response:
        return response.status


async def test_a_token_copied_before_a_customer_logged_in_neither_reads_nor_writes(http: aiohttp.ClientSession, settings: Settings) -> None:
    copied = await open_widget(http)
    first = await copied.send("hello from the library's computer")
    customer = await open_widget(http, token=copied.opened["token"], identity=identity(settings, "C000001"))
    await customer.send("my secret")
    rating = {"conversation_id": first["message"]["conversation_id"], "score": 1}

    assert await status_of_sending(copied, text="cancel my order") == 401
    assert await status_of_sending(copied, button_id="human") == 401
    async with http.get("/api/widget/messages", headers=copied.headers) as response:
        assert response.status == 401
    async with http.post("/api/widget/csat", json=rating, headers=copied.headers) as response:
        assert response.status == 401
    refused = await frame(await copied.socket(), "refused")
    again = await open_widget(http, token=copied.opened["token"])

    assert refused["error"]["code"] == "auth"
    assert (await again.messages())["messages"] == []
    assert [said["text"] for said in (await customer.messages())["messages"] if said["sender"] == "customer"] == [
        "hello from the library's computer",
        "my secret",
    ]


async def test_a_line_that_is_open_while_the_customer_logs_in_is_closed_before_anything_more_is_shown(
    http: aiohttp.ClientSession, settings: Settings
) -> None:
    before = await open_widget(http)
    await before.send("hello")
    line = await before.socket()
    await frame(line, "ready")
    customer = await open_widget(http, token=before.opened["token"], identity=identity(settings, "C000001"))
    own = await customer.socket()

    stored = await customer.send("my secret")

    while (seen := await line.receive_json(timeout=5))["type"] != "refused":
        assert "my secret" not in str(seen)
    closed = await line.receive(timeout=5)
    assert (closed.type, closed.data) == (aiohttp.WSMsgType.CLOSE, 4401)
    while (await frame(own, "message"))["message"]["id"] != stored["message"]["id"]:
        pass


async def test_the_browser_that_logged_in_goes_on_where_it_was_with_its_old_token_and_the_shops_word(
    http: aiohttp.ClientSession, settings: Settings
) -> None:
    before = await open_widget(http)
    await before.send("hello")
    word = identity(settings, "C000001")
    await open_widget(http, token=before.opened["token"], identity=word)  # the answer gets lost on its way

    again = await open_widget(http, token=before.opened["token"], identity=word)

    assert len((await again.messages())["messages"]) == 2
    assert await status_of_sending(again, text="and now") == 200


async def test_a_customers_token_is_not_good_for_a_thread_that_is_nobodys(
    http: aiohttp.ClientSession, settings: Settings, database: Database
) -> None:
    visitors = Visitors(settings, database)
    nobodys = await open_widget(http)
    await nobodys.send("hello")
    somebodys = Visitor("website", visitors.read(nobodys.opened["token"]).channel_user, customer_id="somebody")
    widget = Widget(http, {"token": visitors.sign(somebodys)})

    assert await status_of_sending(widget, text="I am somebody") == 401
    assert await status_of_sending(nobodys, text="I am still nobody") == 200
