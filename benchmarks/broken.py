"""The product with one promise taken out: `python -m benchmarks.broken NAME MODULE [ARGUMENTS]` runs a module with one function changed.

`bot.cli up` starts all its processes in the same way. `benchmarks.chaos --broken NAME` must then report violations: this tests its checker.
"""

from __future__ import annotations

import random
import runpy
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from bot.conversations import intake, store, turns
from bot.escalations import queue
from bot.ids import new_id
from bot.messages import InboundMessage
from bot.system import processes

SKIPPED = 0.05  # the share of places that are taken and left empty


def fence(_module: str) -> None:
    """Whoever writes, writes, whatever has become of the conversation."""
    advance = store._advance
    store._advance = lambda conversation_id, count, *_where, **changes: advance(conversation_id, count, **changes)


def dedupe(_module: str) -> None:
    """What a customer sends again is a message of its own."""
    keep = intake.Intake.store

    async def keep_anew(self: intake.Intake, batch: Sequence[InboundMessage]) -> Any:
        return await keep(self, [msgspec.structs.replace(inbound, client_id=new_id()) for inbound in batch])

    intake.Intake.store = keep_anew  # type: ignore[method-assign]


def lease(_module: str) -> None:
    """Whoever was once at a desk counts as there."""

    async def connected(self: Any) -> list[str]:
        return list(await self._redis.zrange(queue.PRESENCE, 0, -1))

    queue.Presence.connected = connected  # type: ignore[method-assign]


def seq(_module: str) -> None:
    """Now and then a place is taken and nothing written there."""
    advance = store._advance
    store._advance = lambda conversation_id, count, *where, **changes: advance(
        conversation_id, count + (random.random() < SKIPPED), *where, **changes
    )


def recovery(module: str) -> None:
    """The worker does not take up the turns of processes that died."""
    if module == "bot.worker":
        turns.TurnRunner.start = lambda _self, _conversation_id: None  # type: ignore[method-assign]


BUILDS: dict[str, Callable[[str], None]] = {"fence": fence, "dedupe": dedupe, "lease": lease, "seq": seq, "recovery": recovery}


def main() -> None:
    name, module, *arguments = sys.argv[1:]
    BUILDS[name](module)
    start = processes.python_process

    def start_broken(*given: Any, **options: Any) -> processes.Process:
        process = start(*given, **options)
        at = process.command.index("-m")
        return replace(process, command=[*process.command[: at + 1], "benchmarks.broken", name, *process.command[at + 1 :]])

    processes.python_process = start_broken
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
