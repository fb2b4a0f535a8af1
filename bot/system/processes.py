"""Which processes the system is made of."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bot.redis import embedded_server_command
from bot.settings import Settings

# One thread a process for linear algebra (more are many times slower on a busy machine), small arenas, no telemetry.
ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "RASA_TELEMETRY_ENABLED": "false",
    "PYTHONUNBUFFERED": "1",
}

BACKLOG = 1024  # connections that wait while every web process is busy or starting


@dataclass(frozen=True)
class Process:
    name: str
    command: list[str]
    environment: Mapping[str, str]
    folder: Path
    inherits: tuple[int, ...] = ()  # file descriptors that it gets from us


def python_process(name: str, module: str, *arguments: str, settings: Settings, root: Path) -> Process:
    environment = {**os.environ, **ENVIRONMENT, "YINGDA_DATA_DIR": str(settings.data_dir)}
    # Where Python may not keep compiled modules, Rasa's import takes three times as long.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return Process(name, [sys.executable, "-m", module, *arguments], environment, root)


def redis_process(settings: Settings, root: Path) -> Process:
    return Process("redis", embedded_server_command(settings.redis_socket), dict(os.environ), root)


def rasa_process(settings: Settings, root: Path) -> Process:
    return python_process("rasa", "bot.dialogue.host", settings=settings, root=root)


def listening_socket(settings: Settings) -> socket.socket | None:
    """Return the socket that several web processes accept from; None for one process, which opens its own.

    It is ours, so that a connection that comes while one of them starts again is taken by another or waits.
    """
    if settings.web_workers == 1:
        return None
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    return socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)


def web_processes(settings: Settings, root: Path, listening: socket.socket | None) -> list[Process]:
    if listening is None:
        return [python_process("web", "bot.web.app", settings=settings, root=root)]
    number = listening.fileno()
    names = ["web", *(f"web-{count}" for count in range(2, settings.web_workers + 1))]
    made = [python_process(name, "bot.web.app", str(number), settings=settings, root=root) for name in names]
    return [replace(process, inherits=(number,)) for process in made]


def serving_processes(settings: Settings, root: Path, listening: socket.socket | None) -> list[Process]:
    """Return those that need the database's tables: all but Redis and Rasa."""
    return [
        python_process("actions", "bot.dialogue.actions_server", settings=settings, root=root),
        *web_processes(settings, root, listening),
        python_process("worker", "bot.worker", settings=settings, root=root),
    ]
