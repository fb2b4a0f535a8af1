"""What customers send is fetched once, each vendor's way, checked, kept encrypted, and goes with its message."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from bot.channels import media as files
from bot.channels.base import (
    Channel,
)
from bot.channels.courier import News
from bot.channels.fetching import GIVE_UP, LARGEST_A_DAY, MOST_A_DAY, Fetcher
from bot.channels.loss import Loss
from bot.channels.tencent import read_media
from bot.channels.tokens import Tokens
from bot.channels.vendor import (
    VendorAnswer,
)
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.database.channels import media, media_parts
from bot.errors import TransportError
from bot.ids import utcnow
from bot.messages import Attachment, InboundMessage, Kind
from tests.channels import vendors
from tests.channels.conftest import Post, open_post
from tests.channels.simulator import Received, Says, Vendor
from tests.channels.vendors import Case

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 300_000  # of two pieces
FILE = Says(body=PNG, content_type="image/png", headers={"Content-Disposition": 'attachment; filename="a.png"'})
LIMIT = 400_000  # bytes


def says(**body: object) -> Says:
    return Says(body=json.dumps(body).encode())


NOT_FOUND = Says(status=404, body=b"Not Found", content_type="text/html")


@dataclass(frozen=True)
class Way:
    """How one vendor gives out a picture: its message, what it answers by path, and what says that the picture is gone."""

    case: Case
    picture: Callable[[Any], None] | bytes  # what makes its text message a picture
    answers: Callable[[str], dict[str, Says]]  # of the vendor's address
    gone: Says = NOT_FOUND
    bearer: str = ""  # what every request must carry


def _put(*path: str | int, **values: object) -> Callable[[Any], None]:
    def change(body: Any) -> None:
        for step in path:
            body = body[step]
        body.update(values)

    return change


def _attached(url: str) -> Callable[[Any], None]:
    picture = {"mid": "m1", "attachments": [{"type": "image", "payload": {"url": url}}]}
    return _put("entry", 0, "messaging", 0, message=picture)


XML = (
    b"<xml><FromUserName>u1</FromUserName><CreateTime>1348831860</CreateTime><MsgType>image</MsgType>"
    b"<PicUrl>http://x.example/p</PicUrl><MediaId>media-1</MediaId><MsgId>1</MsgId></xml>"
)
EXPIRED = Says(body=b'{"errcode":40007,"errmsg":"invalid media_id"}', content_type="text/plain")
KF = [
    {
        "msgid": "1",
        "msgtype": "image",
        "origin": 3,
        "open_kfid": "wk1",
        "external_userid": "u1",
        "send_time": 2**33,
        "image": {"media_id": "media-1"},
    }
]
GRAPH_GONE = Says(status=400, body=b'{"error":{"code":100,"message":"Unsupported get request"}}')

OWN = replace(
    vendors.WEBHOOK, settings=lambda url: vendors.WEBHOOK.settings(url) | {"MEDIA_HOSTS": f"files.internal, {url.removeprefix('http://')}"}
)
WAYS = [
    Way(OWN, _put("messages", 0, kind="image", attachments=[{"url": "URL/f"}]), lambda _url: {"/f": FILE}),
    Way(vendors.WECHAT, XML, lambda _url: {"/cgi-bin/media/get": FILE}, EXPIRED),
    Way(vendors.WECOM, XML, lambda _url: {"/cgi-bin/media/get": FILE}, EXPIRED),
    Way(vendors.WECOM_KF, json.dumps({"msg_list": KF}).encode(), lambda _url: {"/cgi-bin/media/get": FILE}, EXPIRED),
    Way(
        vendors.TELEGRAM,
        _put("message", text="", photo=[{"file_id": "small"}, {"file_id": "large"}]),
        lambda _url: {
            "/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/getFile": says(
                ok=True, result={"file_id": "large", "file_path": "photos/1.jpg"}
            ),
            "/file/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/photos/1.jpg": FILE,
        },
        Says(status=400, body=b'{"ok":false,"error_code":400,"description":"Bad Request: wrong file_id"}'),
    ),
    Way(
        vendors.WHATSAPP,
        _put("entry", 0, "changes", 0, "value", "messages", 0, type="image", text={}, image={"id": "media-1", "mime_type": "image/png"}),
        lambda url: {"/media-1": says(url=f"{url}/lookaside?mid=1", mime_type="image/png", id="media-1"), "/lookaside": FILE},
        GRAPH_GONE,
        "Bearer EAAG",
    ),
    Way(
        vendors.LINE,
        _put("events", 0, message={"id": "354718705033693859", "type": "image", "contentProvider": {"type": "line"}}),
        lambda _url: {"/v2/bot/message/354718705033693859/content": FILE},
        Says(status=410, body=b'{"message":"Gone"}'),
        "Bearer line-token",
    ),
    Way(
        vendors.FEISHU,
        _put("event", "message", message_type="image", content='{"image_key":"img_1"}'),
        lambda _url: {"/open-apis/im/v1/messages/1/resources/img_1": FILE},
        Says(status=400, body=b'{"code":234003,"msg":"File not in msg."}'),
        "Bearer t-1",
    ),
    Way(
        vendors.DINGTALK,
        _put(msgtype="picture", text={}, content={"downloadCode": "code-1"}),
        lambda url: {"/v1.0/robot/messageFiles/download": says(downloadUrl=f"{url}/oss"), "/oss": FILE},
        Says(status=400, body=b'{"code":"unknownError","message":"x"}'),
    ),
    Way(vendors.MESSENGER, _attached("URL/cdn"), lambda _url: {"/cdn": FILE}),
    Way(vendors.INSTAGRAM, _attached("URL/cdn"), lambda _url: {"/cdn": FILE}),
]
each_way = pytest.mark.parametrize(
    "way", [pytest.param(way, id=way.case.kind, marks=[] if way.case is vendors.WECHAT else [pytest.mark.slow]) for way in WAYS]
)


on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)  # what differs is the vendor


def received(way: Way, channel: Channel, url: str) -> list[InboundMessage]:
    """Return what the channel makes of the vendor's picture."""
    if isinstance(way.picture, bytes):
        body = way.picture
    else:
        content = json.loads(way.case.payload("x", "1", "u1"))
        way.picture(content)
        body = json.dumps(content).replace("URL", url).encode()
    if way.case.only_signals:
        return channel.read_pull(VendorAnswer(200, {}, body), since=0).batch.messages
    return channel.parse(way.case.sign(body, vendors.NOW)).messages


class Desk:
    """A process that fetches, and what the desk was told."""

    def __init__(self, post: Post, **channels: Channel) -> None:
        box = post.service.services
        self.told: list[News] = []
        self._database, self._cipher = box.database, box.cipher
        tokens = Tokens(box.database, box.cipher, post.client)
        here = {post.channel.name: post.channel, **channels}
        self.fetcher = Fetcher(
            database=box.database, cipher=box.cipher, channels=here, tokens=tokens, client=post.client, most_bytes=LIMIT, tell=self._tell
        )

    async def _tell(self, news: News) -> None:
        self.told.append(news)

    async def fetch(self) -> None:
        await self.fetcher.start()
        await asyncio.gather(*self.fetcher.running)

    async def rows(self) -> list[sa.Row[Any]]:
        async with self._database.read() as connection:
            return list((await connection.execute(sa.select(media).order_by(media.c.place))).all())

    async def states(self) -> list[tuple[str, str]]:
        return [(row.state, row.reason) for row in await self.rows()]

    async def kept(self, media_id: str) -> files.Kept | None:
        async with self._database.read() as connection:
            return await files.load(connection, self._cipher, media_id)

    async def change(self, **values: object) -> None:
        async with self._database.write() as connection:
            await connection.execute(sa.update(media).values(**values))

    async def hurry(self) -> None:
        """Let all waiting and all leases be over."""
        async with self._database.write() as connection:
            await connection.execute(sa.update(media).where(media.c.next_at.is_not(None)).values(next_at=utcnow()))


async def pictured(way: Way, services: Services, service: ConversationService, simulator: Vendor) -> tuple[Post, Desk]:
    """A picture has been sent; the vendor answers as documented."""
    post = await open_post(services, service, simulator, way.case.channel(simulator.url))
    answers = way.answers(simulator.url)

    def answer(got: Received) -> Says:
        if got.path in answers:
            return answers[got.path]
        return way.case.token or Says(status=500)

    simulator.always = answer
    simulator.scripted = lambda got: got.path in answers
    await service.receive_all(received(way, post.channel, simulator.url))
    return post, Desk(post)


@pytest.fixture
async def sent(post: Post) -> Desk:
    """A picture on the generic channel, which the company's own server gives out."""
    post.channel._inside = (post.vendor.url.removeprefix("http://"),)  # type: ignore[attr-defined]
    post.vendor.always = lambda _got: FILE
    await post.say(kind=Kind.IMAGE, attachments=[Attachment(kind=Kind.IMAGE, ref=f"{post.vendor.url}/f", name="broken.jpg")])
    return Desk(post)


@each_way
@on_sqlite
async def test_a_picture_is_fetched_the_vendors_way_and_kept(
    way: Way, services: Services, service: ConversationService, simulator: Vendor
) -> None:
    post, desk = await pictured(way, services, service, simulator)

    await desk.fetch()
    await desk.fetch()

    (row,) = await desk.rows()
    assert (row.state, row.reason, row.mime, row.size) == ("kept", "", "image/png", len(PNG))
    kept = await desk.kept(row.id)
    assert kept is not None
    assert (kept.data, kept.mime, kept.name) == (PNG, "image/png", "file.png")
    asked = [got for got in simulator.received if simulator.scripted(got)]
    assert [got.path for got in asked] == list(way.answers(""))  # each step once
    assert {got.headers.get("authorization", "") for got in asked} == {way.bearer}
    assert len(desk.told) == 1
    await post.client.close()


@pytest.mark.parametrize("way", [way for way in WAYS if len(way.answers("")) > 1], ids=lambda way: way.case.kind)
def test_a_document_that_looks_like_the_vendors_own_answer_is_the_file(way: Way) -> None:
    channel, [where, _] = way.case.channel(), way.answers("http://127.0.0.1:9").values()

    located = channel.read_media(VendorAnswer(200, {"content-type": "application/json"}, where.body), first=True)
    looks_alike = VendorAnswer(200, {"content-type": "application/json", "content-disposition": "attachment"}, where.body)

    assert located is not None
    assert channel.read_media(looks_alike, first=False) is None
    with pytest.raises(TransportError):
        channel.read_media(VendorAnswer(404, {"content-type": "application/json"}, b"{}"), first=False)


@each_way
@on_sqlite
async def test_a_picture_that_the_vendor_has_no_more_is_told_and_left(
    way: Way, services: Services, service: ConversationService, simulator: Vendor
) -> None:
    post, desk = await pictured(way, services, service, simulator)
    simulator.script = [Says(status=503, body=b"{}"), way.gone]

    await desk.fetch()
    (row,) = await desk.rows()
    assert (row.state, row.reason, row.attempts) == ("due", Loss.UNREACHABLE, 1)
    await desk.hurry()
    await desk.fetch()

    assert await desk.states() == [("failed", Loss.REFUSED)]
    assert len(desk.told) == 2
    await post.client.close()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Says(body=b"\x89PNG\r\n\x1a\n" + b"\0" * LIMIT, content_type="image/png"), Loss.TOO_LARGE),
        (Says(body=b"MZ\x90\0 a program", content_type="image/png"), Loss.TYPE),
        (Says(body=b"<html><script>alert(1)</script>", content_type="image/png"), Loss.TYPE),
        (Says(status=302, headers={"Location": "http://127.0.0.1/"}), Loss.REFUSED),
        (Says(status=404), Loss.REFUSED),
    ],
    ids=["too large", "a program", "a page", "a redirect", "not found"],
)
async def test_what_cannot_be_kept_says_why(sent: Desk, post: Post, answer: Says, reason: Loss) -> None:
    post.vendor.script = [answer]

    await sent.fetch()
    await sent.hurry()
    await sent.fetch()

    assert await sent.states() == [("failed", reason)]
    assert len(post.vendor.received) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("before", "size"), [(MOST_A_DAY, 1), (1, LARGEST_A_DAY * LIMIT)], ids=["files", "bytes"])
@on_sqlite
async def test_of_one_conversation_so_much_is_kept_in_a_day(sent: Desk, post: Post, services: Services, before: int, size: int) -> None:
    [row] = await sent.rows()
    earlier = dict(row._mapping) | {"state": "kept", "next_at": None, "size": size}
    async with services.database.write() as connection:
        await connection.execute(sa.insert(media), [earlier | {"id": f"0-{number}", "place": number} for number in range(1, before + 1)])

    await sent.fetch()
    assert (await sent.states())[0] == ("failed", Loss.TOO_MANY)
    assert not post.vendor.received

    await post.say(kind=Kind.IMAGE, user="u2", attachments=[Attachment(kind=Kind.IMAGE, ref=f"{post.vendor.url}/f")])
    await sent.fetch()
    assert len(post.vendor.received) == 1  # another customer's


async def test_a_file_inside_our_network_is_not_asked_for(sent: Desk, post: Post) -> None:
    post.channel._inside = ()  # type: ignore[attr-defined]

    await sent.fetch()

    assert await sent.states() == [("failed", Loss.ADDRESS)]
    assert post.vendor.received == []


async def test_two_processes_fetch_a_file_once(sent: Desk, post: Post) -> None:
    others = [Desk(post) for _ in range(3)]
    post.vendor.script = [Says(body=PNG, content_type="image/png", delay_s=0.1)]

    await asyncio.gather(sent.fetch(), *(other.fetch() for other in others))

    assert await sent.states() == [("kept", "")]
    assert len(post.vendor.received) == 1


async def test_a_process_that_dies_leaves_the_file_to_the_next_when_its_lease_is_over(sent: Desk, post: Post) -> None:
    post.vendor.script = [Says(body=PNG, delay_s=5)]
    await sent.fetcher.start()
    while not post.vendor.received:
        await asyncio.sleep(0.01)
    sent.fetcher.stop()
    other = Desk(post)

    await other.fetch()
    assert await other.states() == [("due", "")]
    await other.hurry()
    await other.fetch()

    assert await other.states() == [("kept", "")]


async def test_who_has_lost_the_lease_stores_nothing(sent: Desk, post: Post) -> None:
    post.vendor.script = [Says(body=PNG, content_type="image/png", delay_s=0.2)]
    await sent.fetcher.start()
    while not post.vendor.received:
        await asyncio.sleep(0.01)
    await sent.change(owner="another")

    await asyncio.gather(*sent.fetcher.running)

    assert await sent.states() == [("due", "")]


async def test_a_file_is_given_up_after_a_day(sent: Desk, post: Post) -> None:
    await sent.change(created_at=utcnow() - GIVE_UP - timedelta(seconds=1))
    post.vendor.always = lambda _got: Says(status=503)

    await sent.fetch()

    assert await sent.states() == [("failed", Loss.UNREACHABLE)]


async def test_a_message_that_is_taken_back_takes_its_file_along(sent: Desk, post: Post) -> None:
    await sent.fetch()
    async with post.service.services.database.read() as connection:
        assert (await connection.execute(sa.select(sa.func.count()).select_from(media_parts))).scalar_one() == 2
        data = (await connection.execute(sa.select(media_parts.c.data).where(media_parts.c.number == 0))).scalar_one()
        client_id = (await connection.execute(sa.text("SELECT client_id FROM messages WHERE sender = 'customer'"))).scalar_one()
    assert PNG[:8] not in data  # it is encrypted

    await post.service.withdraw(post.channel.name, "u1", client_id)

    assert await sent.rows() == []
    async with post.service.services.database.read() as connection:
        assert (await connection.execute(sa.select(media_parts.c.media_id))).first() is None


def test_a_video_of_wechats_lies_at_another_address() -> None:
    def says_where(url: str) -> VendorAnswer:
        return VendorAnswer(200, {"content-type": "text/plain"}, json.dumps({"video_url": url}).encode())

    call = read_media(says_where("http://mpvideo.qpic.cn/tjg?vkey=1"))
    assert call is not None
    assert (call.url, call.outside) == ("https://mpvideo.qpic.cn/tjg?vkey=1", True)
    with pytest.raises(TransportError, match="not one of the vendor's"):
        read_media(says_where("http://169.254.169.254/latest"))


def test_line_says_when_a_video_is_not_ready() -> None:
    with pytest.raises(TransportError) as raised:
        vendors.LINE.channel().read_media(VendorAnswer(202, {}, b""), first=True)

    assert not raised.value.permanent
