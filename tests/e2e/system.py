"""The whole system as `yingda up` starts it, on free ports and a data directory of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[2]
# What a process's command line ends with, by the name that the supervisor gives it.
MARKS = {
    "rasa": "bot.dialogue.host",
    "actions": "bot.dialogue.actions_server",
    "web": "bot.web.app",
    "worker": "bot.worker",
    "redis": "redis-server",
}


class System:
    command: tuple[str, ...] = ("-m", "bot.cli", "up")

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.port, rasa_port, actions_port = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("YINGDA_", "DATABASE_URL", "REDIS_URL"))},
            "YINGDA_DATA_DIR": str(folder),
            "PORT": str(self.port),
            "RASA_PORT": str(rasa_port),
            "ACTIONS_PORT": str(actions_port),
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def attach(cls, url: str, folder: Path) -> System:
        """Return the system that somebody runs already at this address, over this data directory; it is not ours to stop."""
        system = cls(folder)
        system.url, system.port = url.rstrip("/"), int(url.rstrip("/").rpartition(":")[2])
        return system

    def start(self, *, within_s: float = 400) -> None:
        """Start and wait until /readyz says so; the first start also makes the data and trains."""
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.command], cwd=ROOT, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.wait_ready(within_s=within_s)

    def wait_ready(self, *, within_s: float = 60) -> None:
        def look() -> bool:
            assert self._process is None or self._process.poll() is None, f"the system has ended: {self.output()[-2000:]}"
            return self.ready()

        wait_until(look, within_s=within_s, what="the system is ready")

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=3) as response:
                return bool(json.load(response)["ready"])
        except (urllib.error.URLError, OSError, ValueError):
            return False

    def output(self) -> str:
        return (self.folder.parent / f"{self.folder.name}.log").read_text(encoding="utf8", errors="replace")

    def pid(self, name: str) -> int | None:
        """Return the process of this name; None while the supervisor has not started it again."""
        return next(iter(self.pids(name)), None)

    def pids(self, name: str) -> list[int]:
        """Return all processes of this name: with several web workers there are more than one."""
        supervisor = json.loads((self.folder / "up.lock").read_text(encoding="utf8"))["pid"]
        found = []
        for child in psutil.Process(supervisor).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if any(MARKS[name] in part for part in child.cmdline()) and child.status() != psutil.STATUS_ZOMBIE:
                    found.append(child.pid)
        return found

    def kill(self, name: str) -> None:
        """End a process at once, as a crash would."""
        pid = self.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Let a process stand still: it holds its connections and answers none."""
        pid = self.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def login(self) -> tuple[str, str]:
        return "demo", (self.folder / "demo-agent.txt").read_text(encoding="utf8").strip()

    def stop(self) -> int:
        """Stop as Ctrl-C does; return the exit code."""
        if self._process is None:
            return 0
        self._process.send_signal(signal.SIGINT)
        try:
            return self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


def wait_until(condition: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Look again and again until it is so; fail with what was waited for."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"waited {within_s:g} s in vain until {what}"
        time.sleep(0.1)


def free_ports(count: int) -> list[int]:
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ports
