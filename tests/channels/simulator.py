"""A vendor of messaging channels on loopback: it keeps what we send and answers as its script says."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Says:
    """One answer. `delay_s` longer than the client waits is a time-out after accepting."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0
    content_type: str = "application/json"


@dataclass
class Vendor:
    """Answers by path: `script` holds the next answers of a path, `always` what it says when there are none left."""

    url: str
    always: Callable[[Received], Says] = lambda _request: Says()
    script: list[Says] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    scripted: Callable[[Received], bool] = lambda _request: True  # which requests the script is for

    def texts(self, read: Callable[[Received], str]) -> list[str]:
        return [read(request) for request in self.received if self.scripted(request)]


@asynccontextmanager
async def vendor() -> AsyncIterator[Vendor]:
    async def answer(request: web.Request) -> web.Response:
        got = Received(
            request.method,
            request.path,
            dict(request.query),
            {name.lower(): value for name, value in request.headers.items()},
            await request.read(),
        )
        running.received.append(got)
        says = running.script.pop(0) if running.script and running.scripted(got) else running.always(got)
        await asyncio.sleep(says.delay_s)
        return web.Response(status=says.status, body=says.body, headers=says.headers, content_type=says.content_type)

    app = web.Application(client_max_size=2**25)
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    listening = socket.create_server(("127.0.0.1", 0))
    running = Vendor(f"http://127.0.0.1:{listening.getsockname()[1]}")
    await web.SockSite(runner, listening).start()
    try:
        yield running
    finally:
        await runner.cleanup()
