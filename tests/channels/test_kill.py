"""Workers killed with -9 while they send: nothing is lost, at most one call is repeated, with its key."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.database.channels import channel_threads
from bot.ids import utcnow
from bot.messages import Reply, Turn
from tests.channels.conftest import SECRET, Post
from tests.channels.simulator import Says
from tests.fakes import FakeRasa

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@contextmanager
def worker(services: Services, post: Post) -> Iterator[subprocess.Popen[bytes]]:
    settings = services.settings
    environment = {
        **os.environ,
        "YINGDA_DATA_DIR": str(settings.data_dir),
        "YINGDA_DATA_KEY": settings.data_key,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "YINGDA_CHANNELS": "webhook",
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_URL": f"{post.vendor.url}/in",
        "RASA_PORT": "9",
    }
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "bot.worker"], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


async def until(post: Post, count: int) -> None:
    async with asyncio.timeout(40):
        while len(post.vendor.received) < count:
            await asyncio.sleep(0.02)


async def test_a_worker_killed_between_send_and_record_repeats_one_call(
    services: Services, service: ConversationService, post: Post, rasa: FakeRasa
) -> None:
    rasa.answer = lambda request: Turn(message_id=request.message_id, replies=[Reply(text=text) for text in ("one", "two", "three")])
    await post.say("count")
    post.vendor.script = [Says(), Says(delay_s=30)]  # accepts the second and is slow to say so

    with worker(services, post) as first:
        await until(post, 2)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    async with services.database.write() as connection:
        await connection.execute(sa.update(channel_threads).values(owned_until=utcnow()))  # its lease is over
    with worker(services, post):
        await until(post, 4)
        async with asyncio.timeout(20):
            while {state for state, _ in await post.states()} != {"sent"}:
                await asyncio.sleep(0.05)

    sent = [json.loads(request.body) for request in post.vendor.received]
    assert [each["text"] for each in sent] == ["one", "two", "two", "three"]
    assert sent[1]["id"] == sent[2]["id"]
