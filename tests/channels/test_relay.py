"""One callback address, two systems: what WeChat sends is passed on as it came, or comes from a callback that the company runs."""

from __future__ import annotations

import asyncio
import base64
import time
from dataclasses import replace

import aiohttp
import pytest
from wechatpy import parse_message
from wechatpy.crypto import PrpCrypto
from wechatpy.utils import WeChatSigner

from bot.channels.signing import signed_body
from bot.errors import AuthError, InputError, SettingError
from bot.settings import ChannelSettings, Settings
from tests.channels.conftest import account
from tests.channels.simulator import Received, Says, Vendor
from tests.channels.test_webhooks import post, said, signed
from tests.channels.vendors import NOW, SECRET, WECHAT, WECHAT_KEY, altered, request
from tests.fakes import FakeRasa
from tests.web.conftest import database_url, http, sample, web

__all__ = ["database_url", "http", "sample", "web"]

on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)
THEIRS = b"<xml><Encrypt>theirs</Encrypt></xml>"


@pytest.fixture
def settings(database_url: str, settings: Settings, simulator: Vendor, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The simulator is the company's callback here; it has 2 s."""
    monkeypatch.setattr("bot.web.app.RELAY_S", 2.0)
    values = WECHAT.settings("http://127.0.0.1:9") | {"RELAY_URL": f"{simulator.url}/theirs?app=1", "FORWARD_SECRET": SECRET}
    return replace(settings, channels=(ChannelSettings("wechat", "wechat", values),))


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa()


def opened(got: Received) -> str:
    """Verify and read what was passed on as the company's own callback does, with a library of others."""
    encrypted = got.body.decode().split("<Encrypt><![CDATA[")[1].split("]]>")[0]
    signer = WeChatSigner()
    signer.add_data("t0ken", got.query["timestamp"], got.query["nonce"], encrypted)
    assert signer.signature == got.query["msg_signature"]
    return str(parse_message(PrpCrypto(base64.b64decode(WECHAT_KEY + "=")).decrypt(encrypted, "wx1")).content)


async def answered(http: aiohttp.ClientSession, text: str, key: str, **headers: str) -> bytes:
    wanted = signed(WECHAT, text, key)
    async with http.post("/webhooks/wechat", data=wanted.body, params=dict(wanted.query), headers=headers) as response:
        assert response.status == 200
        return await response.read()


@pytest.mark.slow
@on_sqlite
async def test_what_is_verified_is_passed_on_as_it_came_and_its_answer_comes_back(
    http: aiohttp.ClientSession, settings: Settings, simulator: Vendor
) -> None:
    simulator.script = [Says(body=THEIRS, content_type="text/xml"), Says(body=b"success"), Says(status=500, body=THEIRS), Says(delay_s=30)]

    assert await answered(http, "你好", "m1") == THEIRS
    assert await answered(http, "二", "m2") == b"success"
    assert await answered(http, "三", "m3") == b"success"  # theirs is unwell: ours goes on
    assert await answered(http, "四", "m4", **{"X-Yingda-Relayed": "other"}) == b"success"  # not round and round
    bad = altered(signed(WECHAT, "假", "m5"), query={"timestamp": str(int(time.time())), "nonce": "n", "msg_signature": "0" * 40})
    assert await post(http, WECHAT, bad) == 401

    assert [opened(got) for got in simulator.received] == ["你好", "二", "三"]
    assert {got.query["app"] for got in simulator.received} == {"1"}
    assert {got.headers["x-yingda-relayed"] for got in simulator.received} == {"wechat"}
    assert [text for _, sender, text in await said(settings) if sender == "customer"] == ["你好", "二", "三", "四"]


@pytest.mark.slow
@on_sqlite
async def test_a_callback_that_hangs_holds_the_vendor_no_longer_than_it_waits(
    http: aiohttp.ClientSession, simulator: Vendor, settings: Settings
) -> None:
    simulator.script = [Says(body=THEIRS, delay_s=30)]
    began = time.monotonic()

    assert await asyncio.wait_for(answered(http, "你好", "m1"), 8) == b"success"

    assert 1.9 < time.monotonic() - began < 4


FORWARDING = account("wechat", TOKEN="t0ken", APP_ID="wx1", APP_SECRET="s", AES_KEY=WECHAT_KEY, FORWARD_SECRET=SECRET, PASSIVE="1")
CLEAR = WECHAT.payload("你好", "m1", "oUser")


def forwarded(body: bytes = CLEAR, *, secret: str = SECRET, at: float = NOW) -> dict[str, str]:
    return {"x-yingda-timestamp": str(int(at)), "x-yingda-signature": signed_body(secret, str(int(at)), body)}


def test_what_a_callback_of_the_company_sends_on_is_read_and_answered_in_clear() -> None:
    asked = request(CLEAR, headers=forwarded())

    [message] = FORWARDING.parse(asked).messages
    read = parse_message(FORWARDING.reply(message, "您好", request=asked).body)

    assert (message.text, message.channel_user) == ("你好", "oUser")
    assert (read.content, read.target) == ("您好", "oUser")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-yingda-timestamp": str(int(NOW))},
        forwarded(secret="another secret of them"),
        forwarded(CLEAR + b" "),
        forwarded(at=NOW - 301),
        forwarded() | {"x-yingda-timestamp": str(int(NOW) + 1)},
        forwarded() | {"x-yingda-signature": "签名"},
    ],
    ids=["nothing", "no signature", "another secret", "another body", "late", "another time", "not ASCII"],
)
def test_what_is_sent_on_without_the_secret_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(AuthError):
        FORWARDING.parse(request(CLEAR, headers=headers))


def test_nothing_is_taken_in_clear_where_no_secret_is_set() -> None:
    with pytest.raises(AuthError):
        WECHAT.channel().parse(request(CLEAR, headers=forwarded(secret="")))
    with pytest.raises(InputError):
        FORWARDING.parse(request(b"nonsense", headers=forwarded(b"nonsense")))


@pytest.mark.parametrize(("name", "value"), [("RELAY_URL", "ftp://x"), ("RELAY_URL", "company.example"), ("FORWARD_SECRET", "short")])
def test_a_setting_that_makes_no_sense_is_told(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"WECHAT_{name}"):
        account("wechat", TOKEN="t0ken", APP_ID="wx1", APP_SECRET="s", **{name: value})
