"""The webhooks' address: what a vendor sends is stored before it is answered, once, whoever sends it how often."""

from __future__ import annotations

import asyncio
import io
import time
from dataclasses import replace

import aiohttp
import pytest
import sqlalchemy as sa

from bot.channels.base import WebhookRequest
from bot.database import sync_engine
from bot.database.conversations import messages
from bot.messages import HandOff, HandoffReason, Turn
from bot.settings import ChannelSettings, Settings
from tests.channels.vendors import CASES, WEBHOOK, Case, every_channel_in_full
from tests.fakes import FakeRasa
from tests.web.conftest import database_url, http, log_in, sample, web

__all__ = ["database_url", "http", "sample", "web"]


@pytest.fixture
def settings(database_url: str, settings: Settings) -> Settings:
    """Every kind of channel is set up; the vendors' addresses lead nowhere."""
    accounts = [ChannelSettings(case.kind, case.kind, case.settings("http://127.0.0.1:9")) for case in CASES]
    accounts.append(ChannelSettings("halfway", "webhook", {"URL": "http://127.0.0.1:9"}))
    return replace(settings, channels=tuple(accounts))


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa()


def signed(case: Case, text: str, message_id: str, user: str = "u1") -> WebhookRequest:
    return case.sign(case.payload(text, message_id, user), time.time())


async def post(http: aiohttp.ClientSession, case: Case, wanted: WebhookRequest) -> int:
    async with http.post(f"/webhooks/{case.kind}", data=wanted.body, headers=dict(wanted.headers), params=dict(wanted.query)) as response:
        await response.read()
        return response.status


async def said(settings: Settings) -> list[tuple[str, str, str]]:
    """Return conversation, sender and text of all messages; in a thread, since the server's own writes need the event loop."""

    def read() -> list[tuple[str, str, str]]:
        with sync_engine(settings.database_url).connect() as connection:
            query = sa.select(messages.c.conversation_id, messages.c.sender, messages.c.text).order_by(messages.c.id)
            return [(row.conversation_id, row.sender, row.text) for row in connection.execute(query)]

    return await asyncio.to_thread(read)


@every_channel_in_full
async def test_a_message_is_stored_once_however_often_it_comes(case: Case, http: aiohttp.ClientSession, settings: Settings) -> None:
    wanted = signed(case, "你好", "m1")

    answers = [await post(http, case, wanted) for _ in range(2)]
    answers += await asyncio.gather(*(post(http, case, signed(case, "你好", "m1")) for _ in range(3)))

    assert answers[0] == 200
    assert set(answers) <= {200, 409}
    found = await said(settings)
    assert [text for _, sender, text in found if sender == "customer"] == ([] if case.only_signals else ["你好"])
    assert len({conversation_id for conversation_id, _, _ in found}) == (0 if case.only_signals else 1)


async def test_the_generic_channel_refuses_a_replay(http: aiohttp.ClientSession) -> None:
    wanted = signed(WEBHOOK, "hello", "m1")

    assert [await post(http, WEBHOOK, wanted) for _ in range(2)] == [200, 409]


@every_channel_in_full
async def test_an_unsigned_request_is_told_so_and_leaves_nothing(case: Case, http: aiohttp.ClientSession, settings: Settings) -> None:
    bad = WebhookRequest("POST", "", {}, {}, case.payload("你好", "m1", "u1"), time.time())

    assert await post(http, case, bad) == 401
    assert await said(settings) == []


@every_channel_in_full
async def test_an_oversized_request_is_refused(case: Case, http: aiohttp.ClientSession, settings: Settings) -> None:
    wanted = case.sign(b" " * (3 * 1024 * 1024 + 1), time.time())

    async with http.post(f"/webhooks/{case.kind}", data=io.BytesIO(wanted.body), headers=dict(wanted.headers)) as response:
        assert response.status == 413
    assert await said(settings) == []


async def test_a_large_body_is_for_webhooks_only(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/widget/session", data=b" " * 70_000) as response:
        assert response.status == 413


@pytest.mark.parametrize("name", ["halfway", "unknown", "website"])
async def test_a_channel_without_its_secrets_does_not_exist(name: str, http: aiohttp.ClientSession) -> None:
    async with http.post(f"/webhooks/{name}", data=b"{}") as response:
        assert response.status == 404


async def test_a_channel_conversation_at_the_desk_looks_like_any_other(
    http: aiohttp.ClientSession, rasa: FakeRasa, settings: Settings
) -> None:
    rasa.answer = lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST))
    headers = await log_in(http)
    await post(http, WEBHOOK, signed(WEBHOOK, "I want a person", "m1"))
    conversation_id = ""
    while not conversation_id:
        async with http.post("/api/desk/claim", json={}, headers=headers) as response:
            conversation_id = (await response.json()).get("conversation_id", "")

    async with http.post(
        f"/api/desk/conversations/{conversation_id}/messages", json={"client_id": "1", "text": "here I am"}, headers=headers
    ) as response:
        message = (await response.json())["message"]
    async with http.get(f"/api/desk/conversations/{conversation_id}") as response:
        shown = await response.json()

    assert shown["conversation"]["delivery"] == {
        "kind": "webhook", "name": "webhook", "configured": True,
        "until": None, "sends_left": None, "passive": False, "stopped": False, "problems": {}, "files": {},
            "takes": [{"mimes": [""], "most_bytes": 100 * 1024 * 1024}]
    }  # fmt: skip
    assert [each["sender"] for each in shown["messages"]][-1] == "agent"
    async with http.post(f"/api/desk/conversations/{conversation_id}/messages/{message['id']}/repeat", headers=headers) as response:
        assert response.status == 409
