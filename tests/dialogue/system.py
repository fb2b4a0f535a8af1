"""Rasa and the action server as processes of their own, spoken to over HTTP as the service does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import sqlalchemy as sa

from bot.database import sync_engine
from bot.ids import new_id
from bot.messages import Turn

TOY = Path(__file__).parent / "toy"
ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-tests"
START_S = 120


class System:
    """One Rasa, one action server, one database."""

    def __init__(self, folder: Path, *, model: Path | None, database: Path, **settings: str) -> None:
        self.folder = folder
        self.port, self.actions_port = free_port(), free_port()
        (folder / "models").mkdir()
        if model:
            shutil.copy(model, folder / "models" / model.name)
        shutil.copy(database, folder / "yingda.sqlite3")
        self.database_url = f"sqlite:///{folder}/yingda.sqlite3"
        self.engine: sa.Engine = sync_engine(self.database_url)
        self.runs_file = folder / "runs"
        self.environment = {
            **os.environ,
            "YINGDA_DATA_DIR": str(folder),
            "DATABASE_URL": self.database_url,
            "YINGDA_INTERNAL_TOKEN": TOKEN,
            "RASA_PORT": str(self.port),
            "ACTIONS_PORT": str(self.actions_port),
            "TOY_RUNS": str(self.runs_file),
            "TOY_DELAY": "0.2",
            "PYTHONPATH": f"{ROOT}{os.pathsep}{TOY}",
            **settings,
        }

    @contextmanager
    def running(self) -> Iterator[None]:
        with self.rasa(), self.actions():
            yield
        self.engine.dispose()

    @contextmanager
    def rasa(self) -> Iterator[None]:
        with self._process("bot.dialogue.host", port=self.port):
            yield

    @contextmanager
    def actions(self) -> Iterator[None]:
        with self._process("bot.dialogue.actions_server", "toy_actions", port=self.actions_port):
            yield

    @contextmanager
    def _process(self, module: str, *arguments: str, port: int) -> Iterator[None]:
        with (self.folder / f"{module}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments], env=self.environment, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_for(port, process)
            yield
        finally:
            process.terminate()
            process.wait(10)

    def log(self) -> str:
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def runs(self, message_id: str) -> list[str]:
        """Return the names of the actions that ran for the message."""
        lines = self.runs_file.read_text().splitlines() if self.runs_file.exists() else []
        return [line.split()[0] for line in lines if line.split()[1] == message_id]

    async def post(
        self, body: dict[str, Any] | bytes, token: str = TOKEN, path: str = "/webhooks/yingda/turn"
    ) -> tuple[int, dict[str, Any]]:
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        url = f"http://127.0.0.1:{self.port}{path}"
        async with (
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session,
            session.post(url, data=data) as response,
        ):
            return response.status, await response.json()

    async def say(self, conversation: str, text: str, **more: Any) -> Turn:
        body = {"conversation_id": conversation, "message_id": new_id(), "epoch": 1, "text": text, "language": "en", **more}
        status, answer = await self.post(body)
        assert status == 200, answer
        return msgspec.convert(answer, Turn)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    give_up_at = time.monotonic() + START_S
    while time.monotonic() < give_up_at:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        time.sleep(0.05)
    raise TimeoutError(f"{process.args!r} does not listen on {port}")
