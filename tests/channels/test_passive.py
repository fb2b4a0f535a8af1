"""WeChat accounts that may only answer the request itself: held, repeated by the vendor, answered once, honestly when it takes too long."""

from __future__ import annotations

import asyncio
import base64
import time
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import aiohttp
import pytest
import redis.asyncio as aioredis
from wechatpy import parse_message
from wechatpy.crypto import PrpCrypto
from wechatpy.utils import WeChatSigner

from bot.channels.splitting import length
from bot.messages import HandOff, HandoffReason, Reply, Turn, TurnRequest
from bot.settings import ChannelSettings, Settings
from bot.web import passive
from tests.channels.conftest import account
from tests.channels.vendors import NOW, WECHAT, WECHAT_KEY, request
from tests.fakes import FakeRasa
from tests.web.conftest import database_url, log_in, sample, serving

__all__ = ["database_url", "sample"]

on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)


@pytest.fixture
def settings(database_url: str, settings: Settings) -> Settings:
    values = WECHAT.settings("http://127.0.0.1:9") | {"PASSIVE": "1"}
    return replace(settings, channels=(ChannelSettings("wechat", "wechat", values),))


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa()


@dataclass
class WeChat:
    """The vendor: it sends a message to one of two web processes, and opens their answers with a library of others."""

    sessions: list[aiohttp.ClientSession]

    async def say(self, text: str, key: str, *, at: int = 0, user: str = "oUser") -> str:
        """Return what the customer reads; "" for nothing."""
        wanted = WECHAT.sign(WECHAT.payload(text, key, user), time.time())
        async with self.sessions[at].post("/webhooks/wechat", data=wanted.body, params=dict(wanted.query)) as response:
            assert response.status == 200
            body = await response.text()
        if body == "success":
            return ""
        sealed = {each.tag: each.text or "" for each in ET.fromstring(body)}
        signer = WeChatSigner()
        signer.add_data("t0ken", sealed["TimeStamp"], sealed["Nonce"], sealed["Encrypt"])
        assert signer.signature == sealed["MsgSignature"]
        read = parse_message(PrpCrypto(base64.b64decode(WECHAT_KEY + "=")).decrypt(sealed["Encrypt"], "wx1"))
        assert (read.type, read.source, read.target) == ("text", "gh_1", user)
        return str(read.content)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The vendor gives each try up at once."""
    monkeypatch.setattr(passive, "DEADLINE_S", 0.2)
    monkeypatch.setattr(passive, "BROKEN_OFF_S", 0.3)
    return monkeypatch


@pytest.fixture
async def wechat(settings: Settings, redis: aioredis.Redis, rasa: FakeRasa) -> AsyncIterator[WeChat]:
    async with AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(serving(settings, rasa)) for _ in range(2)]
        cookies = aiohttp.CookieJar(unsafe=True)
        yield WeChat([await stack.enter_async_context(aiohttp.ClientSession(url, cookie_jar=cookies)) for url in urls])


@on_sqlite
@pytest.mark.slow
async def test_the_answer_is_in_the_answer_and_the_same_for_each_try(wechat: WeChat, rasa: FakeRasa) -> None:
    rasa.answer = lambda asked: Turn(message_id=asked.message_id, replies=[Reply(text="一"), Reply(text="二 ]]> <b>")])

    said = [await wechat.say("你好", "m1"), *await asyncio.gather(*(wechat.say("你好", "m1", at=at) for at in (0, 1)))]

    assert said == ["一\n\n二 ]]> <b>"] * 3
    assert len(rasa.asked) == 1
    assert await wechat.say("再问", "m2", at=1) == said[0]


@on_sqlite
@pytest.mark.slow
async def test_a_late_answer_goes_to_the_vendors_next_try_at_another_process(
    wechat: WeChat, rasa: FakeRasa, impatient: pytest.MonkeyPatch
) -> None:
    rasa.hold = asyncio.Event()

    assert await wechat.say("你好", "m1") == ""
    impatient.undo()
    second = asyncio.create_task(wechat.say("你好", "m1", at=1))
    await asyncio.sleep(0.1)
    rasa.hold.set()

    assert await second == "you said 你好"


@on_sqlite
@pytest.mark.slow
async def test_what_takes_longer_is_told_honestly_and_fetched_with_a_word(
    wechat: WeChat, rasa: FakeRasa, impatient: pytest.MonkeyPatch
) -> None:
    rasa.hold = asyncio.Event()

    said = [await wechat.say("你好", "m1", at=at) for at in (0, 1, 0)]
    assert said == ["", "", "正在为您查询，请稍后回复“查看”获取结果。"]
    impatient.undo()
    rasa.hold.set()

    assert await wechat.say("查看", "m2", at=1) == "you said 你好"
    assert await wechat.say("查看", "m2") == "you said 你好"  # the vendor did not hear it and asks again
    assert [each.text for each in rasa.asked] == ["你好"]  # the word was not the bot's to understand
    assert await wechat.say("查看", "m3") == "you said 查看"  # with nothing to look at, it is a message like any other


@on_sqlite
@pytest.mark.slow
async def test_a_long_answer_comes_in_parts(wechat: WeChat, rasa: FakeRasa) -> None:
    def long(asked: TurnRequest) -> Turn:
        return Turn(message_id=asked.message_id, replies=[Reply(text="很长的回答。" * 150)])

    rasa.answer = long

    parts = [await wechat.say("说说", "m1"), await wechat.say("查看", "m2", at=1)]

    more = "\n\n（未完，回复“查看”看下一段）"
    assert [part.endswith(more) for part in parts] == [True, False]
    assert "".join(part.removesuffix(more) for part in parts) == "很长的回答。" * 150
    assert max(length(part, WECHAT.channel().traits.unit) for part in parts) <= 2048


@on_sqlite
@pytest.mark.slow
async def test_an_agents_answer_waits_for_the_customers_next_message(wechat: WeChat, rasa: FakeRasa) -> None:
    rasa.answer = lambda asked: Turn(message_id=asked.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST))
    desk = wechat.sessions[0]
    headers = await log_in(desk)
    assert await wechat.say("转人工", "m1") != ""
    here = ""
    while not here:
        async with desk.post("/api/desk/claim", json={}, headers=headers) as response:
            here = (await response.json()).get("conversation_id", "")
    here = f"/api/desk/conversations/{here}"
    async with desk.post(f"{here}/messages", json={"client_id": "1", "text": "我来帮您"}, headers=headers) as response:
        assert response.status == 200
    async with desk.get(here) as response:
        assert (await response.json())["conversation"]["delivery"]["passive"] is True

    heard = [await wechat.say("在吗", "m2", at=1), await wechat.say("好的", "m3")]

    assert heard[0].endswith("我来帮您")
    assert heard[1] == ""  # nothing to say, and nothing is waited for


def test_a_reply_in_plain_mode_is_read_by_others() -> None:
    plain = account("wechat", TOKEN="t0ken", APP_ID="wx1", APP_SECRET="s3cret", PASSIVE="yes")
    signer = WeChatSigner()
    signer.add_data("t0ken", str(int(NOW)), "n0nce")
    asked = request(
        WECHAT.payload("你好", "m1", "oUser"), query={"timestamp": str(int(NOW)), "nonce": "n0nce", "signature": signer.signature}
    )
    [message] = plain.parse(asked).messages

    read = parse_message(plain.reply(message, "a ]]> b 🙂", request=asked).body)

    assert (read.content, read.source, read.target) == ("a ]]> b 🙂", "gh_1", "oUser")
