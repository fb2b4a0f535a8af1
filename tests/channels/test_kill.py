"""Processes killed with -9, on every kind of channel: what was acknowledged is answered, at most one call to the vendor is repeated."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import aiohttp
import msgspec
import pytest
import sqlalchemy as sa
from aiohttp import web

from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.database.channels import channel_threads, outbox
from bot.database.conversations import conversations, messages
from bot.ids import utcnow
from bot.messages import Reply, Turn, TurnRequest
from tests.channels.conftest import Post
from tests.channels.processes import knock, listening, process
from tests.channels.simulator import Received, Says, Vendor
from tests.channels.vendors import CALLED, Case
from tests.dialogue.system import free_port
from tests.fakes import FakeRasa, echo

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

KINDS = {case.kind: case for case in CALLED}


async def leases_are_over(services: Services) -> None:
    """Let the leases of the dead end, which would take 15 and 40 s."""
    past = utcnow() - timedelta(seconds=10)
    async with services.database.write() as connection:
        await connection.execute(sa.update(channel_threads).values(owned_until=past))
        await connection.execute(sa.update(conversations).values(turn_until=past, updated_at=past))


async def until_all_is_sent(services: Services) -> None:
    async with asyncio.timeout(40):
        while True:
            async with services.database.read() as connection:
                states = set((await connection.execute(sa.select(outbox.c.state).distinct())).scalars())
            if states == {"sent"}:
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("database_kind", ["postgresql"])
async def test_a_worker_killed_between_send_and_record_repeats_one_call(
    services: Services, service: ConversationService, post: Post, rasa: FakeRasa
) -> None:
    rasa.answer = lambda request: Turn(message_id=request.message_id, replies=[Reply(text=text) for text in ("one", "two", "three")])
    await post.say("count")
    post.vendor.script = [Says(), Says(delay_s=30)]  # accepts the second and is slow to say so

    with process("bot.worker", services, post.vendor.url):
        await _until(lambda: len(post.vendor.received) == 2)
    await leases_are_over(services)
    with process("bot.worker", services, post.vendor.url):
        await until_all_is_sent(services)

    sent = [json.loads(request.body) for request in post.vendor.received]
    assert [each["text"] for each in sent] == ["one", "two", "two", "three"]
    assert sent[1]["id"] == sent[2]["id"]


@dataclass
class Vendors:
    """The vendors of every kind at one address, told apart by the first part of the path; each holds one text to be pulled."""

    slow: bool = True  # they accept what we send and are slow to say so

    def says(self, got: Received) -> Says:
        case, request = self._case(got)
        if case.is_send(request):
            return replace(case.taken, delay_s=60 if self.slow else 0)
        if request.path == "/cgi-bin/kf/sync_msg":
            return Says(body=_page(json.loads(request.body)["cursor"]))
        return case.token or Says()

    def sends(self, received: list[Received]) -> list[tuple[str, str, str]]:
        """Return kind, text and idempotency key of all that was sent."""
        found = [self._case(got) for got in received]
        return [(case.kind, case.sent(request), case.key(request)) for case, request in found if case.is_send(request)]

    def _case(self, got: Received) -> tuple[Case, Received]:
        kind, _, path = got.path[1:].partition("/")
        return KINDS[kind], replace(got, path=f"/{path}")


def _page(cursor: str) -> bytes:
    message = {
        "msgid": "m1",
        "open_kfid": "wk1",
        "external_userid": "u1",
        "send_time": int(time.time()),
        "origin": 3,
        "msgtype": "text",
        "text": {"content": "wecom_kf"},
    }
    found = [] if cursor else [message]
    return json.dumps({"errcode": 0, "errmsg": "ok", "next_cursor": "1", "has_more": 0, "msg_list": found}).encode()


@asynccontextmanager
async def slow_rasa(port: int) -> AsyncIterator[asyncio.Event]:
    """A Rasa that answers when the event is set, and repeats what it hears."""
    go_on = asyncio.Event()

    async def turn(request: web.Request) -> web.Response:
        asked = msgspec.json.decode(await request.read(), type=TurnRequest)
        await go_on.wait()
        return web.Response(body=msgspec.json.encode(echo(asked)), content_type="application/json")

    app = web.Application()
    app.router.add_post("/webhooks/yingda/turn", turn)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield go_on
    finally:
        await runner.cleanup()


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(40):
        while not is_so():
            await asyncio.sleep(0.02)


async def _acknowledged(port: int) -> list[int]:
    """Send a message on each channel; return how they were answered."""
    await listening(port)
    requests = [(case.kind, case.sign(case.payload(case.kind, "m1", "u1"), time.time())) for case in CALLED]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http:
        return list(await asyncio.gather(*(knock(http, f"/webhooks/{kind}", wanted) for kind, wanted in requests)))


@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_who_was_acknowledged_is_answered_whoever_is_killed(services: Services, simulator: Vendor) -> None:
    vendors, rasa_port, port = Vendors(), free_port(), free_port()
    simulator.always = vendors.says

    async with slow_rasa(rasa_port) as rasa_answers:
        with process("bot.web.app", services, simulator.url, rasa_port=rasa_port, port=port):
            assert set(await _acknowledged(port)) == {200}
        assert simulator.received == [], "it was killed before anybody was answered"
        await leases_are_over(services)
        rasa_answers.set()
        with process("bot.worker", services, simulator.url, rasa_port=rasa_port):
            await _until(lambda: len(vendors.sends(simulator.received)) == len(CALLED))
        vendors.slow = False
        await leases_are_over(services)
        with process("bot.worker", services, simulator.url, rasa_port=rasa_port):
            await until_all_is_sent(services)

    sends = Counter(vendors.sends(simulator.received))
    assert {(kind, text): count for (kind, text, _), count in sends.items()} == {(kind, f"you said {kind}"): 2 for kind in KINDS}
    keys = {kind: key for kind, _, key in sends}
    assert {kind for kind, key in keys.items() if key} == {"webhook", "line", "feishu", "wecom_kf"}, "these deliver a key once"
    async with services.database.read() as connection:
        said = (await connection.execute(sa.select(messages.c.conversation_id, messages.c.sender, messages.c.text))).all()
    assert Counter((row.sender, row.text) for row in said) == Counter(
        {**{("customer", kind): 1 for kind in KINDS}, **{("bot", f"you said {kind}"): 1 for kind in KINDS}}
    )
    assert len({row.conversation_id for row in said}) == len(CALLED)
