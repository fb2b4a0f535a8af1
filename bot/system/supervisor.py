"""The whole system in one place: prepared, started, watched, stopped.

redis  ────────────────────────────────┐
rasa   (at once, when its model is there)  ├─ ready
prepare ── actions, web, worker ───────┘
learn  ── rasa (when config.yml, domain.yml or nlu_data have changed)
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bot.errors import BotError
from bot.nlu.training import is_trained
from bot.settings import Settings
from bot.system.child import Child
from bot.system.log import Log
from bot.system.narrator import Narrator
from bot.system.place import check_ports, prepare_socket_folder
from bot.system.processes import Process, listening_socket, python_process, rasa_process, redis_process, serving_processes
from bot.system.ready import ASK_EVERY_S, missing_parts, wait_until_ready
from bot.system.steps import run_step

READY_WITHIN_S = 180.0  # once everything is prepared and trained; Rasa's import alone is 16 s on two cores
STOP_WITHIN_S = 7.0
WEB_STARTS_WITHIN_S = 5.0  # until then its neighbours, or the queue of the socket, take what comes
SHOWN_LINES = 15


class NotReadyError(BotError):
    """The system was started and did not become ready."""


class Supervisor:
    def __init__(self, settings: Settings, *, root: Path, narrator: Narrator) -> None:
        self._settings = settings
        self._root = root
        self._logs = settings.data_dir / "logs"
        self._narrator = narrator
        self._children: list[Child] = []
        self._hopeless = asyncio.Event()
        self._listening: socket.socket | None = None
        self._renewing: asyncio.Task[None] | None = None

    async def run(self, *, began: float) -> None:
        """Run until SIGINT or SIGTERM. Raises BotError when the system cannot start."""
        check_ports(self._settings)
        stopping = asyncio.Event()
        self._listening = listening_socket(self._settings)
        with_signals(stopping.set, self._restart_rasa, self._renew_web)
        life = asyncio.create_task(self._live(began))
        asked = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({life, asked}, return_when=asyncio.FIRST_COMPLETED)
            if life.done():
                life.result()
            self._narrator.quiet()
            self._narrator.say("stopping")
        finally:
            self._narrator.quiet()
            life.cancel()
            asked.cancel()
            await asyncio.gather(life, asked, return_exceptions=True)
            await self._stop()
        self._narrator.say("stopped")

    async def _live(self, began: float) -> None:
        if self._settings.embedded_redis:
            prepare_socket_folder(self._settings)
            self._start(redis_process(self._settings, self._root))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._bring_up_rasa())
                prepared = group.create_task(self._prepare())
        except* BotError as failed:
            raise failed.exceptions[0] from None
        await self._become_ready()
        self._welcome(prepared.result(), seconds=time.monotonic() - began)
        await asyncio.Event().wait()

    async def _bring_up_rasa(self) -> None:
        if not is_trained(self._settings, root=self._root):
            await self._step("learn", "bot.system.learn")
        self._start(rasa_process(self._settings, self._root))

    async def _prepare(self) -> dict[str, Any]:
        result = await self._step("prepare", "bot.system.prepare")
        for process in serving_processes(self._settings, self._root, self._listening):
            self._start(process)
        return result

    async def _step(self, name: str, module: str) -> dict[str, Any]:
        log = self._log(name)
        try:
            return await run_step(python_process(name, module, settings=self._settings, root=self._root), log, self._narrator.sequence())
        finally:
            log.close()

    async def _become_ready(self) -> None:
        self._narrator.step("serving")
        waits = {asyncio.create_task(wait_until_ready(self._settings)), asyncio.create_task(self._hopeless.wait())}
        try:
            done, _ = await asyncio.wait(waits, timeout=READY_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._hopeless.is_set() or not done:
            parts = ", ".join(await missing_parts(self._settings)) or "-"
            raise NotReadyError(self._narrator.words("not_ready", parts=parts, logs=self._logs))
        self._narrator.finish("serving")
        self._narrator.quiet()

    def _start(self, process: Process) -> None:
        child = Child(process, self._log(process.name), hopeless=self._tell_hopeless)
        self._children.append(child)
        child.start()

    def _tell_hopeless(self, child: Child, code: int) -> None:
        self._narrator.quiet()
        self._narrator.say("keeps_dying", name=child.name, deaths=child.deaths, code=code, path=child.log.path)
        self._narrator.lines(child.log.last_lines(SHOWN_LINES))
        self._hopeless.set()

    def _restart_rasa(self) -> None:
        for child in self._children:
            if child.name == "rasa":
                child.restart()

    def _renew_web(self) -> None:
        """Start the web processes again, one after the other: those who are left take what comes."""
        if self._renewing is None or self._renewing.done():
            webs = [child for child in self._children if child.name.startswith("web")]
            self._renewing = asyncio.create_task(renew_one_by_one(webs, self._settings))

    def _welcome(self, prepared: dict[str, Any], *, seconds: float) -> None:
        say, words = self._narrator.say, self._narrator.words
        agent = prepared.get("agent")
        if agent:
            login = words("login" if agent["password"] else "login_changed", **agent)
        else:
            login = words("login_agents" if prepared["agents"] else "login_none", **prepared)
        say("ready" if agent else "ready_without_demo", url=self._settings.public_url.rstrip("/"), login=login, logs=self._logs)
        say("last", seconds=f"{seconds:.1f}")

    async def _stop(self) -> None:
        """Stop all at once, Redis last, so that the others can still say goodbye to it."""
        others = [child for child in self._children if child.name != "redis"]
        await asyncio.gather(*(child.stop(STOP_WITHIN_S) for child in others))
        await asyncio.gather(*(child.stop(1.0) for child in self._children if child.name == "redis"))

    def _log(self, name: str) -> Log:
        return Log(self._logs / f"{name}.log")


async def renew_one_by_one(children: Sequence[Child], settings: Settings) -> None:
    """Start each again; the next one when the system is ready with the one before."""
    for child in children:
        before = child.pid
        child.restart()
        while child.pid in (before, None):
            await asyncio.sleep(ASK_EVERY_S)
        await asyncio.sleep(WEB_STARTS_WITHIN_S)
        await wait_until_ready(settings)


def with_signals(stop: Callable[[], None], new_model: Callable[[], None], new_web: Callable[[], None]) -> None:
    """SIGINT and SIGTERM stop; SIGUSR1 makes Rasa serve the newest model; SIGUSR2 starts the web processes again, one by one."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGUSR1, new_model)
    loop.add_signal_handler(signal.SIGUSR2, new_web)
