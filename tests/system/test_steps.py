"""Steps in processes of their own."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.system.log import Log
from bot.system.processes import Process
from bot.system.steps import StepError, run_step

ROOT = Path(__file__).parents[2]
PRELUDE = "from bot.system.steps import tell, tell_error, tell_result\nfrom bot.errors import SettingError\n"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / "prepare.log")
    yield log
    log.close()


def step(program: str) -> Process:
    return Process("prepare", [sys.executable, "-c", PRELUDE + program], dict(os.environ), ROOT)


async def test_a_step_tells_how_far_it_is_and_what_came_out(log: Log) -> None:
    heard: list[tuple[str, int, int]] = []

    result = await run_step(
        step("print('noise'); tell('load', 1, 2); tell('load', 2, 2); tell_result({'agent': '小林'})"),
        log,
        lambda *said: heard.append(said),
    )

    assert result == {"agent": "小林"}
    assert heard == [("load", 1, 2), ("load", 2, 2), ("", 0, 0)]
    assert log.path.read_text() == "noise\n"


async def test_a_step_that_fails_on_purpose_says_why(log: Log) -> None:
    program = "import sys; tell_error(SettingError('the database of DATABASE_URL cannot be used')); sys.exit(1)"

    with pytest.raises(StepError, match="the database of DATABASE_URL cannot be used"):
        await run_step(step(program), log, lambda *_: None)


async def test_a_step_that_breaks_shows_its_last_lines(log: Log) -> None:
    with pytest.raises(StepError, match=r"prepare ended with 1(.|\n)*ZeroDivisionError"):
        await run_step(step("1 / 0"), log, lambda *_: None)


async def test_a_step_that_is_cancelled_ends(log: Log) -> None:
    heard = asyncio.Event()
    program = "import os, time; tell(str(os.getpid())); time.sleep(60)"
    pids: list[int] = []

    def hear(what: str, _done: int, _total: int) -> None:
        pids.append(int(what))
        heard.set()

    running = asyncio.create_task(run_step(step(program), log, hear))
    await heard.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)
