"""A TCP proxy between clients and web app that cuts connections and delays what they carry.

Each connection has its own delay, so that requests of one client on two of them overtake each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

CHUNK = 65536
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """`delay_s` is the longest that a chunk waits; a chunk keeps its place on its own connection, as in TCP."""

    def __init__(self, port: int, dice: random.Random) -> None:
        self.delay_s = 0.0
        self._upstream = port
        self._dice = dice
        self._open: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Yield the port to connect to."""
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            self.cut(1.0)

    def cut(self, share: float) -> int:
        """Reset this share of all connections, whatever they are at; return how many."""
        chosen = [writer for writer in self._open if self._dice.random() < share]
        for writer in chosen:
            writer.transport.abort()
        return len(chosen)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
        except OSError:
            writer.transport.abort()
            return
        self._open.add(writer)
        ways = [asyncio.create_task(self._carry(reader, up_writer)), asyncio.create_task(self._carry(up_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open.discard(writer)
            for way in ways:
                way.cancel()
            for end in (writer, up_writer):
                end.transport.abort() if end.transport.is_closing() else end.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.delay_s:
                    await asyncio.sleep(self._dice.uniform(0, self.delay_s))
                writer.write(data)
                await writer.drain()
