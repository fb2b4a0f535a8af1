"""The widget's live connection: messages of one thread after the cursor, and how its conversation stands."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Collection, Sequence
from typing import Any

from sanic import Blueprint, Request, Websocket

from bot.conversations import store
from bot.conversations.read_marks import Mark, ReadMarks
from bot.conversations.services import Services
from bot.conversations.visitors import Visitor, thread_of
from bot.conversations.wake import News, Wake
from bot.errors import AuthError
from bot.messages import Message, Sender, Status
from bot.web import sockets
from bot.web.board import Board
from bot.web.origins import check_origin
from bot.web.requests import caller
from bot.web.sockets import Hub
from bot.web.views import conversation_view, message_view, messages_view, standing_view
from bot.web.widget import parse_cursor

PING_S = 14  # a line that died is noticed within 30 s on both sides
BATCH = 200
# Estimates of waiting move with every claim; a widget hears of them at most this often.
QUEUE_NEWS_S = 1.0

blueprint = Blueprint("widget_socket")


async def widget_socket(request: Request, socket: Websocket) -> None:
    check_origin(request)

    async def handle(hello: dict[str, Any]) -> None:
        token = hello.get("token")
        if not isinstance(token, str):
            raise AuthError("the hello frame needs the visitor's token")
        visitor = request.app.ctx.visitors.read(token)
        ctx = request.app.ctx
        connection = WidgetConnection(ctx.services, ctx.hub, ctx.board, socket, visitor, marks=ctx.read_marks)
        connection.resume(hello.get("after"), read=hello.get("read"))
        with ctx.callers.line(caller(request), visitor.channel_user), ctx.hub.joined(connection, visitor.channel_user):
            await sockets.both(connection.deliver(), connection.listen())

    await sockets.serve(request, socket, handle)


blueprint.add_websocket_route(widget_socket, "/ws/widget")


def _next_ping(now: float) -> float:
    """Return a whole second: lines that are due in the same one look into SQL together."""
    return math.floor(now + PING_S)


class WidgetConnection:
    def __init__(self, services: Services, hub: Hub, board: Board, socket: Websocket, visitor: Visitor, *, marks: ReadMarks) -> None:
        self._services = services
        self._hub = hub
        self._board = board
        self._marks = marks
        self._socket = socket
        self._visitor = visitor
        self._conversation_id, self._seq = "", 0
        self._hello_read: object = None
        self._said, self._read = ("", 1), ("", 0)  # a person's last message on this line, how far all was read: (conversation, seq)
        self._thread_id = ""
        self._shown: dict[str, Any] | None = None
        self._news = asyncio.Event()
        self._behind: set[str] = set()  # in these conversations there may be something new in SQL; "" is all of the thread's
        self._passed_on: dict[News, Wake] = {}  # the newest of each kind
        self._later: asyncio.TimerHandle | None = None
        self._typed_at = 0.0

    def resume(self, after: object, *, read: object) -> None:
        """Go on after the cursor that the page has; `read` is the one up to which its reader has seen all."""
        self._conversation_id, self._seq = parse_cursor(after or "")
        self._hello_read = read

    def poke(self, wake: Wake | None) -> None:
        if wake is None or wake.news not in sockets.PASSED_ON:
            self._behind.add(wake.conversation_id if wake else "")
        elif wake.sender != Sender.CUSTOMER:
            self._passed_on[wake.news] = wake
        else:
            return
        self._news.set()

    def queue_moved(self) -> None:
        """Tell a customer who waits that they stand elsewhere, but not with each of the others' moves."""
        if self._has_moved and self._later is None:
            is_first = self._shown is not None and self._shown["queue"] is None
            self._later = asyncio.get_running_loop().call_later(0 if is_first else QUEUE_NEWS_S, self._tell_place)

    def _tell_place(self) -> None:
        self._later = None
        self._news.set()

    @property
    def _has_moved(self) -> bool:
        shown = self._shown
        return shown is not None and shown["status"] == Status.WAITING and self._board.place(shown["id"]) != shown["queue"]

    async def deliver(self) -> None:
        """Send what is new, then wait for news or for the time to ping, which also finds what a lost wake-up did not tell."""
        await self._catch_up()
        self._keep_mark(self._hello_read)
        await sockets.send(self._socket, {"type": "ready", "conversation": self._shown})
        clock = asyncio.get_running_loop().time
        ping_at = _next_ping(clock())
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(ping_at):
                    await self._news.wait()
            self._news.clear()
            await self._pass_on()  # before the message that was being typed
            before = self._shown
            is_due = clock() >= ping_at
            behind, self._behind = self._behind, set()
            if behind or is_due:
                await self._catch_up(() if is_due else behind)
            elif self._shown and self._has_moved:
                self._shown = self._shown | {"queue": self._board.place(self._shown["id"])}
            if self._shown != before:
                await sockets.send(self._socket, {"type": "conversation", "conversation": self._shown})
            if is_due:  # with news or without: the other side must have something to answer
                ping_at = _next_ping(clock())
                await sockets.send(self._socket, {"type": "ping", "cursor": self._cursor()})

    async def _pass_on(self) -> None:
        """Tell that somebody writes, and how far an agent has read: the conversation as it was shown, with the new place."""
        told, self._passed_on = self._passed_on, {}
        if typing := told.get(News.TYPING):
            await sockets.send(self._socket, {"type": "typing", "sender": typing.sender})
        read = told.get(News.READ)
        if read and self._shown and self._shown["id"] == read.conversation_id:
            self._shown = self._shown | {"agent_read_seq": read.seq}
            await sockets.send(self._socket, {"type": "conversation", "conversation": self._shown})

    async def _catch_up(self, behind: Collection[str] = ()) -> None:
        """Send what is new; together with all lines of this process that look now, unless there is much of it."""
        if not await self._knows_thread():
            return
        here = self._conversation_id
        if self._shown and self._shown["id"] == here and behind == {here}:
            standing = await self._services.standings.of(here, self._seq)  # the desk asks for the same, in the same look
        else:
            standing = await self._services.standings.newest(self._thread_id, here, self._seq)
        if standing is None:
            return
        if standing.said is None:
            await self._catch_up_alone()
            return
        self._visitor.check(standing.row.customer_id)
        await self._send([(message, message_view(message, standing.names)) for message in standing.said])
        self._show(standing_view(standing.row, standing.row.agent_name))

    async def _catch_up_alone(self) -> None:
        while True:
            async with self._services.database.read() as connection:
                found = await store.thread_after(connection, self._thread_id, self._conversation_id, self._seq, limit=BATCH)
                views = await messages_view(connection, found, shares=self._services.shares)
                newest = await store.newest_and_whose(connection, self._thread_id)
                if newest is not None:
                    self._visitor.check(newest.customer_id)  # after the messages were read: what is sent was written before a log-in
                shown = await conversation_view(connection, newest) if newest is not None else None
            await self._send(list(zip(found, views, strict=True)))
            if len(found) < BATCH:
                self._show(shown)
                return

    async def _send(self, said: Sequence[tuple[Message, dict[str, Any]]]) -> None:
        for message, view in said:
            await sockets.send(self._socket, {"type": "message", "message": view})
            self._conversation_id, self._seq = message.conversation_id, message.seq
            if message.sender == Sender.AGENT:
                self._said = (message.conversation_id, message.seq)

    def _show(self, view: dict[str, Any] | None) -> None:
        self._shown = view and view | {"queue": self._board.place(view["id"]) if view["status"] == Status.WAITING else None}

    async def _knows_thread(self) -> bool:
        """Follow the visitor's thread, which their first message makes."""
        if not self._thread_id:
            async with self._services.database.read() as connection:
                thread = await thread_of(connection, self._visitor)
            if thread is not None:
                self._thread_id = thread.id
                self._hub.follow(self, thread.id)
        return bool(self._thread_id)

    def _cursor(self) -> str:
        return f"{self._conversation_id}:{self._seq}" if self._conversation_id else ""

    async def listen(self) -> None:
        """Read frames until the other side leaves: typing, what was read of a person's conversation; a pong only shows life."""
        while (frame := await sockets.receive(self._socket, timeout_s=PING_S * 2)) is not None:
            if frame.get("type") == "typing" and self._shown and time.monotonic() - self._typed_at > sockets.TYPING_S:
                self._typed_at = time.monotonic()
                await self._services.wake.send(Wake(News.TYPING, self._shown["id"], self._thread_id, sender="customer"))
            elif frame.get("type") == "read":
                self._keep_mark(frame.get("cursor"))

    def _keep_mark(self, cursor: object) -> None:
        """Note how far the customer has read when a person has said something since: nobody else wants to know."""
        conversation_id, seq = read = parse_cursor(cursor)
        shown = self._shown
        if not self._read < self._said <= read or not shown or shown["id"] != conversation_id or not shown["agent"]:
            return
        self._read = read
        if shown["customer_read_seq"] < seq:
            self._marks.note(Mark(Sender.CUSTOMER, conversation_id, seq, self._thread_id))
