"""One process under supervision: started, its output kept, started again when it dies, stopped with all that it started."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from bot.system.log import Log
from bot.system.processes import Process

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
WELL_AFTER_S = 30.0  # who has lived so long has started well
HOPELESS_DEATHS = 5
CHUNK = 64 * 1024
LONGEST_LINE = 1024 * 1024
LAST_WORDS_S = 0.5  # what a dead process has printed is in the pipe already

_PR_SET_PDEATHSIG = 1  # prctl(2)
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None

Hopeless = Callable[["Child", int], None]


class Child:
    """`hopeless` hears, once in a row of early deaths, of the child and its exit code."""

    def __init__(self, process: Process, log: Log, *, hopeless: Hopeless) -> None:
        self.name = process.name
        self.log = log
        self.deaths = 0  # early ones in a row
        self._process = process
        self._hopeless = hopeless
        self._running: Running | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        return self._running.pid if self._running and self._running.alive else None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_alive())

    def restart(self) -> None:
        """End the process; it is started again at once."""
        self.deaths = 0
        if self._running:
            self._running.terminate()

    async def stop(self, grace_s: float) -> None:
        """Ask the process to end; kill it and what it started when it has not after `grace_s`."""
        self._stopping = True
        if self._task is None:
            return
        if self._running and self._running.alive:
            self._running.terminate()
            await asyncio.wait({self._task}, timeout=grace_s)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if self._running:
            await self._running.end()
        self.log.close()

    async def _keep_alive(self) -> None:
        while not self._stopping:
            began = time.monotonic()
            self._running = await Running.start(self._process)
            code = await self._follow(self._running)
            if not self._stopping:
                await self._pause(code, lived_s=time.monotonic() - began)

    async def _pause(self, code: int, *, lived_s: float) -> None:
        """Wait before the next start, the longer the more often it has died early."""
        self.deaths = 1 if lived_s > WELL_AFTER_S else self.deaths + 1
        self._note(f"ended with {code} after {lived_s:.1f} s; it is started again")
        if self.deaths == HOPELESS_DEATHS:
            self._hopeless(self, code)
        await asyncio.sleep(min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (self.deaths - 1)))

    async def _follow(self, running: Running) -> int:
        """Keep what it prints until it ends; what it started, and left behind, ends with it."""
        reading = asyncio.create_task(self._read(running))
        try:
            code = await running.wait()
            running.kill_group()
            await asyncio.wait({reading}, timeout=LAST_WORDS_S)
        finally:
            reading.cancel()
            running.close()
        return code

    async def _read(self, running: Running) -> None:
        while data := await running.output.read(CHUNK):
            self.log.write(data)

    def _note(self, text: str) -> None:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        self.log.write(f"{stamp} INFO yingda.supervisor: {self.name} {text}\n".encode())


class Running:
    """A started process in a group of its own, which dies with us.

    Its output is a pipe of ours: asyncio's own would make `wait` wait for everybody who inherited it.
    """

    def __init__(self, process: asyncio.subprocess.Process, output: asyncio.StreamReader, transport: asyncio.ReadTransport) -> None:
        self.pid = process.pid
        self.output = output
        self._process = process
        self._transport = transport

    @classmethod
    async def start(cls, process: Process) -> Running:
        reading, writing = os.pipe()
        output = asyncio.StreamReader(limit=LONGEST_LINE)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), os.fdopen(reading, "rb", 0)
        )
        try:
            started = await asyncio.create_subprocess_exec(
                *process.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=dict(process.environment),
                cwd=process.folder,
                start_new_session=True,
                pass_fds=process.inherits,
                preexec_fn=_die_with_parent if _libc else None,
            )
        except BaseException:
            transport.close()
            raise
        finally:
            os.close(writing)
        return cls(started, output, transport)

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        return await self._process.wait()

    def terminate(self) -> None:
        if self.alive:
            self._process.terminate()

    def kill_group(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def end(self) -> None:
        """Kill it with everything that it started."""
        self.kill_group()
        await self._process.wait()
        self.close()

    def close(self) -> None:
        self._transport.close()


def _die_with_parent() -> None:
    """Run in the child before it becomes the program: however the supervisor ends, nothing of it keeps a port."""
    assert _libc
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
