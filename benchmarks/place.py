"""Where the project is, the environment of what we start, and free ports on loopback."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def child_environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return our environment with what is given, the project to import from, and leave to keep compiled modules as a product does."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**inherited, "PYTHONPATH": str(ROOT), **given}


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on; all are different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
