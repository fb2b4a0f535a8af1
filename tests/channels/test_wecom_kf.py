"""WeChat customer service: a signal, then pages that are pulled, each message once, whoever dies in between."""

from __future__ import annotations

import itertools
import json
import time

import pytest
import sqlalchemy as sa

from bot.channels import pulling
from bot.channels.base import (
    Batch,
    Outgoing,
    Receipt,
    Withdrawal,
)
from bot.channels.pulling import Puller
from bot.channels.tokens import Tokens
from bot.channels.vendor import (
    VendorAnswer,
)
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.database.channels import channel_cursors
from bot.database.conversations import messages
from bot.messages import Kind
from tests.channels.conftest import Post, open_post
from tests.channels.simulator import Received, Says, Vendor
from tests.channels.vendors import WECOM_KF


def text(number: int, *, ago_s: float = 5, **more: object) -> dict[str, object]:
    return {
        "msgid": f"m{number}",
        "open_kfid": "wk1",
        "external_userid": "wmUser",
        "send_time": int(time.time() - ago_s),
        "origin": 3,
        "msgtype": "text",
        "text": {"content": f"text {number}"},
        **more,
    }


def page(*items: dict[str, object], cursor: str, more: bool = False) -> bytes:
    return json.dumps({"errcode": 0, "errmsg": "ok", "next_cursor": cursor, "has_more": int(more), "msg_list": list(items)}).encode()


async def signalled(services: Services, service: ConversationService, simulator: Vendor, *pages: bytes) -> tuple[Post, Puller]:
    """The vendor has so many pages for us and has said so."""
    answers = {"": pages[0], **{json.loads(before)["next_cursor"]: after for before, after in itertools.pairwise(pages)}}

    def says(request: Received) -> Says:
        if request.path == "/cgi-bin/gettoken":
            return WECOM_KF.token or Says()
        return Says(body=answers.get(json.loads(request.body)["cursor"], page(cursor=json.loads(request.body)["cursor"])))

    simulator.always = says
    post = await open_post(services, service, simulator, WECOM_KF.channel(simulator.url))
    async with services.database.write() as connection:
        await pulling.signal(connection, "wecom_kf", "SIGNAL")
    channels = {"wecom_kf": post.channel}
    tokens = Tokens(services.database, services.cipher, post.client)
    return post, Puller(database=services.database, channels=channels, tokens=tokens, client=post.client)


async def stored(services: Services) -> list[str]:
    async with services.database.read() as connection:
        query = sa.select(messages.c.text).where(messages.c.sender == "customer").order_by(messages.c.seq)
        return list((await connection.execute(query)).scalars())


async def state(services: Services) -> tuple[str, bool]:
    async with services.database.read() as connection:
        row = (await connection.execute(sa.select(channel_cursors))).one()
    return row.cursor, row.signalled_at is not None


@pytest.mark.slow
async def test_every_page_is_pulled_and_the_cursor_stays(services: Services, service: ConversationService, simulator: Vendor) -> None:
    post, puller = await signalled(services, service, simulator, page(text(1), text(2), cursor="c1", more=True), page(text(3), cursor="c2"))

    await puller.pull(service.take)
    await puller.pull(service.take)

    assert await stored(services) == ["text 1", "text 2", "text 3"]
    assert await state(services) == ("c2", False)
    asked = [json.loads(request.body) for request in simulator.received if request.path == "/cgi-bin/kf/sync_msg"]
    assert [(each["cursor"], each["token"], each["open_kfid"]) for each in asked] == [("", "SIGNAL", "wk1"), ("c1", "SIGNAL", "wk1")]
    await post.client.close()


@pytest.mark.slow
async def test_who_dies_before_the_cursor_is_kept_pulls_again_and_doubles_nothing(
    services: Services, service: ConversationService, simulator: Vendor
) -> None:
    post, puller = await signalled(services, service, simulator, page(text(1), cursor="c1"))

    async def dies(inbox_id: str, batch: Batch) -> None:
        await service.take(inbox_id, batch)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await puller.pull(dies)
    await puller.pull(service.take)
    assert await state(services) == ("", True), "the lease of the dead is not over"
    async with services.database.write() as connection:
        await connection.execute(sa.update(channel_cursors).values(owned_until=None))
    await puller.pull(service.take)

    assert (await stored(services), await state(services)) == (["text 1"], ("c1", False))
    await post.client.close()


@pytest.mark.slow
async def test_a_failed_pull_is_tried_again(services: Services, service: ConversationService, simulator: Vendor) -> None:
    post, puller = await signalled(services, service, simulator, page(text(1), cursor="c1"))
    simulator.scripted = lambda request: request.path == "/cgi-bin/kf/sync_msg"
    simulator.script = [Says(status=500)]

    await puller.pull(service.take)
    assert await state(services) == ("", True)
    async with services.database.write() as connection:
        await connection.execute(sa.update(channel_cursors).values(owned_until=None))
    await puller.pull(service.take)

    assert await stored(services) == ["text 1"]
    await post.client.close()


def test_the_first_pull_leaves_old_messages_alone_and_every_kind_is_kept() -> None:
    items = [
        text(1, ago_s=7200),
        text(2, msgtype="image", image={"media_id": "M"}),
        text(3, msgtype="location", location={"name": "广州", "latitude": 23.1, "longitude": 113.3}),
        text(4, origin=5),
        text(5, open_kfid="wk-other"),
        text(6, msgtype="event", event={"event_type": "enter_session", "external_userid": "wmUser"}),
        text(7, msgtype="event", event={"event_type": "user_recall_msg", "external_userid": "wmUser", "recall_msgid": "m0"}),
        text(8, msgtype="event", event={"event_type": "msg_send_fail", "fail_msgid": "f1"}),
    ]

    pulled = WECOM_KF.channel().read_pull(VendorAnswer(200, {}, page(*items, cursor="c")), since=time.time() - 600)

    assert [(each.kind, each.client_id) for each in pulled.batch.messages] == [
        (Kind.IMAGE, "ch:m2"),
        (Kind.LOCATION, "ch:m3"),
        (Kind.EVENT, "ch:m6"),
    ]
    assert pulled.batch.withdrawals == [Withdrawal("wmUser", "ch:m0")]
    assert pulled.batch.receipts == [Receipt("f1", "failed")]


def test_a_send_has_an_id_that_the_vendor_sends_once() -> None:
    call = WECOM_KF.channel().build(Outgoing("wmUser", "你好", "123e4567-e89b-12d3-a456-426614174000"), token="t")

    body = json.loads(call.body)
    assert (body["msgid"], body["open_kfid"], body["text"]) == ("123e4567e89b12d3a456426614174000", "wk1", {"content": "你好"})
