"""A saturated Rasa: one turn at a time, each 50 ms of processor time, whoever asks. `python -m benchmarks.busy_rasa PORT`."""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec
from aiohttp import web

from bot.messages import Reply, Turn, TurnRequest

TURN_S = 0.05


async def turn(request: web.Request) -> web.Response:
    asked = msgspec.json.decode(await request.read(), type=TurnRequest)
    until = time.thread_time() + TURN_S
    while time.thread_time() < until:
        pass
    await asyncio.sleep(0)
    answered = Turn(message_id=asked.message_id, replies=[Reply(text="answer")], intent="order_status", confidence=0.9)
    return web.Response(body=msgspec.json.encode(answered), content_type="application/json")


async def status(_request: web.Request) -> web.Response:
    return web.json_response({"model": "busy"})


def main() -> None:
    app = web.Application()
    app.router.add_post("/webhooks/yingda/turn", turn)
    app.router.add_get("/status", status)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
