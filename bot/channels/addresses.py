"""Addresses that others name: whether we go there. Nobody makes us ask a machine of our own network for something."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from aiohttp.abc import ResolveResult
from aiohttp.resolver import ThreadedResolver

from bot.channels.loss import Loss
from bot.channels.vendor import (
    Call,
)
from bot.errors import TransportError


class PrivateAddress(OSError):
    """A name leads to an address that is not on the public internet."""


class PublicResolver(ThreadedResolver):
    """Resolves names; the connection is made to the very addresses that were checked, so a name cannot change in between."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if not all(is_public(each["host"]) for each in found):
            raise PrivateAddress("the name leads to an address inside")
        return found


def is_public(address: str) -> bool:
    """Say whether this is an address of the public internet; also one that is wrapped in another kind is looked at."""
    try:
        found = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return is_public(str(found.ipv4_mapped))
        if found.sixtofour is not None or found.teredo is not None or found in ipaddress.ip_network("64:ff9b::/32"):
            return False
    return found.is_global and not found.is_multicast


def is_number(host: str) -> bool:
    """Say whether a host is an address already, so that nobody resolves it."""
    return ":" in host or host.rpartition(".")[2].isdecimal()


def elsewhere(
    url: str,
    *,
    own: str = "",
    hosts: tuple[str, ...] = (),
    headers: Mapping[str, str] | None = None,
    anywhere: bool = False,
    inside: tuple[str, ...] = (),
) -> Call:
    """Return the request for a file whose address a vendor or a customer's message names.

    Taken are the API's `own` address and the places `inside` (host or host:port), which the company has set and may be private; `hosts`
    of the vendor with all beneath them; with `anywhere` every other that is on the public internet. TransportError for any else.
    """
    try:
        parts = urlsplit(url)
        host, has_port = (parts.hostname or "").lower(), parts.port is not None
    except ValueError as error:
        raise _refused() from error
    if not url.isascii() or any(character <= " " for character in url) or parts.scheme not in {"http", "https"} or not host:
        raise _refused()
    place = f"{host}:{parts.port}" if has_port else host
    if (own and (parts.scheme, parts.netloc) == urlsplit(own)[:2]) or place in inside:
        return Call("GET", url, headers=headers or {})
    if anywhere or (parts.scheme == "https" and any(host == each or host.endswith(f".{each}") for each in hosts)):
        return Call("GET", url, headers=headers or {}, outside=True)
    raise _refused()


def _refused() -> TransportError:
    return TransportError("the file's address is not one of the vendor's", reason=Loss.ADDRESS, permanent=True)
