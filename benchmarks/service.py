"""A process that serves on loopback: started, waited for, ended by its id."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.place import child_environment

LISTENS_WITHIN_S = 300.0
ENDS_WITHIN_S = 10.0
ASK_EVERY_S = 0.02


@dataclass(frozen=True)
class Service:
    """`python -m arguments`, listening on `port`."""

    name: str
    arguments: list[str]
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Running:
    service: Service
    process: subprocess.Popen[bytes]
    log: Path
    started_at: float  # time.monotonic

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    def wait_until_listening(self) -> None:
        """Return when the port is open; raises RuntimeError when the process ends instead, TimeoutError when it takes too long."""
        give_up_at = time.monotonic() + LISTENS_WITHIN_S
        while time.monotonic() < give_up_at:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.service.port)) == 0:
                    return
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.service.name} ended with {self.process.returncode}:\n{self._last_lines()}")
            time.sleep(ASK_EVERY_S)
        raise TimeoutError(f"{self.service.name} does not listen after {LISTENS_WITHIN_S:.0f} s:\n{self._last_lines()}")

    def _last_lines(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf8", errors="replace").splitlines()[-15:])


@contextmanager
def running(service: Service, folder: Path) -> Iterator[Running]:
    """Run the service in `folder`, where its log stays; it is ended with the block."""
    path = folder / f"{service.name}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", *service.arguments],
            cwd=folder,
            env=child_environment(service.environment),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Running(service, process, path, time.monotonic())
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
