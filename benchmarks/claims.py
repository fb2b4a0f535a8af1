"""How long a claim takes with ever more waiting: the queue's own moves on a real Redis. `python -m benchmarks.claims`

One claim is what an agent's claim does in Redis: take the first of all skills of both languages out of the queue, and settle it.
"""

from __future__ import annotations

import asyncio
import json
import random
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from statistics import median

import click

from bot.escalations.queue import Entry, EscalationQueue, Lane
from bot.escalations.routing import all_skills
from bot.ids import new_id, utcnow
from bot.redis import connect, embedded_server_command

SIZES = (100, 1_000, 10_000)
CLAIMS = 60  # of each size; what is claimed is put back


async def claim_times_us(url: str) -> dict[str, float]:
    """Return the median microseconds of a claim for each number of waiting."""
    redis = connect(url)
    queue, skills, found = EscalationQueue(redis), all_skills(), {}
    for size in SIZES:
        await redis.flushdb()
        now = utcnow()
        entries = [Entry(new_id(), random.choice(skills), now - timedelta(seconds=random.random() * 3600)) for _ in range(size)]
        await queue.rebuild([])
        await queue.enqueue(*entries)
        by_id = {entry.escalation_id: entry for entry in entries}
        times = []
        for _ in range(CLAIMS):
            began = time.perf_counter()
            escalation_id = await queue.claim([Lane(skill) for skill in skills])
            assert escalation_id is not None
            entry = by_id[escalation_id]
            await queue.settle(entry.escalation_id, skill=entry.skill)
            times.append((time.perf_counter() - began) * 1e6)
            await queue.enqueue(entry)
        found[f"claim_us_{size}"] = round(median(times), 1)
    await redis.aclose()
    return found


async def embedded_claim_times_us() -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="yingda-claims-") as folder:
        socket = Path(folder) / "redis.sock"
        server = await asyncio.create_subprocess_exec(*embedded_server_command(socket), stdout=asyncio.subprocess.DEVNULL)
        try:
            while not socket.exists():
                await asyncio.sleep(0.02)
            return await claim_times_us(f"unix://{socket}")
        finally:
            server.terminate()
            await server.wait()


@click.command()
@click.option("--json", "as_json", is_flag=True)
def main(as_json: bool) -> None:
    found = asyncio.run(embedded_claim_times_us())
    click.echo(json.dumps(found) if as_json else "\n".join(f"{name:<24} {value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
