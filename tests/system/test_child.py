"""A process under supervision, with real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from bot.system.child import HOPELESS_DEATHS, Child
from bot.system.log import Log
from bot.system.processes import Process

ROOT = Path(__file__).parents[2]


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until(condition: Callable[[], bool], *, within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0.02)


class Watch:
    """Children of one test, and what was told of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.hopeless: list[tuple[str, int]] = []
        self.children: list[Child] = []

    def start(self, program: str) -> Child:
        process = Process("thing", [sys.executable, "-uc", program], dict(os.environ), self.folder)
        child = Child(process, Log(self.folder / "thing.log"), hopeless=lambda one, code: self.hopeless.append((one.name, code)))
        self.children.append(child)
        child.start()
        return child

    def log(self) -> str:
        return (self.folder / "thing.log").read_text()


@pytest.fixture
async def watch(tmp_path: Path) -> AsyncIterator[Watch]:
    watch = Watch(tmp_path)
    yield watch
    await asyncio.gather(*(child.stop(0.1) for child in watch.children))


async def test_a_process_that_dies_is_started_again(watch: Watch) -> None:
    child = watch.start("import time; print('hello'); time.sleep(60)")
    await until(lambda: watch.log().count("hello") == 1)

    os.kill(child.pid or 0, signal.SIGKILL)
    await until(lambda: watch.log().count("hello") == 2)

    assert "thing ended with -9" in watch.log()
    assert watch.hopeless == []


@pytest.mark.slow
async def test_one_that_keeps_dying_is_told_once_with_its_last_lines(watch: Watch) -> None:
    child = watch.start("print('no such port'); raise SystemExit(3)")

    await until(lambda: child.deaths == HOPELESS_DEATHS)

    assert watch.hopeless == [("thing", 3)]
    assert child.log.last_lines(2)[0] == "no such port"


async def test_stopping_ends_the_process_and_what_it_started(watch: Watch) -> None:
    child = watch.start("import subprocess, time; print(subprocess.Popen(['sleep', '60']).pid); time.sleep(60)")
    await until(lambda: "\n" in watch.log())
    grandchild = int(watch.log().split()[0])

    await child.stop(5)

    assert child.pid is None
    await until(lambda: not alive(grandchild))


async def test_one_that_does_not_want_to_end_is_killed(watch: Watch) -> None:
    child = watch.start("import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('stubborn'); time.sleep(60)")
    await until(lambda: "stubborn" in watch.log())

    began = time.monotonic()
    await child.stop(0.3)

    assert time.monotonic() - began < 5
    assert child.pid is None


async def test_what_it_says_while_it_ends_is_kept(watch: Watch) -> None:
    program = "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: (print('goodbye'), exit(0)))\nprint('hello')\ntime.sleep(60)"
    child = watch.start(program)
    await until(lambda: "hello" in watch.log())

    await child.stop(5)

    assert "goodbye" in watch.log()


async def test_a_supervisor_that_is_killed_leaves_no_process_behind(tmp_path: Path) -> None:
    program = """
import asyncio, pathlib, sys
from bot.system.child import Running
from bot.system.processes import Process
async def main():
    child = await Running.start(Process("thing", ["sleep", "60"], {}, pathlib.Path("/")))
    print(child.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    supervisor = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout
    child = int(supervisor.stdout.readline())

    supervisor.kill()
    supervisor.communicate()

    await until(lambda: not alive(child))
