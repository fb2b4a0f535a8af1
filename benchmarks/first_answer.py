"""How long a customer of a running system waits for an answer, and what the system takes: `python -m benchmarks.first_answer [URL]`.

The system must be up. It gets some anonymous visitors with their questions; none of these asks for a person.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import aiohttp
import click
import psutil
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.conversations import ORDER, Conversation, Line, read_scripts
from benchmarks.measure import percentile, pss_mb
from benchmarks.widget import visitor
from bot.errors import BotError
from bot.settings import Settings, load_settings
from bot.system.place import local_url, running

ANSWER_WITHIN_MS = 300.0
SYSTEM_WITHIN_MB = 1500.0
NOT_FOR_THE_BOT = {"human_handoff", "complaint"}


@dataclass(frozen=True)
class Measured:
    seconds: list[float]
    memory_mb: dict[str, float]  # by process; empty when no system is known here

    def as_dict(self) -> dict[str, float | int | dict[str, float]]:
        return {
            "messages": len(self.seconds),
            "p50_ms": round(percentile(self.seconds, 0.5) * 1000, 1),
            "p95_ms": round(percentile(self.seconds, 0.95) * 1000, 1),
            "pss_mb": round(sum(self.memory_mb.values()), 1),
            "processes": {name: round(size, 1) for name, size in self.memory_mb.items()},
        }


@click.command()
@click.argument("url", default="")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--messages", default=100, show_default=True, help="How many messages to send, one at a time.")
def command(url: str, as_json: bool, messages: int) -> None:
    """Ask the running system at URL (default: the one of the settings here) as the widget does."""
    try:
        settings = load_settings()
    except BotError as error:
        raise click.ClickException(str(error)) from error
    host, port = local_url(settings)
    address = (url or f"http://{host}:{port}").rstrip("/")
    try:
        seconds = asyncio.run(ask_all(address, list(for_visitors(read_scripts())), messages))
    except aiohttp.ClientConnectionError as error:
        raise click.ClickException(f"nobody answers at {address}; start the system with `make up` ({error})") from error
    _show(Measured(seconds, memory_of_system(settings)), as_json=as_json)


def for_visitors(scripts: Sequence[Conversation]) -> Iterator[Conversation]:
    """Return what an anonymous visitor may ask without ending at a person, in conversations that begin anew."""
    for script in scripts:
        lines = tuple(line for line in script.lines if not _needs_more_than_the_bot(line))
        if lines:
            yield replace(script, lines=lines)


def _needs_more_than_the_bot(line: Line) -> bool:
    return ORDER in line.text or bool(line.intents & NOT_FOR_THE_BOT)


async def ask_all(url: str, conversations: Sequence[Conversation], count: int) -> list[float]:
    """Return the seconds of so many answers, the first of all (which wakes the system) left out."""
    seconds: list[float] = []
    progress = iter(track(range(count), "Asking", console=Console(stderr=True), transient=True))
    async with aiohttp.ClientSession() as http:
        for conversation in conversations:
            async with visitor(http, url, language=conversation.language) as customer:
                for line in conversation.lines:
                    took, stays = await customer.ask(line)
                    seconds.append(took)
                    next(progress, None)
                    if not stays or len(seconds) > count:
                        break
            if len(seconds) > count:
                break
    return seconds[1:]


def memory_of_system(settings: Settings) -> dict[str, float]:
    """Return the PSS of the supervisor that runs on the settings' data directory, and of each process that it has started."""
    found = running(settings)
    if found is None or not found.pid:
        return {}
    supervisor = psutil.Process(found.pid)
    return {"supervisor": pss_mb(supervisor), **{_name(child): pss_mb(child) for child in supervisor.children(recursive=True)}}


def _name(process: psutil.Process) -> str:
    """Return the module that the process runs, with its id."""
    words = process.cmdline()
    what = words[words.index("-m") + 1] if "-m" in words[:-1] else process.name()
    return f"{what} {process.pid}"


def _show(measured: Measured, *, as_json: bool) -> None:
    result = measured.as_dict()
    if as_json:
        print(json.dumps(result, indent=2))
        return
    table = Table(title=f"First answer, {len(measured.seconds)} messages", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    table.add_row(f"median, ms (under {ANSWER_WITHIN_MS:g})", str(result["p50_ms"]))
    table.add_row("95th percentile, ms", str(result["p95_ms"]))
    table.add_row(f"all processes, PSS in MB (under {SYSTEM_WITHIN_MB:g})", str(result["pss_mb"]) if measured.memory_mb else "not here")
    for name, size in measured.memory_mb.items():
        table.add_row(f"  {name}", f"{size:.0f}")
    Console(highlight=False).print(table)


if __name__ == "__main__":
    sys.exit(command())
