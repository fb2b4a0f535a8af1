"""Vendors' own libraries and ours on the same requests, in both directions."""

from __future__ import annotations

import json
import time

import pytest

from bot.channels.base import (
    Channel,
    Choice,
    Outgoing,
)
from bot.channels.vendor import (
    Call,
    VendorAnswer,
)
from tests.channels.peers import PeerEnvironment, peer_environment
from tests.channels.simulator import Received, Says, Vendor
from tests.channels.vendors import FEISHU, LINE

__all__ = ["peer_environment"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

KEY = "123e4567-e89b-12d3-a456-426614174000"


def same_request(got: Received, call: Call, url: str) -> None:
    """The library's request and ours go to the same place with the same rights and JSON; theirs may hold more, such as defaults."""
    query = "&".join(f"{name}={value}" for name, value in got.query.items())
    assert (got.method, f"{url}{got.path}{'?' if query else ''}{query}") == (call.method, call.url)
    theirs, ours = json.loads(got.body), json.loads(call.body)
    assert {name: theirs[name] for name in ours} == ours
    headers = {name.lower(): value for name, value in call.headers.items()}
    for name in {"authorization", "x-line-retry-key"} & set(headers):
        assert got.headers[name] == headers[name]


async def test_line_bot_sdk_reads_what_we_read_and_sends_what_we_send(peer_environment: PeerEnvironment, simulator: Vendor) -> None:
    ask = peer_environment("line-bot-sdk==3.27.0")
    simulator.always = lambda _request: LINE.taken
    channel, signed = LINE.channel(simulator.url), LINE.sign(LINE.payload("你好, hello", "m1", "U1"), time.time())

    made = await ask(
        "line.py",
        secret=channel.settings.get("SECRET"),
        body=signed.body.decode(),
        signature=signed.headers["x-line-signature"],
        url=simulator.url,
        key=KEY,
    )

    [message] = channel.parse(signed).messages
    assert made["read"] == [[message.channel_user, "m1", message.text]]
    assert made["refuses"]
    theirs = channel.parse(LINE.sign(made["built"].encode(), time.time())).messages
    assert [(each.channel_user, each.client_id, each.text, each.button_id) for each in theirs] == [
        ("U1", "ch:77", "退货 please", ""),
        ("U1", "ch:E2", "", "m/0"),
    ]
    [got] = simulator.received
    same_request(got, channel.build(Outgoing("U1", "Which?", KEY, buttons=(Choice("m/0", "退货"),)), token=""), simulator.url)
    assert made["sent"] == _read(channel, LINE.taken)


async def test_lark_oapi_opens_what_we_open_and_sends_what_we_send(peer_environment: PeerEnvironment, simulator: Vendor) -> None:
    ask = peer_environment("lark-oapi==1.7.5")
    simulator.always = lambda request: FEISHU.taken if FEISHU.is_send(request) else FEISHU.token or Says()
    channel, sealed = FEISHU.channel(simulator.url), FEISHU.sign(FEISHU.payload("你好, hello", "om_1", "oc_1"), time.time())

    made = await ask(
        "feishu.py",
        encrypt_key=channel.settings.get("ENCRYPT_KEY"),
        token=channel.settings.get("VERIFICATION_TOKEN"),
        headers=dict(sealed.headers),
        body=sealed.body.decode(),
        url=simulator.url,
        key=KEY,
    )

    [message] = channel.parse(sealed).messages
    assert made["read"] == [[message.channel_user, "om_1", message.text]]
    assert made["statuses"] == [200, 500], "their library, too, refuses what was changed"
    token, sent = simulator.received
    same_request(token, channel.token_call(), simulator.url)
    same_request(sent, channel.build(Outgoing("oc_1", "你好", KEY), token="t-1"), simulator.url)
    assert made["sent"] == _read(channel, FEISHU.taken)


def _read(channel: Channel, says: Says) -> str:
    return channel.read(VendorAnswer(says.status, says.headers, says.body))
