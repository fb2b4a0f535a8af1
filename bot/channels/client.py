"""The wire to vendors: one request, one answer of bounded size; what goes wrong on the way is a temporary TransportError."""

from __future__ import annotations

import aiohttp
from yarl import URL

from bot.channels import mail_wire
from bot.channels.base import Call, Reason, VendorAnswer
from bot.errors import TransportError

TIMEOUT_S = 10.0
MOST_BYTES = 1_000_000  # of an answer


class VendorClient:
    """One process's connections to all vendors."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def send(self, call: Call) -> VendorAnswer:
        """Return the vendor's answer, whatever its status; redirects are not followed, since they would carry our secrets elsewhere."""
        if call.by_mail:
            return await mail_wire.carry(call, timeout_s=self._timeout.total or TIMEOUT_S)
        try:
            async with self._open().request(
                call.method, URL(call.url, encoded=True), data=call.body or None, headers=call.headers, allow_redirects=False
            ) as response:
                body = b""
                async for piece in response.content.iter_chunked(65536):
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise TransportError("the vendor's answer has no end", reason=Reason.UNREACHABLE)
                headers = {name.lower(): value for name, value in response.headers.items()}
                return VendorAnswer(response.status, headers, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # The error's own words may quote the address, and with it a secret.
            raise TransportError(f"the vendor was not reached: {type(error).__name__}", reason=Reason.UNREACHABLE) from error

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True)
        return self._session
