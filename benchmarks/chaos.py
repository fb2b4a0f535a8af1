"""The whole system under faults: customers and agents talk while its processes die, stand still and go on; then a checker reads the logs.

`python -m benchmarks.chaos --minutes 10 --seed 1 [--database URL] [--broken NAME] [--json]`

Everything is real, as `yingda up` starts it, with the demo's shop for deeds that must not be done twice. The faults follow from the seed.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import click
import jwt
import sqlalchemy as sa

from benchmarks.broken import BUILDS
from benchmarks.chaos_check import Violation, check, of
from benchmarks.chaos_clients import REQUEST, Customer, Desk, Stage
from benchmarks.chaos_faults import Breaker, schedule, targeted
from benchmarks.chaos_proxy import Proxy
from benchmarks.chaos_record import Record, read_record
from benchmarks.chaos_record import keep as keep_run
from benchmarks.handoff import staff
from benchmarks.place import ROOT
from bot.crypto import open_cipher
from bot.database import reading, sync_engine
from bot.database import shop as shop_tables
from bot.database.conversations import conversations
from bot.database.migrate import migrate
from bot.ids import utcnow
from bot.nlu.training import is_trained, newest_model
from bot.redis import connect
from bot.settings import Settings, load_settings
from bot.shop.sample import generate, load
from tests.e2e.system import System

SHOP_CUSTOMERS = 300
BUYERS = 4  # every so-manieth customer is known to the shop and sends something back
HANDLE_S = 6.0
CAPACITY = 8
READY_WITHIN_S = 90.0
QUIET_S = 180.0  # at most, until all is settled
BROKEN_QUIET_S = 60.0  # twice the longest lease; what a broken build owes it never gives


@dataclass(frozen=True)
class Plan:
    minutes: float
    seed: int
    customers: int
    agents: int
    database: str
    broken: str


async def run(plan: Plan, *, keep: Path | None = None) -> dict[str, Any]:
    """Run it all and return what was found; `keep` gets the clients' log, the rows that were checked and the processes' own logs."""
    with tempfile.TemporaryDirectory(prefix="yingda-chaos-") as name:
        system = _system(Path(name) / "var", plan)
        settings = load_settings(system.environment, root=system.folder)
        began = utcnow()
        password, buyers = _prepare(settings, plan)
        try:
            await asyncio.to_thread(system.start)
            stage, faults = await _play(plan, system, settings, password, buyers)
        finally:
            await asyncio.to_thread(system.stop)
            if keep:
                shutil.copytree(system.folder / "logs", keep, dirs_exist_ok=True)
        engine = sync_engine(settings.database_url)
        record = read_record(engine, since=began)
        engine.dispose()
    if keep:
        keep_run(keep, stage.log, record)
    found = check(stage.log, record) + _empty(stage, record)
    return {"violations": [asdict(one) for one in found], "faults": dict(sorted(faults.items())), **_counts(stage, record)}


def _system(folder: Path, plan: Plan) -> System:
    given = {"YINGDA_DEMO": "false", "ASSIGNMENT": "least_loaded", "WEB_WORKERS": "2", "PROXIES_COUNT": "1"}
    if plan.database:
        given["DATABASE_URL"] = plan.database
    system = System(folder, **given)
    if plan.broken:
        system.command = ("-m", "benchmarks.broken", plan.broken, "bot.cli", "up")
    own = load_settings(root=ROOT)
    if is_trained(own, root=ROOT):  # otherwise `yingda up` trains, which takes minutes
        (folder / "models").mkdir(parents=True)
        shutil.copy(newest_model(own), folder / "models")
    return system


def _prepare(settings: Settings, plan: Plan) -> tuple[str, list[str]]:
    """Fill the database; return the agents' password and the shop's customers who can send something back."""
    migrate(settings.database_url)
    engine = sync_engine(settings.database_url)
    load(engine, open_cipher(settings), generate(SHOP_CUSTOMERS, plan.seed))
    orders, shipments = shop_tables.orders, shop_tables.shipments
    recent = (
        sa.select(orders.c.customer_id)
        .join(shipments, shipments.c.order_number == orders.c.number)
        .where(orders.c.status == "delivered", shipments.c.delivered_at > utcnow() - timedelta(days=20))
        .distinct()
        .order_by(orders.c.customer_id)
    )
    with reading(engine) as connection:
        buyers = list(connection.execute(recent).scalars())
    engine.dispose()
    return staff(settings, plan.agents, capacity=CAPACITY), buyers


async def _play(plan: Plan, system: System, settings: Settings, password: str, buyers: list[str]) -> tuple[Stage, Counter[str]]:
    """Let them talk under faults, then go on without until all is settled; return what was logged, and the faults by kind."""
    async with AsyncExitStack() as stack:
        proxy = Proxy(system.port, random.Random(f"proxy:{plan.seed}"))
        port = await stack.enter_async_context(proxy.serving())
        stage = Stage(f"http://127.0.0.1:{port}", HANDLE_S)
        desks = [Desk(stage, f"agent{n}", password, n, dice=random.Random(f"agent:{plan.seed}:{n}")) for n in range(plan.agents)]
        for desk in desks:
            desk.start()
            stack.push_async_callback(desk.leave)
        jar = aiohttp.DummyCookieJar()
        session = aiohttp.ClientSession(stage.url, connector=aiohttp.TCPConnector(limit=0), cookie_jar=jar, timeout=REQUEST)
        http = await stack.enter_async_context(session)
        customers = [_customer(plan, stage, http, settings, number, buyers) for number in range(plan.customers)]
        await asyncio.gather(*(customer.arrive() for customer in customers))
        listening = [asyncio.create_task(customer.listen()) for customer in customers]
        stack.callback(lambda: [task.cancel() for task in listening])
        talking = [asyncio.create_task(customer.talk()) for customer in customers]
        breaker = _breaker(plan, system, settings, proxy, desks)
        stack.push_async_callback(breaker.redis.aclose)
        faults = targeted(plan.broken, plan.minutes * 60) if plan.broken else schedule(plan.seed, plan.minutes * 60)
        _say(f"{plan.customers} customers and {plan.agents} agents talk for {plan.minutes:g} min, seed {plan.seed}")
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(plan.minutes * 60))
            group.create_task(breaker.run(faults))
        stage.over.set()
        _say("quiet: no more faults")
        await asyncio.to_thread(system.wait_ready, within_s=READY_WITHIN_S)
        await asyncio.wait(talking, timeout=READY_WITHIN_S)
        settled = await _until_settled(settings, customers, within_s=BROKEN_QUIET_S if plan.broken else QUIET_S)
        _say("settled" if settled else "not settled in time")
        log = list(stage.log)  # what follows is only the closing of the doors
    stage.log = log
    return stage, breaker.done + stage.tricks


def _customer(plan: Plan, stage: Stage, http: aiohttp.ClientSession, settings: Settings, number: int, buyers: list[str]) -> Customer:
    """Make one; some are the shop's own, each somebody else."""
    identity = ""
    if number % BUYERS == 0 and number // BUYERS < len(buyers):
        claims = {"sub": buyers[number // BUYERS], "exp": utcnow() + timedelta(hours=2)}
        identity = jwt.encode(claims, settings.identity_secret, algorithm="HS256")
    return Customer(stage, http, number, dice=random.Random(f"customer:{plan.seed}:{number}"), identity=identity)


def _breaker(plan: Plan, system: System, settings: Settings, proxy: Proxy, desks: list[Desk]) -> Breaker:
    staying = list(desks)

    async def leave() -> bool:
        serving = [desk for desk in staying if desk.serves]
        if serving and len(staying) > 1:
            staying.remove(serving[0])
            await serving[0].leave()
        return bool(serving)

    return Breaker(system, proxy, connect(settings.redis_url), random.Random(f"breaker:{plan.seed}"), leave)


async def _until_settled(settings: Settings, customers: list[Customer], *, within_s: float) -> bool:
    """Wait until nobody owes anything to anybody and every screen is complete; False when that does not come in time."""
    engine = sync_engine(settings.database_url)
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    try:
        while loop.time() < end:
            if await asyncio.to_thread(_settled, engine, {customer.cursor for customer in customers}):
                return True
            await asyncio.sleep(1)
        return False
    finally:
        engine.dispose()


def _settled(engine: sa.Engine, cursors: set[str]) -> bool:
    table = conversations.c
    owed = sa.select(table.id).where(
        table.status.in_(["waiting", "agent"]) | ((table.status == "bot") & (table.answered_seq < table.customer_seq))
    )
    newest = sa.select(sa.func.max(table.id)).group_by(table.thread_id)
    ends = sa.select(table.id, table.last_seq).where(table.id.in_(newest))
    with reading(engine) as connection:
        if connection.execute(owed.limit(1)).first() is not None:
            return False
        return {f"{row.id}:{row.last_seq}" for row in connection.execute(ends)} <= cursors


def _counts(stage: Stage, record: Record) -> dict[str, int]:
    """Say how much was done, so that nothing is not mistaken for nothing wrong."""
    joined = {move.conversation_id for move in record.moves if move.to_status == "agent"}
    return {
        "acknowledged": len({line["id"] for line in of(stage.log, "sent")}),
        "asked": len({line["id"] for line in of(stage.log, "asked")}),
        "served": len(joined),
        "conversations": len(record.conversations),
        "bot_messages": sum(row.sender == "bot" for row in record.messages),
        "effects": len(record.effects),
        "taken_back": sum(move.reason == "agent_gone" for move in record.moves),
        "refused": len(of(stage.log, "refused")),
    }


def _empty(stage: Stage, record: Record) -> list[Violation]:
    done = _counts(stage, record)
    nothing = [name for name in ("acknowledged", "served", "bot_messages") if not done[name]]
    return [Violation(f"the run proves nothing: {name} is 0", ()) for name in nothing]


def _say(text: str) -> None:
    click.echo(f"{datetime.now().astimezone():%H:%M:%S} {text}", err=True)


@click.command()
@click.option("--minutes", default=10.0)
@click.option("--seed", default=1)
@click.option("--customers", default=50)
@click.option("--agents", default=10)
@click.option("--database", default="", help="an empty PostgreSQL database's URL; SQLite by default")
@click.option("--broken", default="", type=click.Choice(["", *BUILDS]), help="a build with one promise taken out, which must be caught")
@click.option(
    "--keep", type=click.Path(file_okay=False, path_type=Path), help="a folder for all that was logged, and the rows that were checked"
)
@click.option("--json", "as_json", is_flag=True)
def main(as_json: bool, keep: Path | None, **options: Any) -> None:
    plan = Plan(**options)
    found = asyncio.run(run(plan, keep=keep))
    if as_json:
        click.echo(json.dumps(found))
    else:
        for name, value in found.items():
            for line in value if isinstance(value, list) else [value]:
                click.echo(f"{name:<16} {line}")
    sys.exit(int(bool(found["violations"]) != bool(plan.broken)))


if __name__ == "__main__":
    main()
