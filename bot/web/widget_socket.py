"""The widget's live connection: messages of one thread after the cursor, and how its conversation stands."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from sanic import Blueprint, Request, Websocket

from bot.conversations import store
from bot.conversations.read_marks import Mark, ReadMarks
from bot.conversations.services import Services
from bot.conversations.visitors import Visitor
from bot.conversations.wake import News, Wake
from bot.errors import AuthError
from bot.messages import Sender, Status
from bot.web import sockets
from bot.web.origins import check_origin
from bot.web.views import messages_view
from bot.web.widget import parse_cursor, shown

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
        connection = WidgetConnection(
            ctx.services, socket, visitor, after=hello.get("after") or "", read=hello.get("read"), marks=ctx.read_marks
        )
        with request.app.ctx.hub.joined(connection):
            await sockets.both(connection.deliver(), connection.listen())

    await sockets.serve(socket, handle)


blueprint.add_websocket_route(widget_socket, "/ws/widget")


class WidgetConnection:
    def __init__(self, services: Services, socket: Websocket, visitor: Visitor, *, after: str, read: object, marks: ReadMarks) -> None:
        self._services = services
        self._marks = marks
        self._socket = socket
        self._visitor = visitor
        self._conversation_id, self._seq = parse_cursor(after)
        self._hello_read = read
        self._said, self._read = ("", 1), ("", 0)  # a person's last message on this line, how far all was read: (conversation, seq)
        self._thread_id = ""
        self._waiting = False
        self._shown: dict[str, Any] | None = None
        self._news = asyncio.Event()
        self._passed_on: dict[News, Wake] = {}  # the newest of each kind
        self._is_due = False  # there may be something new in SQL
        self._later: asyncio.TimerHandle | None = None

    def wants(self, wake: Wake) -> bool:
        if wake.news in sockets.PASSED_ON:
            return wake.thread_id == self._thread_id and wake.sender != Sender.CUSTOMER
        return wake.thread_id == self._thread_id or not self._thread_id or (self._waiting and wake.news in sockets.QUEUE_NEWS)

    def poke(self, wake: Wake | None) -> None:
        if wake is not None and wake.news in sockets.PASSED_ON:
            self._passed_on[wake.news] = wake
            self._news.set()
        elif wake is not None and wake.news in sockets.QUEUE_NEWS and wake.thread_id != self._thread_id:
            self._look_later()
        else:
            self._look()

    def _look(self) -> None:
        self._is_due = True
        self._news.set()

    def _look_later(self) -> None:
        """Others' moves in the queue only shift the position: look once for all of them."""
        if self._later is None or self._later.when() < asyncio.get_running_loop().time():
            self._later = asyncio.get_running_loop().call_later(QUEUE_NEWS_S, self._look)

    async def deliver(self) -> None:
        """Send what is new, then wait for news or for the time to ping, which also finds what a lost wake-up did not tell."""
        await self._catch_up()
        self._keep_mark(self._hello_read)
        await sockets.send(self._socket, {"type": "ready", "conversation": self._shown})
        clock = asyncio.get_running_loop().time
        ping_at = clock() + PING_S
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), ping_at - clock())
            self._news.clear()
            await self._pass_on()
            if self._is_due or clock() >= ping_at:
                self._is_due = False
                before = self._shown
                await self._catch_up()
                if self._shown != before:
                    await sockets.send(self._socket, {"type": "conversation", "conversation": self._shown})
            if clock() >= ping_at:  # with news or without: the other side must have something to answer
                ping_at = clock() + PING_S
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

    async def _catch_up(self) -> None:
        while True:
            async with self._services.database.read() as connection:
                if not self._thread_id:
                    thread = await store.thread_of(connection, inbox_id=self._visitor.inbox_id, channel_user=self._visitor.channel_user)
                    if thread is None:
                        return
                    self._thread_id = thread.id
                found = await store.thread_after(connection, self._thread_id, self._conversation_id, self._seq, limit=BATCH)
                views = await messages_view(connection, found)
                newest = await store.newest_conversation(connection, self._thread_id)
                if newest is not None:
                    self._shown = await shown(connection, self._services, newest)
                    self._waiting = newest.status == Status.WAITING
            for message, view in zip(found, views, strict=True):
                await sockets.send(self._socket, {"type": "message", "message": view})
                self._conversation_id, self._seq = message.conversation_id, message.seq
                if message.sender == Sender.AGENT:
                    self._said = (message.conversation_id, message.seq)
            if len(found) < BATCH:
                return

    def _cursor(self) -> str:
        return f"{self._conversation_id}:{self._seq}" if self._conversation_id else ""

    async def listen(self) -> None:
        """Read frames until the other side leaves: typing, what was read of a person's conversation; a pong only shows life."""
        while (frame := await sockets.receive(self._socket, timeout_s=PING_S * 2)) is not None:
            if frame.get("type") == "typing" and self._shown:
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
