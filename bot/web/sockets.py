"""Live connections of one web process. Wake-ups say where to look; what is sent is always read from SQL after the last seq."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol

import msgspec
from sanic import Request, Websocket
from websockets.exceptions import ConnectionClosed

from bot.conversations.wake import News, Wake, Wakeups
from bot.errors import BotError, InputError
from bot.redis import REDIS_DOWN
from bot.web.board import Board
from bot.web.requests import caller, error_body

HELLO_S = 10  # a connection that has not said who it is by then is closed
LONGEST_FRAME = 16_384
LISTEN_AGAIN_S = 0.3
TYPING_S = 1.0  # who types is told to the other side at most so often
AT_ONCE = 10  # connections that hear of the queue before others have their turn; a desk's part takes 1 to 2 ms
QUEUE = "queue"  # what desks follow: news of the queue that concern everybody

log = logging.getLogger(__name__)


class Connection(Protocol):
    def poke(self, wake: Wake | None) -> None:
        """Look again, soon; None means that wake-ups may have been missed."""

    def queue_moved(self) -> None:
        """The board has looked again."""


class Hub:
    """All connections of this process, by what they follow, and the one listener that pokes them."""

    def __init__(self, wakeups: Wakeups, board: Board) -> None:
        self._wakeups = wakeups
        self._board = board
        self._keys: dict[Connection, set[str]] = {}
        self._followers: defaultdict[str, set[Connection]] = defaultdict(set)

    @contextlib.contextmanager
    def joined(self, connection: Connection, *keys: str) -> Iterator[None]:
        self._keys[connection] = set()
        for key in keys:
            self.follow(connection, key)
        try:
            yield
        finally:
            for key in self._keys.pop(connection):
                self._unfollow(connection, key)

    def follow(self, connection: Connection, key: str) -> None:
        """Poke this connection with news of a thread, a conversation, a visitor, an agent, or of everybody's QUEUE."""
        self._keys[connection].add(key)
        self._followers[key].add(connection)

    def _unfollow(self, connection: Connection, key: str) -> None:
        self._followers[key].discard(connection)
        if not self._followers[key]:
            del self._followers[key]

    def poke(self, wake: Wake | None) -> None:
        if wake is None or wake.news in (News.QUEUE, News.ALERT):
            self._board.moved()
        for connection in self._concerned(wake):
            connection.poke(wake)

    def _concerned(self, wake: Wake | None) -> set[Connection]:
        if wake is None:
            return set(self._keys)
        if wake.news in (News.QUEUE, News.ALERT):
            keys = {wake.agent_id or QUEUE}
        else:
            keys = {wake.thread_id, wake.conversation_id, wake.channel_user}
        return {connection for key in keys for connection in self._followers.get(key, ())}

    async def queue_moved(self) -> None:
        """Tell everybody, a few at a time: what is said in conversations goes in between."""
        for number, connection in enumerate(list(self._keys), start=1):
            connection.queue_moved()
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)

    async def listen(self) -> None:
        """Pass wake-ups on for ever; after a break everybody looks again."""
        while True:
            try:
                async for wake in self._wakeups.listen():
                    self.poke(wake)
            except REDIS_DOWN as error:
                log.warning("wake-ups are away: %s", type(error).__name__)
            except Exception:
                log.exception("wake-ups broke off")  # nobody else would notice, and every line of this process would fall silent
            await asyncio.sleep(LISTEN_AGAIN_S)


async def receive(socket: Websocket, *, timeout_s: float | None = None) -> dict[str, Any] | None:
    """Return the next frame as an object; None when the other side is gone. InputError for anything else than a JSON object."""
    try:
        async with asyncio.timeout(timeout_s):
            text = await socket.recv()
    except (TimeoutError, ConnectionClosed):
        return None
    if text is None:
        return None
    if len(text) > LONGEST_FRAME:
        raise InputError(f"the frame has {len(text)} characters; allowed are {LONGEST_FRAME}")
    try:
        frame = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError("the frame is not JSON, or nested too deeply") from error
    if not isinstance(frame, dict):
        raise InputError("the frame must be a JSON object with a type")
    return frame


async def send(socket: Websocket, frame: dict[str, Any]) -> None:
    await socket.send(msgspec.json.encode(frame).decode())


async def serve(request: Request, socket: Websocket, handle: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Say hello, then work until one side leaves; an error of ours or theirs is told before closing."""
    try:
        request.app.ctx.callers.opens(caller(request))
        hello = await receive(socket, timeout_s=HELLO_S)
        if hello is not None:
            if hello.get("type") != "hello":
                raise InputError("the first frame must be of type hello")
            await handle(hello)
    except BotError as error:
        with contextlib.suppress(ConnectionClosed):
            await send(socket, {"type": "refused", **error_body(error.code, str(error))})
            await socket.close(code=4000 + error.status if error.status in (401, 429) else 4400, reason=error.code)
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


PASSED_ON = (News.TYPING, News.READ)  # told as it comes, without a look into SQL
