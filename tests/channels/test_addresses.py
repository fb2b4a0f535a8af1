"""Nobody makes us ask a machine of our own network."""

from __future__ import annotations

import socket

import pytest

from bot.channels.addresses import elsewhere, is_public
from bot.channels.client import VendorClient
from bot.channels.loss import Loss
from bot.channels.vendor import (
    Call,
)
from bot.errors import TransportError

HOSTS = ("vendor.example",)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1:248:1893:25c8:1946", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.216.34", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::7f00:1", False),
        ("not an address", False),
    ],
)
def test_only_addresses_of_the_public_internet_are_public(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "url",
    [
        "http://cdn.vendor.example/f",
        "https://vendor.example.evil.example/f",
        "https://evilvendor.example/f",
        "https://evil.example/?vendor.example",
        "https://vendor.example@evil.example/f",
        "https://evil.example#.vendor.example",
        "file:///etc/passwd",
        "gopher://vendor.example/",
        "//vendor.example/f",
        "https://vendor.example:99999/f",
        "https://[::1/f",
        "https://vendor.example/\r\nHost: x",
        "https://vendor.example/发票",
        "",
    ],
)
def test_an_address_that_is_not_the_vendors_is_refused(url: str) -> None:
    with pytest.raises(TransportError) as raised:
        elsewhere(url, own="http://127.0.0.1:9", hosts=HOSTS)

    assert (raised.value.reason, raised.value.permanent) == (Loss.ADDRESS, True)


def test_the_vendors_addresses_are_taken_and_looked_at() -> None:
    assert elsewhere("https://cdn.vendor.example/f?a=1", hosts=HOSTS).outside
    assert not elsewhere("http://127.0.0.1:9/f", own="http://127.0.0.1:9/api", hosts=HOSTS).outside
    assert elsewhere("http://127.0.0.1:10/f", own="http://127.0.0.1:9", anywhere=True).outside
    assert not elsewhere("http://files.internal:8000/f", inside=("files.internal:8000",)).outside
    assert elsewhere("http://files.internal/f", inside=("files.internal:8000",), anywhere=True).outside


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "2130706433", "0x7f.0.0.1", "127.1"])
async def test_no_spelling_of_an_inner_address_is_asked(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        client = VendorClient(timeout_s=2)

        with pytest.raises(TransportError):
            await client.fetch(Call("GET", f"http://{host}:{listening.getsockname()[1]}/", outside=True), most_bytes=10)

        await client.close()
        with pytest.raises(TimeoutError):
            listening.accept()


async def test_a_name_that_leads_inside_is_refused_for_good() -> None:
    client = VendorClient(timeout_s=2)

    with pytest.raises(TransportError) as raised:
        await client.fetch(Call("GET", "http://localhost:9/", outside=True), most_bytes=10)

    await client.close()
    assert (raised.value.reason, raised.value.permanent) == (Loss.ADDRESS, True)


@pytest.mark.parametrize("host", [".example.com", "a" * 64 + ".com", "example..com"])
async def test_an_address_that_names_no_host_is_lost_for_good(host: str) -> None:
    client = VendorClient(timeout_s=2)

    with pytest.raises(TransportError) as raised:
        await client.fetch(Call("GET", f"http://{host}/x", outside=True), most_bytes=10)

    await client.close()
    assert (raised.value.reason, raised.value.permanent) == (Loss.ADDRESS, True)
