"""What is not ready yet is named."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from pathlib import Path

from bot.settings import load_settings
from bot.system.ready import get_json, missing_parts


async def serve(answer: dict[str, object], *, status: int = 200) -> asyncio.Server:
    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps(answer).encode()
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body)) + body)
        writer.close()

    return await asyncio.start_server(one, "127.0.0.1", 0)


def port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


async def test_each_part_that_is_missing_is_named(tmp_path: Path) -> None:
    settings = load_settings({"YINGDA_DATA_DIR": str(tmp_path)}, root=tmp_path)
    web = await serve({"ready": False, "model": False, "redis": True, "database": True}, status=503)
    async with web:
        settings = dataclasses.replace(settings, port=port(web), actions_port=1)

        assert await missing_parts(settings) == ["model", "actions"]
    assert await missing_parts(settings) == ["web", "actions"]


async def test_all_ready_is_nothing_missing(tmp_path: Path) -> None:
    settings = load_settings({"YINGDA_DATA_DIR": str(tmp_path)}, root=tmp_path)
    web = await serve({"ready": True, "model": True, "redis": True, "database": True})
    actions = await serve({"status": "ok"})
    async with web, actions:
        settings = dataclasses.replace(settings, port=port(web), actions_port=port(actions))

        assert await missing_parts(settings) == []


async def test_who_does_not_speak_http_is_not_ready() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        assert await get_json("127.0.0.1", port(server), "/readyz") is None
