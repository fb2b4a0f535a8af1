"""Is the system ready: asked over HTTP, with nothing but asyncio, since the supervisor should stay small."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from bot.settings import Settings
from bot.system.place import local_url

ASK_EVERY_S = 0.2
ANSWER_WITHIN_S = 4.0


async def wait_until_ready(settings: Settings) -> None:
    """Return when the web app says that all is ready and the action server answers."""
    while await missing_parts(settings):
        await asyncio.sleep(ASK_EVERY_S)


async def missing_parts(settings: Settings) -> list[str]:
    """Return what is not ready yet: model, redis, database, web, actions."""
    ready, actions = await asyncio.gather(
        get_json(*local_url(settings), "/readyz"), get_json("127.0.0.1", settings.actions_port, "/health")
    )
    missing = ["web"] if ready is None else [part for part in ("model", "redis", "database") if not ready.get(part)]
    return missing + ([] if actions else ["actions"])


async def get_json(host: str, port: int, path: str) -> dict[str, Any] | None:
    """Return the JSON object at the address, whatever its status; None when nobody answers with one."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            body = await _get(host, port, path)
        answer = json.loads(body)
    except (OSError, TimeoutError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None


async def _get(host: str, port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        name = f"[{host}]" if ":" in host else host
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1."):
            raise ValueError("no HTTP answer")
        return body
    finally:
        writer.close()
