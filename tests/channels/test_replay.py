"""What a vendor sends again, and to two processes at once, is there once."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import ExitStack

import aiohttp
import pytest
import sqlalchemy as sa

from bot.channels.base import WebhookRequest
from bot.conversations.services import Services
from bot.database.conversations import conversations, messages, threads
from tests.channels.processes import knock, listening, process
from tests.channels.vendors import CALLED, Case
from tests.dialogue.system import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

TEXTS = ("one", "two", "three")


def captured(case: Case) -> list[WebhookRequest]:
    """Return what the vendor sends when a customer writes three texts at once: one request where it sends batches, else three."""
    payloads = [case.payload(text, f"m-{text}", "u1") for text in TEXTS]
    if case.batch_of:
        bodies = [json.loads(payload) for payload in payloads]
        payloads = [json.dumps({**bodies[0], case.batch_of: [each for body in bodies for each in body[case.batch_of]]}).encode()]
    return [case.sign(payload, time.time()) for payload in payloads]


async def test_batches_that_come_six_times_in_two_processes_are_there_once(services: Services) -> None:
    ports = [free_port(), free_port()]
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(process("bot.web.app", services, "http://127.0.0.1:9", port=port))
        await asyncio.gather(*map(listening, ports))
        requests = [(case.kind, wanted) for case in CALLED for wanted in captured(case)]
        addresses = [f"http://127.0.0.1:{port}/webhooks/" for port in ports]
        async with aiohttp.ClientSession() as http:
            for _ in range(3):
                again = [knock(http, f"{address}{kind}", wanted) for kind, wanted in requests for address in addresses]
                assert set(await asyncio.gather(*again)) <= {200, 409}

    assert await _kept(services) == {case.kind: (1, sorted(TEXTS)) for case in CALLED if not case.only_signals}


async def _kept(services: Services) -> dict[str, tuple[int, list[str]]]:
    """Return how many conversations each channel has, and what its customer has said."""
    query = (
        sa.select(threads.c.inbox_id, conversations.c.id, messages.c.text)
        .join(conversations, conversations.c.thread_id == threads.c.id)
        .join(messages, messages.c.conversation_id == conversations.c.id)
        .where(messages.c.sender == "customer")
    )
    async with services.database.read() as connection:
        rows = (await connection.execute(query)).all()
    kinds = {row.inbox_id for row in rows}
    mine = {kind: [row for row in rows if row.inbox_id == kind] for kind in kinds}
    return {kind: (len({row.id for row in said}), sorted(row.text for row in said)) for kind, said in mine.items()}
