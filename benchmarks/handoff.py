"""The hand-off under load: visitors arrive, ask for a person, queue, are served and leave, while a separate checker reads the logs.

`python -m benchmarks.handoff [--visitors 3000 --agents 100 --arrivals 50 --minutes 5 --handle-s 60 --capacity 30] [--json]`

In the shape of the load plan that bytedesk published and never filled in (jmeter/bytedesk-load-test-plan.md, section 5.3.1). Web, worker
and Redis are the real processes; only the bot is a stand-in that hands everybody over at once: benchmarks.turns measures the bot.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import click
import psutil
import sqlalchemy as sa
from aiohttp import web

from benchmarks.claims import embedded_claim_times_us
from benchmarks.handoff_check import check, read_record
from benchmarks.handoff_clients import World, agent, onlooker, visitor
from benchmarks.measure import use_of
from bot.conversations.accounts import new_agent
from bot.database import sync_engine
from bot.database.migrate import migrate
from bot.database.people import agents
from bot.escalations.queue import GENERATION
from bot.ids import new_id
from bot.redis import connect
from bot.settings import Settings, load_settings
from bot.system.child import Running
from bot.system.processes import Process, listening_socket, python_process, redis_process, web_processes
from bot.system.ready import get_json

ROOT = Path(__file__).parents[1]
READY_WITHIN_S = 60.0
QUIET_S = 5.0  # nobody was shown a message for so long
QUIET_WITHIN_S = 120.0
OPENED_AT_ONCE = 20  # of the idle widgets whose memory is measured
LEAVES_WITHIN_S = 60.0  # after the arrivals' time, for those who are still served


@dataclass(frozen=True)
class Plan:
    visitors: int
    agents: int
    arrivals: float  # a second
    minutes: float
    handle_s: float
    capacity: int
    web_workers: int
    database: str


@asynccontextmanager
async def system(plan: Plan, folder: Path) -> AsyncIterator[tuple[Settings, str, dict[str, Running]]]:
    """Run Redis, web and worker on an empty database; yields settings, the agents' password and the processes."""
    given = {
        "YINGDA_DATA_DIR": str(folder),
        "YINGDA_DEMO": "false",
        "ASSIGNMENT": "least_loaded",
        "PROXIES_COUNT": "1",
        "LOG_LEVEL": "WARNING",
    }
    if plan.database:
        given["DATABASE_URL"] = plan.database
    stand_in, rasa_port = await _stand_in()
    settings = load_settings(given | {"RASA_PORT": str(rasa_port)}, root=folder)
    settings = replace(settings, port=0, web_workers=max(2, plan.web_workers))
    migrate(settings.database_url)
    password = staff(settings, plan.agents, capacity=plan.capacity)
    listening = listening_socket(settings)
    assert listening is not None
    port = listening.getsockname()[1]
    given |= {"RASA_PORT": str(rasa_port), "PORT": str(port)}
    webs = web_processes(replace(settings, port=port), ROOT, listening)[: plan.web_workers]
    wanted = [redis_process(settings, ROOT), *webs, python_process("worker", "bot.worker", settings=settings, root=ROOT)]
    running: dict[str, Running] = {}
    async with AsyncExitStack() as stack:
        stack.push_async_callback(stand_in.cleanup)
        for process in wanted:
            running[process.name] = await _start(process, given, folder)
            stack.push_async_callback(running[process.name].end)
        await _until_ready(settings, port)
        yield replace(settings, port=port), password, running
    listening.close()


async def _until_ready(settings: Settings, port: int) -> None:
    """Return when the web app answers and the queue stands."""
    redis = connect(settings.redis_url)
    async with asyncio.timeout(READY_WITHIN_S):
        while not (await get_json("127.0.0.1", port, "/readyz") or {}).get("redis") or not await redis.exists(GENERATION):
            await asyncio.sleep(0.2)
    await redis.aclose()


async def _start(process: Process, given: dict[str, str], folder: Path) -> Running:
    running = await Running.start(replace(process, environment={**process.environment, **given}))
    log = folder / f"{process.name}.log"

    async def keep() -> None:
        with log.open("wb") as file:
            while data := await running.output.read(65536):
                file.write(data)

    running.keeping = asyncio.create_task(keep())  # type: ignore[attr-defined]
    return running


async def _stand_in() -> tuple[web.AppRunner, int]:
    """Hand everybody over at once, as Rasa would whom they ask for a person."""

    async def turn(request: web.Request) -> web.Response:
        asked = await request.json()
        reply = {"text": "I am connecting you."}
        return web.json_response({"message_id": asked["message_id"], "replies": [reply], "hand_off": {"reason": "customer_request"}})

    async def status(_request: web.Request) -> web.Response:
        return web.json_response({"model": "stand-in"})

    app = web.Application()
    app.add_routes([web.post("/webhooks/yingda/turn", turn), web.get("/status", status)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, int(runner.addresses[0][1])


def staff(settings: Settings, count: int, *, capacity: int) -> str:
    """Make the agents agent0, agent1 … and return their password."""
    password = secrets.token_hex(8)
    like = new_agent(
        username="agent", display_name="", password=password, role="agent", languages=["zh", "en"], topics=[], capacity=capacity
    )
    engine = sync_engine(settings.database_url)
    with engine.begin() as connection:
        rows = [like | {"id": new_id(), "username": f"agent{number}", "display_name": f"Agent {number}"} for number in range(count)]
        connection.execute(sa.insert(agents), rows)
    engine.dispose()
    return password


async def run(plan: Plan) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="yingda-handoff-") as folder:
        async with system(plan, Path(folder)) as (settings, password, running):
            world = World(f"http://127.0.0.1:{settings.port}", plan.handle_s)
            kb_per_widget = await _idle_widgets(world, plan.visitors, running)
            desks = [asyncio.create_task(agent(world, f"agent{number}", password, number)) for number in range(plan.agents)]
            await asyncio.sleep(2 + plan.agents * 0.1)  # they log in; each password takes its time on purpose
            idle = {name: use_of(one.pid).cpu_s for name, one in running.items()}
            began, own = time.monotonic(), psutil.Process().cpu_times()
            await _arrive(world, plan)
            took_s, own_after = time.monotonic() - began, psutil.Process().cpu_times()
            use = {name: use_of(one.pid) for name, one in running.items()}
            await world.until_quiet(QUIET_S, most_s=QUIET_WITHIN_S)
            for desk in desks:
                desk.cancel()
            await asyncio.gather(*desks, return_exceptions=True)
        engine = sync_engine(settings.database_url)
        found = check(world.log, read_record(engine), capacity=plan.capacity)
        engine.dispose()
    found |= await embedded_claim_times_us()
    said = sum(line["did"] == "sent" for line in world.log)
    cpu_s = {name: one.cpu_s - idle[name] for name, one in use.items()}  # without starts and log-ins
    found |= {"visitors": plan.visitors, "resolved": len(world.resolved), "refused": sum(line["did"] == "refused" for line in world.log)}
    found |= {"broken_lines": sum(line["did"] == "broke" for line in world.log)}
    found |= {
        "messages": said,
        "messages_per_s": round(said / took_s, 1),
        "cpu_ms_per_message": round(sum(cpu_s.values()) * 1000 / max(1, said), 2),
    }
    found["kb_per_widget"] = round(kb_per_widget, 1)
    found |= {f"{name}_cpu_s": round(spent, 1) for name, spent in cpu_s.items()}
    found |= {f"{name}_pss_mb": round(one.pss_mb, 1) for name, one in use.items()}
    return found | {"generator_cpu_s": round(sum(own_after[:2]) - sum(own[:2]), 1), "took_s": round(took_s, 1)}


async def _idle_widgets(world: World, count: int, running: dict[str, Running]) -> float:
    """Open so many widgets, close them again; return the web processes' memory for each beyond the first tenth, in kB.

    The first tenth bears what every process needs once.
    """
    opened = asyncio.Semaphore(0)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(world.url, connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        there: list[asyncio.Task[None]] = []

        async def open_until(number: int) -> float:
            while len(there) < number:
                group = range(len(there), min(number, len(there) + OPENED_AT_ONCE))
                there.extend(asyncio.create_task(onlooker(http, one, opened.release)) for one in group)
                for _ in group:
                    await asyncio.wait_for(opened.acquire(), READY_WITHIN_S)
            return _memory_mb(running)

        first = max(1, count // 10)
        before = await open_until(first)
        after = await open_until(count)
        for task in there:
            task.cancel()
        await asyncio.gather(*there, return_exceptions=True)
    return (after - before) * 1000 / max(1, count - first)


async def _arrive(world: World, plan: Plan) -> None:
    """Let visitors come at their rate, and wait until they have left."""
    end = time.monotonic() + plan.minutes * 60 + LEAVES_WITHIN_S
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(world.url, connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as http:
        there = []
        began = time.monotonic()
        for number in range(plan.visitors):
            await asyncio.sleep(max(0.0, began + number / plan.arrivals - time.monotonic()))
            there.append(asyncio.create_task(visitor(world, http, number)))
        _, pending = await asyncio.wait(there, timeout=max(0.0, end - time.monotonic()))
        world.is_over.set()
        if pending:
            await world.until_quiet(QUIET_S, most_s=QUIET_WITHIN_S)
        for task in pending:
            task.cancel()
        for failed in await asyncio.gather(*there, return_exceptions=True):
            if isinstance(failed, Exception):
                world.note("visitor", "refused", status=type(failed).__name__)


def _memory_mb(running: dict[str, Running]) -> float:
    return sum(use_of(one.pid).pss_mb for name, one in running.items() if name.startswith("web"))


@click.command()
@click.option("--visitors", default=60)
@click.option("--agents", default=6)
@click.option("--arrivals", default=5.0, help="visitors a second")
@click.option("--minutes", default=1.0)
@click.option("--handle-s", default=8.0)
@click.option("--capacity", default=5)
@click.option("--web-workers", default=1)
@click.option("--database", default="", help="an empty PostgreSQL database's URL; SQLite by default")
@click.option("--json", "as_json", is_flag=True)
def main(as_json: bool, **options: object) -> None:
    found = asyncio.run(run(Plan(**options)))  # type: ignore[arg-type]
    if as_json:
        click.echo(json.dumps(found))
    else:
        for name, value in found.items():
            click.echo(f"{name:<24} {value}")


if __name__ == "__main__":
    main()
