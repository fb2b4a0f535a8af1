"""An agent's live connection: the queue, alerts, and the messages of the conversations that are theirs or open before them."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Mapping
from typing import Any

from sanic import Blueprint, Request, Websocket

from bot.channels.base import Channel
from bot.conversations import accounts, store
from bot.conversations.read_marks import Mark, ReadMarks
from bot.conversations.services import Services
from bot.conversations.standings import Standing
from bot.conversations.wake import News, Wake
from bot.errors import AuthError, BotError
from bot.messages import Message, Sender, Status
from bot.redis import REDIS_DOWN
from bot.web import sockets
from bot.web.board import Board, queue_view
from bot.web.deliveries import delivery_view
from bot.web.desk import COOKIE
from bot.web.origins import check_origin
from bot.web.sockets import Hub
from bot.web.views import message_view, messages_view, standing_view

BEAT_S = 10  # two beats within the presence's 25 s
LARGEST_SEQ = 10**9  # fits both databases' integers
LATE_S = 12  # a beat and the time for its answer; when the last one was longer ago, somebody has stood still
SILENT_S = 25  # no pong for so long: half open, closed, the agent is gone

blueprint = Blueprint("desk_socket")


async def desk_socket(request: Request, socket: Websocket) -> None:
    check_origin(request, own_only=True)

    async def handle(hello: dict[str, Any]) -> None:
        services: Services = request.app.ctx.services
        cookie = request.cookies.get(COOKIE)
        session = await services.sessions.of(cookie)
        if not accounts.same(str(hello.get("csrf", "")), session.csrf_token):
            raise AuthError("the hello frame's csrf is not this session's; load the desk again")
        opened = hello.get("open")
        seen = {str(key): seq for key, seq in opened.items() if isinstance(seq, int)} if isinstance(opened, dict) else {}
        ctx = request.app.ctx
        connection = DeskConnection(
            services, ctx.hub, ctx.board, socket, session.agent, cookie=cookie or "", channels=ctx.channels, marks=ctx.read_marks
        )
        with ctx.hub.joined(connection, sockets.QUEUE, session.agent.id):
            connection.resume(seen)
            await sockets.send(socket, {"type": "ready", "presence": session.agent.presence})
            await sockets.both(connection.deliver(), connection.show_queue(), connection.listen(), connection.beat())

    await sockets.serve(request, socket, handle)


blueprint.add_websocket_route(desk_socket, "/ws/desk")


class DeskConnection:
    def __init__(
        self,
        services: Services,
        hub: Hub,
        board: Board,
        socket: Websocket,
        agent: store.Row,
        *,
        cookie: str,
        channels: Mapping[str, Channel],
        marks: ReadMarks,
    ) -> None:
        self._services = services
        self._hub = hub
        self._board = board
        self._marks = marks
        self._channels = channels
        self._socket = socket
        self._agent = agent
        self._seen: dict[str, int] = {}  # conversation -> last seq sent
        self._cookie = cookie
        self._changed: set[str] = set()
        self._alerts: list[str] = []
        self._typing: set[str] = set()
        self._read: dict[str, int] = {}  # conversation -> how far its customer has read
        self._typed: dict[str, float] = {}
        self._own: dict[str, Any] = {}
        self._own_news = True
        self._shown: dict[str, Any] | None = None
        self._queue_news = asyncio.Event()
        self._news = asyncio.Event()
        self._heard_at = time.monotonic()
        self._heard = asyncio.Event()

    def resume(self, seen: Mapping[str, int]) -> None:
        """Go on after the places that the desk has, and look at the queue."""
        for conversation_id, seq in seen.items():
            self._follow(conversation_id, seq)
        self._changed |= set(seen)
        self._news.set()
        self._board.moved()

    def _follow(self, conversation_id: str, seq: int) -> None:
        self._seen[conversation_id] = seq
        self._hub.follow(self, conversation_id)

    def poke(self, wake: Wake | None) -> None:
        if wake is None:
            self._own_news = True
            self._changed |= set(self._seen)
        elif wake.news in sockets.PASSED_ON:
            if wake.sender != Sender.CUSTOMER or wake.conversation_id not in self._seen:
                return
            if wake.news == News.TYPING:
                self._typing.add(wake.conversation_id)
            else:
                self._read[wake.conversation_id] = wake.seq
        elif wake.news == News.MESSAGES:
            self._changed.add(wake.conversation_id)
        else:  # sent when the board has looked
            if wake.news == News.ALERT:
                self._alerts.append(wake.escalation_id)
            self._own_news |= wake.news == News.QUEUE
            return
        self._news.set()

    def queue_moved(self) -> None:
        self._queue_news.set()

    async def deliver(self) -> None:
        """Send what is said, read and being written in the conversations of this desk."""
        while True:
            await self._news.wait()
            self._news.clear()
            changed, self._changed = self._changed, set()
            for conversation_id in changed:
                await self._send_conversation(conversation_id)
            typing, self._typing = self._typing, set()
            for conversation_id in typing - changed:  # whoever has sent it types no more
                await sockets.send(self._socket, {"type": "typing", "conversation_id": conversation_id})
            read, self._read = self._read, {}
            for conversation_id, seq in read.items():
                await sockets.send(self._socket, {"type": "read", "conversation_id": conversation_id, "seq": seq})

    async def show_queue(self) -> None:
        """Send the queue when it has moved, beside the messages: they wait for no list."""
        while True:
            await self._queue_news.wait()
            self._queue_news.clear()
            await self._send_queue_and_alerts()

    async def _send_queue_and_alerts(self) -> None:
        look = self._board.look
        if self._own_news:
            self._own_news = False
            self._own = await self._board.own(self._agent.id)
        view = queue_view(self._agent, look, self._own)
        if view != self._shown:
            self._shown = view
            await sockets.send(self._socket, {"type": "queue", **view})
        new = {entry["conversation_id"] for entry in view["mine"]} - self._seen.keys()
        if new:
            self._changed |= new
            self._news.set()
        alerts, self._alerts = self._alerts, []
        waiting = {entry["escalation_id"] for entry in view["waiting"]}
        for escalation_id in alerts:
            if escalation_id in waiting:
                await sockets.send(self._socket, {"type": "alert", "escalation_id": escalation_id})

    async def _send_conversation(self, conversation_id: str) -> None:
        """Send what is new in a conversation that is open here or this agent's."""
        asked = self._seen.get(conversation_id)
        standing = await self._services.standings.of(conversation_id, asked)
        if standing is None or self._seen.get(conversation_id) != asked:
            return  # `open` has asked for another place meanwhile, which comes next
        row = standing.row
        if asked is None:
            if row.status != Status.AGENT or row.agent_id != self._agent.id:
                return
            self._follow(conversation_id, row.last_seq - 1)
        after = self._seen[conversation_id]
        await self._services.looks.at_conversation(self._agent.id, row.id, owner=row.agent_id)
        found, views, delivery = await self._said(standing, after)
        for message, view in zip(found, views, strict=True):
            if self._seen[conversation_id] != after:
                return  # `open` has asked for another place meanwhile, which comes next
            self._seen[conversation_id] = after = message.seq
            await sockets.send(self._socket, {"type": "message", "message": view})
        if len(found) == store.BATCH:
            self._changed.add(conversation_id)  # there is more
            self._news.set()
        state = standing_view(row, row.agent_name) | {"delivery": delivery}
        await sockets.send(self._socket, {"type": "conversation", "conversation": state})

    async def _said(self, standing: Standing, after: int) -> tuple[list[Message], list[dict[str, Any]], dict[str, Any] | None]:
        """Return what was said after this place, as the desk shows it, and how it is delivered; read anew where it is much."""
        row, found = standing.row, standing.said
        if found is not None and row.channel is None:
            return found, [message_view(message, standing.names, desk=True) for message in found], None
        async with self._services.database.read() as connection:
            found = await store.messages_after(connection, row.id, after)
            return found, await messages_view(connection, found, desk=True), await delivery_view(connection, self._channels, row)

    async def _missed(self) -> set[str]:
        """Return the conversations that are further than what was sent: a wake-up was lost."""
        seen = dict(self._seen)
        places = await self._services.standings.places(seen) if seen else {}
        return {conversation_id for conversation_id, seq in seen.items() if places.get(conversation_id, 0) > seq}

    async def listen(self) -> None:
        while (frame := await sockets.receive(self._socket)) is not None:
            self._heard_at = time.monotonic()
            self._heard.set()
            conversation_id, kind = frame.get("conversation_id"), frame.get("type")
            if kind == "open" and isinstance(conversation_id, str) and isinstance(frame.get("after"), int):
                self._follow(conversation_id, frame["after"])
                self._changed.add(conversation_id)
                self._news.set()
            elif kind == "typing" and isinstance(conversation_id, str):
                await self._tell_typing(conversation_id)
            elif kind == "read" and isinstance(conversation_id, str):
                self._keep_mark(conversation_id, frame.get("seq"))

    def _keep_mark(self, conversation_id: str, seq: object) -> None:
        """Note how far the agent has read what is open here; whether it is theirs is decided in SQL."""
        if conversation_id in self._seen and isinstance(seq, int) and 0 < seq < LARGEST_SEQ:
            self._marks.note(Mark(Sender.AGENT, conversation_id, seq, self._agent.id))

    async def _tell_typing(self, conversation_id: str) -> None:
        if time.monotonic() - self._typed.get(conversation_id, -math.inf) < sockets.TYPING_S:
            return
        self._typed[conversation_id] = time.monotonic()
        async with self._services.database.read() as connection:
            try:
                row = await store.conversation(connection, conversation_id)
            except BotError:
                return
        if row.agent_id == self._agent.id and row.status == Status.AGENT:
            await self._services.wake.send(Wake(News.TYPING, row.id, row.thread_id, sender="agent"))

    async def beat(self) -> None:
        """Keep the agent present while the other side answers; end the connection when it does not, or the session is over."""
        has_arrived = False
        while time.monotonic() - (noted_at := self._heard_at) < SILENT_S:
            await self._services.sessions.of(self._cookie)
            with contextlib.suppress(*REDIS_DOWN):  # presence comes back with the next beat
                await self._services.presence.beat(self._agent.id, heard_s_ago=time.monotonic() - noted_at)
                if not has_arrived:
                    await self._services.wake.send(Wake(News.QUEUE))  # who waits learns that somebody is there
                    has_arrived = True
            self._heard.clear()
            await sockets.send(self._socket, {"type": "ping"})
            missed = await self._missed()
            self._changed |= missed  # not in one line: that loads the set before it waits, and `deliver` takes it meanwhile
            if missed:
                self._news.set()
            self._own_news = True  # what a lost wake-up did not tell comes with the board's next look
            if time.monotonic() - noted_at < LATE_S:
                await asyncio.sleep(math.floor(time.monotonic() + BEAT_S) - time.monotonic())  # desks look at the same time, together
            else:  # the lease is about to end: an answer counts at once, not with the next beat
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._heard.wait(), BEAT_S)
