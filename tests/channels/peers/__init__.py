"""Vendors' own libraries that do not fit beside Rasa: each in an environment of its own, which the tests make and keep.

A script of this folder runs there: it reads one line of JSON and writes one. `ask` gives it the one and returns the other.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
MADE_WITHIN_S = 120.0
ANSWERS_WITHIN_S = 100.0

Ask = Callable[..., Awaitable[Any]]
PeerEnvironment = Callable[..., Ask]


@pytest.fixture(scope="session")
def peer_environment(pytestconfig: pytest.Config) -> PeerEnvironment:
    """`peer_environment("line-bot-sdk==3.27.0")` makes the environment once; the test is skipped where the registry is out of reach."""
    assert pytestconfig.cache is not None
    cache = pytestconfig.cache.mkdir("peers")

    def make(*requirements: str) -> Ask:
        folder = cache / hashlib.sha256(" ".join(requirements).encode()).hexdigest()[:16]
        if not (folder / "made").exists():
            _make(folder, requirements)

        async def ask(script: str, **question: object) -> Any:
            return await asyncio.to_thread(_ask, folder / "bin" / "python", Path(__file__).parent / script, question)

        return ask

    return make


def _make(folder: Path, requirements: tuple[str, ...]) -> None:
    python, names = str(folder / "bin" / "python"), ", ".join(requirements)
    venv = ["venv", "--quiet", "--clear", "--python", sys.executable, str(folder)]
    for arguments in (venv, ["pip", "install", "--python", python, *requirements]):
        try:
            done = subprocess.run([ROOT / "scripts" / "uv", *arguments], capture_output=True, text=True, timeout=MADE_WITHIN_S, check=False)
        except subprocess.TimeoutExpired:
            pytest.skip(f"{names} did not arrive within {MADE_WITHIN_S:.0f} s; this test wants a registry")
        if done.returncode:
            pytest.skip(f"{names} could not be installed; this test wants a registry: {done.stderr[-300:]}")
    (folder / "made").touch()


def _ask(python: Path, script: Path, question: dict[str, object]) -> Any:
    # Compiled modules are kept, whatever the environment says: one of these libraries takes 8 s to compile.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [python, "-W", "ignore", script],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        timeout=ANSWERS_WITHIN_S,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
