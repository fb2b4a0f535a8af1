"""The action server as a process of its own, with toy actions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.dialogue.system import TOKEN, System

pytestmark = pytest.mark.timeout(30)

TRACKER = {"sender_id": "c", "slots": {}, "latest_message": {"metadata": {"message_id": "m", "epoch": 1, "language": "en"}}, "events": []}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[System]:
    system = System(tmp_path_factory.mktemp("actions"), model=None, database=sqlite_template)
    with system.actions():
        yield system
    system.engine.dispose()


async def call(server: System, action: str, token: str = TOKEN) -> tuple[int, Any]:
    body = {"next_action": action, "sender_id": "c", "tracker": TRACKER, "version": "3.6.21"}
    url = f"http://127.0.0.1:{server.actions_port}/webhook"
    async with aiohttp.ClientSession() as session, session.post(url, json=body, headers={"Authorization": f"Bearer {token}"}) as answer:
        return answer.status, await answer.json()


async def test_an_action_runs(server):
    status, answer = await call(server, "action_cancel_order")

    assert status == 200
    assert [response["response"] for response in answer["responses"]] == ["utter_cancelled"]


async def test_without_the_token_nothing_runs(server):
    for token in ("", "wrong", TOKEN[:-1]):
        assert (await call(server, "action_cancel_order", token))[0] == 401


async def test_an_action_that_raises_says_nothing_of_the_customer(server):
    status, answer = await call(server, "action_break")

    assert status == 500
    assert answer == {"error": {"code": "action_failed", "message": "action action_break failed"}}


async def test_an_unknown_action_is_not_found(server):
    assert (await call(server, "action_nobody_wrote"))[0] == 404


async def test_health_needs_no_token(server):
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{server.actions_port}/health") as answer:
        assert (await answer.json())["status"] == "ok"
