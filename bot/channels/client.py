"""The wire to vendors: one request, one answer of bounded size; what goes wrong on the way is a temporary TransportError."""

from __future__ import annotations

import io

import aiohttp
from yarl import URL

from bot.channels import mail_wire
from bot.channels.addresses import PrivateAddress, PublicResolver, is_number, is_public
from bot.channels.loss import Loss
from bot.channels.vendor import (
    Call,
    Reason,
    VendorAnswer,
)
from bot.errors import TransportError

TIMEOUT_S = 10.0
UPLOAD_PER_S = 2_000_000  # bytes: so much longer may a request take that carries a file; with it a send stays within the courier's lease
MOST_BYTES = 1_000_000  # of an answer


class TooLong(Exception):
    """An answer is longer than we read."""


class VendorClient:
    """One process's connections to all vendors."""

    def __init__(self, *, timeout_s: float = TIMEOUT_S) -> None:
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None
        self._public: aiohttp.ClientSession | None = None

    async def send(self, call: Call) -> VendorAnswer:
        """Return the vendor's answer, whatever its status; redirects are not followed, since they would carry our secrets elsewhere."""
        if call.by_mail:
            return await mail_wire.carry(call, timeout_s=self._timeout.total or TIMEOUT_S)
        try:
            return await self._ask(call, MOST_BYTES)
        except TooLong as error:
            raise TransportError("the vendor's answer has no end", reason=Reason.UNREACHABLE) from error

    async def fetch(self, call: Call, *, most_bytes: int) -> VendorAnswer:
        """Return the answer with a file in it; a longer one is a permanent TransportError."""
        try:
            return await self._ask(call, most_bytes)
        except TooLong as error:
            raise TransportError(f"the file is larger than {most_bytes} bytes", reason=Loss.TOO_LARGE, permanent=True) from error

    async def _ask(self, call: Call, most_bytes: int) -> VendorAnswer:
        longer = aiohttp.ClientTimeout(total=(self._timeout.total or TIMEOUT_S) + len(call.body) / UPLOAD_PER_S)
        try:
            async with self._open(call).request(
                call.method,
                URL(call.url, encoded=True),
                data=io.BytesIO(call.body) if call.body else None,  # bytes as they are would hold up the others
                headers=call.headers,
                allow_redirects=False,
                timeout=longer,
            ) as response:
                body = bytearray()
                if (response.content_length or 0) > most_bytes:
                    raise TooLong
                async for piece in response.content.iter_chunked(65536):
                    body += piece
                    if len(body) > most_bytes:
                        raise TooLong
                headers = {name.lower(): value for name, value in response.headers.items()}
                return VendorAnswer(response.status, headers, bytes(body))
        except ValueError as error:  # no host that could be asked, such as labels that are empty or too long; it never becomes one
            reason = Loss.ADDRESS if call.outside else Reason.UNREACHABLE
            raise TransportError("the address names no host", reason=reason, permanent=call.outside) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(getattr(error, "os_error", error), PrivateAddress):
                raise TransportError("the address is not a public one", reason=Loss.ADDRESS, permanent=True) from error
            # The error's own words may quote the address, and with it a secret.
            raise TransportError(f"the vendor was not reached: {type(error).__name__}", reason=Reason.UNREACHABLE) from error

    async def close(self) -> None:
        for session in (self._session, self._public):
            if session is not None:
                await session.close()
        self._session = self._public = None

    def _open(self, call: Call) -> aiohttp.ClientSession:
        if not call.outside:
            self._session = self._session or self._new(aiohttp.TCPConnector())
            return self._session
        host = URL(call.url, encoded=True).host or ""
        if is_number(host) and not is_public(host):
            raise PrivateAddress("the address is inside")
        self._public = self._public or self._new(aiohttp.TCPConnector(resolver=PublicResolver(), use_dns_cache=False))
        return self._public

    def _new(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=True)
