"""What a step in a process of its own tells the supervisor: one JSON object a line on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from bot.errors import BotError
from bot.system.child import Running
from bot.system.log import Log
from bot.system.processes import Process

Heard = Callable[[str, int, int], None]  # what is being done, how much is done, of how much (0: not known); "" at the end

SHOWN_LINES = 15


class StepError(BotError):
    """A step failed; the message says why."""


def tell(what: str, done: int = 0, total: int = 0) -> None:
    """Say, in a step, what is being done."""
    _say({"step": what, "done": done, "total": total})


def tell_result(result: dict[str, Any]) -> None:
    _say({"result": result})


def tell_error(error: BotError) -> None:
    _say({"error": str(error)})


async def run_step(process: Process, log: Log, heard: Heard) -> dict[str, Any]:
    """Run the step to its end and return its result; raises StepError. Cancelled, it takes the process along."""
    running = await Running.start(process)
    result: dict[str, Any] = {}
    failure = ""
    try:
        async for line in running.output:
            said = _parse(line)
            if said is None:
                log.write(line)
                continue
            failure = f"{said['error']} (what it printed is in {log.path})" if "error" in said else failure
            result = said.get("result", result)
            if "step" in said:
                heard(said["step"], said["done"], said["total"])
        code = await running.wait()
    finally:
        await running.end()
    if code or failure:
        raise StepError(failure or _last_words(process.name, code, log))
    heard("", 0, 0)
    return result


def _last_words(name: str, code: int, log: Log) -> str:
    lines = "\n".join(f"    {line}" for line in log.last_lines(SHOWN_LINES))
    return f"{name} ended with {code}; its last lines, from {log.path}:\n{lines}"


def _parse(line: bytes) -> dict[str, Any] | None:
    if not line.startswith(b'{"yingda":'):
        return None
    try:
        said = json.loads(line)["yingda"]
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _say(said: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"yingda": said}, ensure_ascii=False) + "\n")
    sys.stdout.flush()
