"""Live connections of one web process. Wake-ups say where to look; what is sent is always read from SQL after the last seq."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec
from sanic import Websocket
from websockets.exceptions import ConnectionClosed

from bot.conversations.wake import News, Wake, Wakeups
from bot.errors import BotError, InputError
from bot.redis import REDIS_DOWN
from bot.web.requests import error_body

HELLO_S = 10  # a connection that has not said who it is by then is closed
LONGEST_FRAME = 16_384

log = logging.getLogger(__name__)


class Connection(Protocol):
    def wants(self, wake: Wake) -> bool: ...

    def poke(self, wake: Wake | None) -> None:
        """Look again, soon; None means that wake-ups may have been missed."""


class Hub:
    """All connections of this process, and the one listener that pokes them."""

    def __init__(self, wakeups: Wakeups) -> None:
        self._wakeups = wakeups
        self._connections: set[Connection] = set()

    @contextlib.contextmanager
    def joined(self, connection: Connection) -> Any:
        self._connections.add(connection)
        try:
            yield
        finally:
            self._connections.discard(connection)

    def poke(self, wake: Wake) -> None:
        for connection in list(self._connections):
            if connection.wants(wake):
                connection.poke(wake)

    async def listen(self) -> None:
        """Pass wake-ups on for ever; after a break everybody looks again."""
        while True:
            try:
                async for wake in self._wakeups.listen():
                    self.poke(wake)
            except REDIS_DOWN as error:
                log.warning("wake-ups are away: %s", type(error).__name__)
            await asyncio.sleep(0.3)
            for connection in list(self._connections):
                connection.poke(None)


async def receive(socket: Websocket, *, timeout_s: float | None = None) -> dict[str, Any] | None:
    """Return the next frame as an object; None when the other side is gone. InputError for anything else than a JSON object."""
    try:
        text = await asyncio.wait_for(socket.recv(), timeout_s)
    except (TimeoutError, ConnectionClosed):
        return None
    if text is None:
        return None
    if len(text) > LONGEST_FRAME:
        raise InputError(f"the frame has {len(text)} characters; allowed are {LONGEST_FRAME}")
    try:
        frame = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("the frame is not JSON") from error
    if not isinstance(frame, dict):
        raise InputError("the frame must be a JSON object with a type")
    return frame


async def send(socket: Websocket, frame: dict[str, Any]) -> None:
    await socket.send(msgspec.json.encode(frame).decode())


async def serve(socket: Websocket, handle: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Say hello, then work until one side leaves; an error of ours or theirs is told before closing."""
    try:
        hello = await receive(socket, timeout_s=HELLO_S)
        if hello is not None:
            if hello.get("type") != "hello":
                raise InputError("the first frame must be of type hello")
            await handle(hello)
    except BotError as error:
        with contextlib.suppress(ConnectionClosed):
            await send(socket, {"type": "refused", **error_body(error.code, str(error))})
            await socket.close(code=4401 if error.status == 401 else 4400, reason=error.code)
    except ConnectionClosed:
        pass


async def both(*tasks: Awaitable[None]) -> None:
    """Run until the first of them ends, then end the others; an error is raised to the caller."""
    running = [asyncio.ensure_future(task) for task in tasks]
    try:
        done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


QUEUE_NEWS = (News.QUEUE, News.ALERT)
PASSED_ON = (News.TYPING, News.READ)  # told as it comes, without a look into SQL
