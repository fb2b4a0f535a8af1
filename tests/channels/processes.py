"""Processes of the product with a channel of every kind, to be killed or to race each other."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aiohttp

from bot.channels.base import WebhookRequest
from bot.conversations.services import Services
from tests.channels.vendors import CALLED

ROOT = Path(__file__).parents[2]


@contextmanager
def process(
    module: str,
    services: Services,
    vendor_url: str,
    *,
    rasa_port: int = 9,
    port: int = 9,
    mailbox: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `python -m module`, which knows a channel of every kind; each has a vendor of its own at the same place.

    E-mail, whose vendor is two servers of other protocols, is among them with the settings of a `mailbox`.
    """
    settings = services.settings
    accounts = {
        f"{case.kind}_{name}".upper(): value for case in CALLED for name, value in case.settings(f"{vendor_url}/{case.kind}").items()
    }
    accounts |= {f"EMAIL_{name}": value for name, value in (mailbox or {}).items()}
    environment = {
        **os.environ,
        **accounts,
        "YINGDA_CHANNELS": ",".join([*(case.kind for case in CALLED), *(["email"] if mailbox else [])]),
        "YINGDA_DATA_DIR": str(settings.data_dir),
        "YINGDA_DATA_KEY": settings.data_key,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "PORT": str(port),
        "RASA_PORT": str(rasa_port),
    }
    running = subprocess.Popen([sys.executable, "-W", "ignore", "-m", module], cwd=ROOT, env=environment)
    try:
        yield running
    finally:
        running.kill()  # -9
        running.wait()


async def listening(port: int) -> None:
    """Return when the web app of that port answers."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as http, asyncio.timeout(60):
        while True:
            try:
                async with http.get("/webhooks/nobody"):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


async def knock(http: aiohttp.ClientSession, url: str, wanted: WebhookRequest) -> int:
    """Send a vendor's request; return the status of the answer."""
    async with http.post(url, data=wanted.body, headers=dict(wanted.headers), params=dict(wanted.query)) as response:
        await response.read()
        return response.status
