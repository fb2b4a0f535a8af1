"""Which processes the system is made of."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Process:
    name: str
    command: list[str]
    environment: Mapping[str, str]
    folder: Path


def python_process(name: str, module: str, *arguments: str, settings: Settings, root: Path) -> Process:
    environment = {**os.environ, **ENVIRONMENT, "YINGDA_DATA_DIR": str(settings.data_dir)}
    # Where Python may not keep compiled modules, Rasa's import takes three times as long.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return Process(name, [sys.executable, "-m", module, *arguments], environment, root)


def redis_process(settings: Settings, root: Path) -> Process:
    return Process("redis", embedded_server_command(settings.redis_socket), dict(os.environ), root)


def rasa_process(settings: Settings, root: Path) -> Process:
    return python_process("rasa", "bot.dialogue.host", settings=settings, root=root)


def serving_processes(settings: Settings, root: Path) -> list[Process]:
    """Return those that need the database's tables: all but Redis and Rasa."""
    return [
        python_process("actions", "bot.dialogue.actions_server", settings=settings, root=root),
        python_process("web", "bot.web.app", settings=settings, root=root),
        python_process("worker", "bot.worker", settings=settings, root=root),
    ]
