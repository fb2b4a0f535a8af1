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
from bot.redis import REDIS_DOWN
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
    share: float = 0.0  # of the connections, for a cut
    every: bool = False  # all processes of this name, not one of them

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


def targeted(build: str, seconds: float) -> list[Fault]:
    """Return the faults under which a broken build must show what it lacks; what customers and agents do is as ever."""
    if build == "fence":  # answers of a Rasa that stood still come all at once; whoever stores them stands still beyond the turn's lease
        starts = [6.0 + 32.0 * number for number in range(int(seconds // 32))]
        burst = [Fault(start, "stop", "rasa", 5.0) for start in starts]
        return sorted(burst + [Fault(start + 5.2, "stop", "web", 21.0, every=True) for start in starts], key=lambda fault: fault.at_s)
    if build == "recovery":
        return [Fault(at_s, "kill", "web", every=True) for at_s in (seconds * 0.3, seconds * 0.6, seconds - 1.0)]
    if build == "lease":
        return [Fault(seconds * 0.4, "agent_leaves"), Fault(seconds * 0.6, "agent_leaves")]
    return [Fault(seconds / 2, "cut", share=0.5)]


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
        for pid in self._pids(fault):
            self.done[fault.name] += _signal(pid, signal.SIGKILL)

    async def _stop(self, fault: Fault) -> None:
        pids = self._pids(fault)
        for pid in pids:
            self._stopped[pid] += 1
            self.done[fault.name] += _signal(pid, signal.SIGSTOP)
        await asyncio.sleep(fault.for_s)
        for pid in pids:
            self._stopped[pid] -= 1
            if not self._stopped[pid]:  # two stops of one process overlap: it goes on when both are over
                _signal(pid, signal.SIGCONT)

    async def _flush(self, fault: Fault) -> None:
        with contextlib.suppress(*REDIS_DOWN):  # Redis itself may be dead or stopped at this moment
            await self.redis.flushall()
            self.done[fault.name] += 1

    async def _cut(self, fault: Fault) -> None:
        self.done[fault.name] += self.proxy.cut(fault.share)

    async def _delay(self, fault: Fault) -> None:
        self.proxy.delay_s = DELAY[2]
        self.done[fault.name] += 1
        await asyncio.sleep(fault.for_s)
        self.proxy.delay_s = 0.0

    def _pids(self, fault: Fault) -> list[int]:
        """Return the processes that a fault befalls; none while none of that name runs."""
        try:
            found = self.system.pids(fault.victim)
        except (psutil.Error, OSError):
            return []
        return found if fault.every else found and [self.dice.choice(found)]


def _signal(pid: int, number: signal.Signals) -> bool:
    """Send a signal; False to a process that has just died."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
