"""The way to the action server, against a small real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from rasa.shared.exceptions import RasaException
from rasa.utils.endpoints import ClientResponseError

from bot.dialogue.context import TurnContext, current_turn
from bot.dialogue.endpoint import ActionEndpoint
from bot.messages import TurnRequest
from tests.dialogue.system import free_port

Handler = Callable[[web.Request], Awaitable[web.Response]]
CALL = {"next_action": "action_x", "sender_id": "c", "tracker": {"events": []}, "version": "3.6"}


@pytest.fixture
def context() -> TurnContext:
    context = TurnContext(TurnRequest("c", "m", 1, "", "en"))
    current_turn.set(context)
    return context


@asynccontextmanager
async def serving(handler: Handler, port: int, **options: float) -> AsyncIterator[ActionEndpoint]:
    app = web.Application()
    app.router.add_post("/webhook", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    endpoint = ActionEndpoint(f"http://127.0.0.1:{port}", "token", **options)
    try:
        yield endpoint
    finally:
        await endpoint.close()
        await runner.cleanup()


async def test_an_action_gets_the_call_and_the_token(context):
    seen = {}

    async def answer(request: web.Request) -> web.Response:
        seen.update(await request.json(), token=request.headers["Authorization"])
        return web.json_response({"events": [], "responses": [{"text": "done"}]})

    async with serving(answer, free_port()) as endpoint:
        result = await endpoint.request(json=CALL)

    assert result == {"events": [], "responses": [{"text": "done"}]}
    assert seen["token"] == "Bearer token"
    assert seen["next_action"] == "action_x"
    assert not context.failed_action


@pytest.mark.parametrize("body", ["not json", '{"events": 5}'])
async def test_a_malformed_answer_is_a_failure(context, body):
    async def answer(request: web.Request) -> web.Response:
        return web.Response(text=body)

    async with serving(answer, free_port()) as endpoint:
        with pytest.raises(RasaException, match="malformed"):
            await endpoint.request(json=CALL)

    assert context.failed_action == "action_x"


async def test_an_action_that_raises_is_a_failure(context):
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=500)

    async with serving(answer, free_port()) as endpoint:
        with pytest.raises(RasaException, match="HTTP 500"):
            await endpoint.request(json=CALL)

    assert context.failed_action == "action_x"


async def test_an_action_that_takes_too_long_is_a_failure(context):
    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(0.6)
        return web.Response()

    async with serving(answer, free_port(), timeout_s=0.2) as endpoint:
        with pytest.raises(RasaException, match="TimeoutError"):
            await endpoint.request(json=CALL)

    assert context.failed_action == "action_x"


async def test_a_rejection_is_an_answer(context):
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"error": "no", "action_name": "action_x"}, status=400)

    async with serving(answer, free_port()) as endpoint:
        with pytest.raises(ClientResponseError) as error:
            await endpoint.request(json=CALL)

    assert error.value.status == 400
    assert not context.failed_action


async def test_a_dead_action_server_is_a_failure_after_some_patience(context):
    endpoint = ActionEndpoint(f"http://127.0.0.1:{free_port()}", "token", patience_s=0.3)

    with pytest.raises(RasaException, match="Connect"):
        await endpoint.request(json=CALL)

    assert context.failed_action == "action_x"
    await endpoint.close()


async def test_an_action_server_that_comes_back_in_time_answers(context):
    port = free_port()
    endpoint = ActionEndpoint(f"http://127.0.0.1:{port}", "token", patience_s=5)

    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"events": [], "responses": []})

    call = asyncio.create_task(endpoint.request(json=CALL))
    await asyncio.sleep(0.3)
    async with serving(answer, port):
        assert await call == {"events": [], "responses": []}

    assert not context.failed_action
    await endpoint.close()
