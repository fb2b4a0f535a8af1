"""Redis as a client meets it: a server that stands still holds nobody up for long."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest

from bot.conversations.wake import News, Wake, Wakeups
from bot.redis import PROMPT_S, connect


@pytest.mark.slow
async def test_a_server_that_stands_still_holds_no_wake_up_for_long(tmp_path: Path) -> None:
    """Found by benchmarks.chaos: with Redis stopped for 11 s no customer's message was acknowledged for 20 s."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{tmp_path}/redis.sock")
        server.listen()  # whoever connects is connected, and never heard
        redis = connect(f"unix://{tmp_path}/redis.sock")
        began = time.monotonic()

        await Wakeups(redis).send(Wake(News.QUEUE))

        assert time.monotonic() - began < PROMPT_S + 2
        await redis.aclose()
