"""What breaks when, drawn from a seed, and how it is broken."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import psutil
from redis.asyncio import Redis

from benchmarks.chaos_proxy import Proxy
from tests.e2e.system import MARKS, System

VICTIMS = tuple(MARKS)
GAP_S = (3.0, 9.0)  # between two faults; Rasa needs about ten seconds to come back
STOPPED_S = (1.0, 22.0)  # beyond the leases: a turn's is 15 s, and an agent is gone after 25 s
DELAY = (2.0, 10.0, 1.0)  # how long a slow time lasts, from and to, and the most that a chunk waits; in seconds
CUT_SHARE = (0.2, 1.0)
LEAVE_TRIES = 15  # seconds to wait for an agent who is in the middle of something
# How often each kind comes, in parts. A stopped process is the worse fault: what it held goes on later, with old knowledge.
WEIGHTS = {"kill": 5, "stop": 5, "flush": 2, "cut": 3, "delay": 2, "agent_leaves": 1}


@dataclass(frozen=True)
class Fault:
    at_s: float  # since the beginning
    kind: str
    victim: str = ""
    for_s: float = 0.0
    share: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.kind}_{self.victim}" if self.victim else self.kind


def schedule(seed: int, seconds: float, *, gap_s: tuple[float, float] = GAP_S) -> list[Fault]:
    """Return the faults of a run, in order; the same seed gives the same ones. At least one agent leaves, in mid-run."""
    dice = random.Random(f"faults:{seed}")
    faults = [Fault(seconds * dice.uniform(0.4, 0.6), "agent_leaves")]
    at_s = dice.uniform(*gap_s)
    while at_s < seconds:
        kind = dice.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        victim = dice.choice(VICTIMS) if kind in {"kill", "stop"} else ""
        for_s = dice.uniform(*STOPPED_S) if kind == "stop" else dice.uniform(*DELAY[:2]) if kind == "delay" else 0.0
        faults.append(Fault(at_s, kind, victim, min(for_s, seconds - at_s), dice.uniform(*CUT_SHARE)))
        at_s += dice.uniform(*gap_s)
    return sorted(faults, key=lambda fault: fault.at_s)


@dataclass
class Breaker:
    """Breaks a running system by a schedule, and counts what it really did."""

    system: System
    proxy: Proxy
    redis: Redis
    dice: random.Random
    leave: Callable[[], Awaitable[bool]]  # lets an agent who serves somebody close the desk for good; False when nobody serves
    done: Counter[str] = field(default_factory=Counter)
    _stopped: Counter[int] = field(default_factory=Counter)

    async def run(self, faults: list[Fault]) -> None:
        """Break until the last fault is over; then everything goes on again."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        lasting: list[asyncio.Task[None]] = []
        for fault in faults:
            await asyncio.sleep(max(0.0, began + fault.at_s - loop.time()))
            lasting.append(asyncio.create_task(self._do(fault)))
        await asyncio.gather(*lasting)

    async def _do(self, fault: Fault) -> None:
        deeds = {"kill": self._kill, "stop": self._stop, "flush": self._flush, "cut": self._cut, "delay": self._delay}
        if fault.kind == "agent_leaves":
            await self._leave(fault)
            return
        await deeds[fault.kind](fault)

    async def _leave(self, fault: Fault) -> None:
        for _ in range(LEAVE_TRIES):
            if await self.leave():
                self.done[fault.name] += 1
                return
            await asyncio.sleep(1)

    async def _kill(self, fault: Fault) -> None:
        if (pid := self._pid(fault.victim)) is not None:
            os.kill(pid, signal.SIGKILL)
            self.done[fault.name] += 1

    async def _stop(self, fault: Fault) -> None:
        if (pid := self._pid(fault.victim)) is None:
            return
        self._stopped[pid] += 1
        os.kill(pid, signal.SIGSTOP)
        self.done[fault.name] += 1
        await asyncio.sleep(fault.for_s)
        self._stopped[pid] -= 1
        if not self._stopped[pid]:  # two stops of one process overlap: it goes on when both are over
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    async def _flush(self, fault: Fault) -> None:
        with contextlib.suppress(Exception):  # Redis itself may be dead or stopped at this moment
            await self.redis.flushall()
            self.done[fault.name] += 1

    async def _cut(self, fault: Fault) -> None:
        self.done[fault.name] += self.proxy.cut(fault.share)

    async def _delay(self, fault: Fault) -> None:
        self.proxy.delay_s = DELAY[2]
        self.done[fault.name] += 1
        await asyncio.sleep(fault.for_s)
        self.proxy.delay_s = 0.0

    def _pid(self, victim: str) -> int | None:
        """Return one of the processes of this name; None while none runs."""
        try:
            found = self.system.pids(victim)
        except (psutil.Error, OSError):
            return None
        return self.dice.choice(found) if found else None
