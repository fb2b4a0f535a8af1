"""Messaging channels: webhooks a second, the acknowledgement's p99 while Rasa is saturated, how fast the outbox drains.

`python -m benchmarks.channels [--json]`. Everything on loopback, in a temporary folder, on SQLite or on `--database`; about a minute.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import aiohttp
import click
import sqlalchemy as sa

from benchmarks.channels_stored import fill
from benchmarks.measure import percentile, use_of
from benchmarks.ours import NEUTRAL, settings_of
from benchmarks.place import free_ports
from benchmarks.service import Service, end, running
from bot.channels.base import WebhookRequest
from bot.channels.client import VendorClient
from bot.channels.courier import Courier
from bot.channels.registry import open_channels
from bot.channels.signing import SIGNATURE, TIMESTAMP, signed_body
from bot.channels.tokens import Tokens
from bot.channels.webhook import Webhook
from bot.conversations import store
from bot.conversations.inbound import store_inbound
from bot.conversations.replies import bot_message
from bot.conversations.services import Services, open_services
from bot.database.channels import outbox
from bot.database.conversations import conversations
from bot.database.migrate import migrate
from bot.ids import new_id
from bot.messages import InboundMessage, Reply
from bot.redis import embedded_server_command
from bot.settings import ChannelSettings, Settings

SECRET = "0123456789abcdef" * 2
USERS = 200
WARM = 100


@dataclass(frozen=True)
class Measured:
    webhooks_per_s: float  # as many as the senders can: each waits for its answer
    ack_p50_ms: float  # at a steady rate, while Rasa is saturated
    ack_p99_ms: float
    outbox_per_s: float
    cpu_ms_per_sent: float  # of the courier's process, with its side of the connection to the vendor
    cpu_ms_per_webhook: float  # of the web app; depends least on what else the machine does
    webhooks: int
    rate_per_s: float


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output.")
@click.option("--webhooks", default=3000, show_default=True, help="Webhooks of the first measure.")
@click.option("--senders", default=8, show_default=True, help="Senders of the first measure.")
@click.option("--rate", default=100, show_default=True, help="Webhooks a second of the second measure.")
@click.option("--seconds", default=15, show_default=True, help="Length of the second measure.")
@click.option("--outbox", "messages", default=1000, show_default=True, help="Messages of the third measure.")
@click.option("--stored", default=0, show_default=True, help="Messages that are there before.")
@click.option("--database", default="", help="An empty PostgreSQL database; SQLite if not given.")
def main(*, as_json: bool, webhooks: int, senders: int, rate: int, seconds: int, messages: int, stored: int, database: str) -> None:
    """Measure messaging channels: webhooks a second, acknowledgements while Rasa is saturated, the outbox."""
    with tempfile.TemporaryDirectory(prefix="yingda-channels-") as folder, ExitStack() as stack:
        settings, web = _start(Path(folder), stack, database=database, stored=stored)
        measured = asyncio.run(_measure(settings, web, webhooks=webhooks, senders=senders, rate=rate, seconds=seconds, messages=messages))
    rows = asdict(measured)
    click.echo(json.dumps(rows, indent=2) if as_json else "\n".join(f"{key:<16} {value:>10.1f}" for key, value in rows.items()))


def _start(folder: Path, stack: ExitStack, *, database: str, stored: int) -> tuple[Settings, int]:
    """Start Redis, the web app, a saturated Rasa and the vendor; return the settings that they run with, and the web app's id."""
    web, rasa, vendor = free_ports(3)
    environment = {
        **NEUTRAL,
        "YINGDA_DATA_DIR": str(folder / "var"),
        "PORT": str(web),
        "RASA_PORT": str(rasa),
        "YINGDA_CHANNELS": "webhook",
        "WEBHOOK_SECRET": SECRET,
        "WEBHOOK_URL": f"http://127.0.0.1:{vendor}/in",
        "DATABASE_URL": database,
        # Whoever is behind a saturated Rasa for 8 s goes to a person, which ends the saturation; here everybody waits.
        "RASA_TIMEOUT_S": "600",
        "RASA_NOTICE_S": "600",
    }
    settings = settings_of(environment)
    migrate(settings.database_url)
    if stored:
        fill(settings.database_url, stored, inbox="webhook")
    stack.enter_context(_redis(settings))
    for service in (
        Service("vendor", ["benchmarks.vendor", str(vendor)], vendor),
        Service("rasa", ["benchmarks.busy_rasa", str(rasa)], rasa),
        Service("web", ["bot.web.app"], web, environment),
    ):
        started = stack.enter_context(running(service, folder))
        started.wait_until_listening()
    return settings, started.process.pid


@contextmanager
def _redis(settings: Settings) -> Iterator[None]:
    process = subprocess.Popen(embedded_server_command(settings.redis_socket), stdout=subprocess.DEVNULL)
    try:
        while not settings.redis_socket.exists() and process.poll() is None:
            time.sleep(0.01)
        yield
    finally:
        end(process)


async def _measure(settings: Settings, web: int, *, webhooks: int, senders: int, rate: int, seconds: int, messages: int) -> Measured:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(settings.public_url, connector=connector) as http, open_services(settings) as services:
        say("warming up")
        await _at_once(http, WARM, senders)
        say(f"{webhooks} webhooks from {senders} senders")
        began, cpu_s = time.perf_counter(), use_of(web).cpu_s
        await _at_once(http, webhooks, senders)
        webhooks_per_s = webhooks / (time.perf_counter() - began)
        cpu_ms = (use_of(web).cpu_s - cpu_s) * 1000 / webhooks
        say(f"{rate} webhooks a second for {seconds} s, with Rasa behind by {await _unanswered(services)} messages")
        times = await _steadily(http, rate, seconds)
        say(f"an outbox of {messages} messages")
        per_s, cpu_ms_per_sent = await _drain(services, messages)
    return Measured(
        webhooks_per_s=webhooks_per_s,
        ack_p50_ms=percentile(times, 0.5) * 1000,
        ack_p99_ms=percentile(times, 0.99) * 1000,
        outbox_per_s=per_s,
        cpu_ms_per_sent=cpu_ms_per_sent,
        cpu_ms_per_webhook=cpu_ms,
        webhooks=webhooks + len(times),
        rate_per_s=rate,
    )


def say(text: str) -> None:
    click.echo(text, err=True)


def _signed(number: int) -> tuple[bytes, dict[str, str]]:
    body = json.dumps({"messages": [{"id": new_id(), "user": f"user-{number % USERS}", "text": "我的订单到哪了？"}]}).encode()
    timestamp = str(int(time.time()))
    channel = Webhook(ChannelSettings("webhook", "webhook", {"SECRET": SECRET, "URL": "http://127.0.0.1"}))
    signature = signed_body(SECRET, timestamp, body)
    assert channel.parse(WebhookRequest("POST", "", {}, {TIMESTAMP: timestamp, SIGNATURE: signature}, body, time.time())).messages
    return body, {TIMESTAMP: timestamp, SIGNATURE: signature}


async def _post(http: aiohttp.ClientSession, body: bytes, headers: dict[str, str]) -> float:
    began = time.perf_counter()
    async with http.post("/webhooks/webhook", data=body, headers=headers) as response:
        await response.read()
        if response.status != 200:
            raise RuntimeError(f"a webhook was answered with {response.status}")
    return time.perf_counter() - began


async def _at_once(http: aiohttp.ClientSession, count: int, senders: int) -> None:
    waiting = iter([_signed(number) for number in range(count)])

    async def send() -> None:
        for body, headers in waiting:
            await _post(http, body, headers)

    await asyncio.gather(*(send() for _ in range(senders)))


async def _steadily(http: aiohttp.ClientSession, rate: int, seconds: int) -> list[float]:
    """Send at a rate that does not wait for answers; return the seconds that each took."""
    began, tasks = time.perf_counter(), []
    for number in range(rate * seconds):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        tasks.append(asyncio.create_task(_post(http, *_signed(number))))
    return list(await asyncio.gather(*tasks))


async def _unanswered(services: Services) -> int:
    behind = conversations.c.answered_seq < conversations.c.customer_seq
    async with services.database.read() as connection:
        return int((await connection.execute(sa.select(sa.func.count()).select_from(conversations).where(behind))).scalar_one())


async def _drain(services: Services, count: int) -> tuple[float, float]:
    """Put one message each into the outbox of so many threads and let a courier deliver them; return messages a second, CPU ms of each."""
    async with services.database.write() as connection:
        await connection.execute(sa.delete(outbox))
        for number in range(count):
            inbound = InboundMessage(inbox_id="webhook", channel_user=f"drain-{number}", client_id="1", text="hello there", by_channel=True)
            stored = await store_inbound(connection, inbound, default_language="en", hours=services.hours)
            row = await store.conversation(connection, stored.message.conversation_id)
            seq = await store.advance(connection, row.id, 1)
            assert seq is not None
            await store.add_message(connection, bot_message(row, seq, Reply(text="your order is on its way")))
    client = VendorClient()
    channels = open_channels(services.settings)
    for channel in channels.values():
        channel.traits = replace(channel.traits, per_s=1e6)  # type: ignore[misc] - the account's limit is not what is measured
    courier = Courier(
        database=services.database,
        redis=services.redis,
        shares=services.shares,
        channels=channels,
        tokens=Tokens(services.database, services.cipher, client),
        client=client,
    )
    began, cpu_s = time.perf_counter(), time.process_time()
    await courier.drain()
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_s
    await client.close()
    return count / seconds, cpu_s * 1000 / count


if __name__ == "__main__":
    main()
