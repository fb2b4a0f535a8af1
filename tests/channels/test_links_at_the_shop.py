"""Links over HTTP: an agent sends one, the demo shop's customer confirms it, the desk shows who it is."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from urllib.parse import urlsplit

import aiohttp
import pytest

from bot.messages import HandOff, HandoffReason, Turn
from bot.settings import ChannelSettings, Settings
from tests.channels.vendors import WEBHOOK
from tests.fakes import FakeRasa
from tests.web.conftest import database_url, http, log_in, sample, web

__all__ = ["database_url", "http", "sample", "web"]

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)]


@pytest.fixture
def settings(database_url: str, settings: Settings) -> Settings:
    return replace(settings, channels=(ChannelSettings("webhook", "webhook", WEBHOOK.settings("http://127.0.0.1:9")),))


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa(lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)))


async def test_an_agent_sends_a_link_and_sees_who_it_is(http: aiohttp.ClientSession) -> None:
    headers = await log_in(http)
    wanted = WEBHOOK.sign(WEBHOOK.payload("I want a person", "m1", "u1"), time.time())
    async with http.post("/webhooks/webhook", data=wanted.body, headers=dict(wanted.headers)) as response:
        assert response.status == 200
    here = ""
    while not here:
        async with http.post("/api/desk/claim", json={}, headers=headers) as response:
            here = (await response.json()).get("conversation_id", "")
    here = f"/api/desk/conversations/{here}"

    async def shown() -> dict[str, object]:
        async with http.get(here) as response:
            view = await response.json()
        return {**(view["customer"] or {}), "linkable": view["conversation"]["linkable"], "last": view["messages"][-1]["text"]}

    async with http.post(f"{here}/link") as response:
        assert response.status == 403  # without the CSRF token
    async with http.post(f"{here}/link", headers=headers) as response:
        assert response.status == 200
    before = await shown()
    assert "known_by" not in before
    assert before["linkable"] is True
    [address] = re.findall(r"http\S+", str(before["last"]))
    page = f"{urlsplit(address).path}?{urlsplit(address).query}"
    async with http.get(page) as response:
        asked = await response.text()
        assert response.headers["X-Frame-Options"] == "DENY"
    [customer, *_] = re.findall(r'option value="(\w+)"', asked)
    assert "known_by" not in await shown()  # opening it does nothing
    link = page.partition("yingda_link=")[2]
    async with http.post("/demo/link", data={"link": link, "customer": customer}, headers={"Origin": "https://evil.example"}) as response:
        assert response.status == 403
    async with http.post("/demo/link?lang=en", data={"link": link, "customer": customer}) as response:
        assert "Linked" in await response.text()
    async with http.get(page + "&lang=en") as response:
        assert "This link is over" in await response.text()
    async with http.get("/api/links", params={"link": link}) as response:
        assert response.status == 409

    after = await shown()
    assert (after["known_by"], after["id"]) == ("signed", customer)
    async with http.post(f"{here}/unlink", headers=headers) as response:
        assert response.status == 200
    assert "known_by" not in await shown()
