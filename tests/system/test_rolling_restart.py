"""`kill -USR2` to the supervisor: real web processes are started again one by one, and no visitor is refused meanwhile."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import psutil
import pytest

from bot.settings import Settings
from tests.conftest import DATA_KEY, ROOT
from tests.e2e.system import free_ports
from tests.web.conftest import Widget, open_widget

# The supervisor with all it does; in the place of Rasa and the action server stands one that says that they are well.
PROGRAM = """
import asyncio, time
from aiohttp import web
from bot.settings import load_settings
from bot.system.narrator import Narrator
from bot.system.place import project_root
from bot.system.processes import web_processes
from bot.system.supervisor import Supervisor

class WebOnly(Supervisor):
    async def _bring_up_rasa(self):
        app = web.Application()
        app.router.add_get("/{path:.*}", lambda request: asyncio.sleep(0, web.json_response({"model": "stand-in"})))
        runner = web.AppRunner(app)
        await runner.setup()
        for port in (self._settings.rasa_port, self._settings.actions_port):
            await web.TCPSite(runner, "127.0.0.1", port).start()

    async def _prepare(self):
        for process in web_processes(self._settings, self._root, self._listening):
            self._start(process)
        return {"agents": 0}

asyncio.run(WebOnly(load_settings(), root=project_root(), narrator=Narrator()).run(began=time.monotonic()))
"""


@asynccontextmanager
async def supervisor(settings: Settings, redis_url: str) -> AsyncIterator[tuple[psutil.Process, str]]:
    """Yield the process and its address once it is ready; it must end well when it is told to."""
    port, rasa_port, actions_port = free_ports(3)
    environment = {
        **os.environ,
        "YINGDA_DATA_DIR": str(settings.data_dir),
        "YINGDA_DATA_KEY": DATA_KEY.hex(),
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": redis_url,
        "YINGDA_DEMO": "false",
        "WEB_WORKERS": "2",
        "PORT": str(port),
        "RASA_PORT": str(rasa_port),
        "ACTIONS_PORT": str(actions_port),
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-W", "ignore", "-c", PROGRAM, cwd=ROOT, env=environment)
    try:
        yield psutil.Process(process.pid), f"http://127.0.0.1:{port}"
        process.terminate()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def web_pids(process: psutil.Process) -> set[int]:
    return {child.pid for child in process.children() if "bot.web.app" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE}


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.parametrize("database_kind", ["sqlite"])
async def test_the_web_processes_are_renewed_and_nobody_is_refused(settings: Settings, redis_socket: str) -> None:
    async with (
        supervisor(settings, f"unix://{redis_socket}") as (process, url),
        aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(force_close=True)) as http,
    ):
        await until_ready(http)
        before, widget = web_pids(process), await open_widget(http)
        assert len(before) == 2

        process.send_signal(signal.SIGUSR2)
        seen = await write_until(lambda: len(web_pids(process)) == 2 and not web_pids(process) & before, http, widget, process)

        said = [message for message in (await widget.messages())["messages"] if message["sender"] == "customer"]
    assert min(seen) >= 1, "one was left at every moment"
    assert [message["text"] for message in said] == [f"number {place}" for place in range(len(said))]
    assert len(said) >= 3


async def until_ready(http: aiohttp.ClientSession) -> None:
    while True:
        try:
            async with http.get("/readyz") as response:
                if response.status == 200:
                    return
        except aiohttp.ClientConnectionError:
            pass
        await asyncio.sleep(0.2)


async def write_until(over: Callable[[], bool], http: aiohttp.ClientSession, widget: Widget, process: psutil.Process) -> list[int]:
    """Ask all the time and write now and then, since few messages a minute are allowed; return how many processes there were each time."""
    seen, written, next_at = [], 0, time.monotonic()
    while not over() or written < 3:
        if time.monotonic() >= next_at:
            await widget.send(f"number {written}")
            written, next_at = written + 1, time.monotonic() + 1.6
        async with http.get("/healthz") as response:
            assert response.status == 200
        seen.append(len(web_pids(process)))
        await asyncio.sleep(0.05)
    return seen
