"""What agents send as files: each vendor gets them its own way, in their place among the texts, once."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from email import message_from_bytes
from email.policy import HTTP, default
from typing import Any
from urllib.parse import parse_qsl

import pytest
import sqlalchemy as sa

from bot.channels import media
from bot.channels.base import Outgoing
from bot.channels.courier import Courier
from bot.channels.files import SentFile, form, takes
from bot.channels.shares import DAY_S, DAYS, Shares
from bot.channels.tokens import Tokens
from bot.conversations import store
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.crypto import Cipher
from bot.database.channels import channel_threads, outbox
from bot.database.channels import media as media_rows
from bot.ids import new_id, utcnow
from bot.messages import Content, InboundMessage, Message, Sender
from tests.channels.conftest import Post, open_post, settle, with_traits
from tests.channels.mail_servers import MailServers, mail_servers
from tests.channels.simulator import Received, Says, Vendor
from tests.channels.vendors import CASES, EMAIL, WECHAT

NOW = 1_795_300_000.0
PNG = SentFile("样品 1.png", "image/png", b"\x89PNG\r\n\x1a\n" + b"\0" * 1_200_000)
PDF = SentFile('invoice "3".pdf', "application/pdf", b"%PDF-1.7\r\n--x\r\n")

on_sqlite = pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)  # what differs is the vendor


# --- addresses


def test_an_address_is_good_for_its_file_for_a_month_and_cannot_be_made_up(cipher: Cipher) -> None:
    shares = Shares(cipher, "https://chat.example/")
    url = shares.url("file-1", "价 目.pdf", now=NOW)
    key, name = url.rsplit("/", 2)[1:]

    assert (url.startswith("https://chat.example/files/file-1."), name) == (True, "%E4%BB%B7%20%E7%9B%AE.pdf")
    assert shares.url("file-1", "价 目.pdf", now=NOW + 60) == url
    assert shares.media_id(key, now=NOW) == "file-1"
    assert shares.media_id(key, now=NOW + (DAYS - 1) * DAY_S) == "file-1"
    wrong = [
        key.replace("file-1", "file-2"),
        key[:-1] + "g",
        key[:-1],
        f"file-1.{10**6}.{key.rsplit('.', 1)[1]}",
        "",
        "..",
        "a.９.b",
        "a.1.é",
    ]
    assert [shares.media_id(each, now=NOW) for each in wrong] == [""] * len(wrong)
    assert shares.media_id(key, now=NOW + (DAYS + 1) * DAY_S) == ""


def test_a_form_is_what_other_programs_read() -> None:
    body, headers = form(PDF, part="media", fields={"type": "file"})

    read = message_from_bytes(f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode() + body, policy=HTTP)
    first, second = read.iter_parts()  # type: ignore[attr-defined]
    assert (first.get_param("name", header="content-disposition"), first.get_content().strip()) == ("type", "file")
    assert (second.get_content_type(), second.get_filename()) == ("application/pdf", "invoice %223%22.pdf")
    assert second.get_payload(decode=True) == PDF.data


def test_what_a_channel_does_not_take_is_known_before_it_is_sent() -> None:
    rules = {case.kind: case.channel().traits.files for case in CASES}

    assert {kind for kind, rule in rules.items() if takes(rule, "image/png", 1000)} == set(rules)
    assert {kind for kind, rule in rules.items() if not takes(rule, "application/pdf", 1000)} == {"wechat", "dingtalk", "instagram"}
    assert not takes(rules["whatsapp"], "image/png", 6 * 1024 * 1024)
    passive = WECHAT.channel().__class__(
        replace(WECHAT.channel().settings, values=WECHAT.settings("http://v.example") | {"PASSIVE": "true"})
    )
    assert passive.traits.files == ()


# --- each vendor's way


def _parts(got: Received) -> dict[str, Any]:
    """Return a form's fields, a file as its name, type and size; read by Python's own parser."""
    whole = message_from_bytes(f"Content-Type: {got.headers['content-type']}\r\n\r\n".encode() + got.body, policy=HTTP)
    found: dict[str, Any] = {}
    for part in whole.iter_parts():  # type: ignore[attr-defined]
        name = part.get_param("name", header="content-disposition")
        data = part.get_payload(decode=True)
        found[name] = (part.get_content_type(), data) if part.get_filename() else data.decode().strip()
    return found


def _body(got: Received) -> dict[str, Any]:
    kind = got.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return _parts(got)
    if kind.startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(got.body.decode()))
    return dict(json.loads(got.body))


UPLOADED = {
    "/cgi-bin/media/upload": {"errcode": 0, "media_id": "kept-1"},
    "/123456123/media": {"id": "kept-1"},
    "/open-apis/im/v1/images": {"code": 0, "data": {"image_key": "kept-1"}},
    "/open-apis/im/v1/files": {"code": 0, "data": {"file_key": "kept-1"}},
}
TELEGRAM = "/bot110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
PNG_PART, PDF_PART = (PNG.mime, PNG.data), (PDF.mime, PDF.data)
URL = "(our address)"


def _tencent(send: str) -> list[tuple[str, dict[str, Any]]]:
    return [
        ("/cgi-bin/media/upload", {"media": PNG_PART}),
        (send, {"msgtype": "image", "image": {"media_id": "kept-1"}}),
        ("/cgi-bin/media/upload", {"media": PDF_PART}),
        (send, {"msgtype": "file", "file": {"media_id": "kept-1"}}),
    ]


# Where a picture and a document must arrive, and what of the request must be there.
WAYS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "webhook": [
        ("/in", {"text": "", "attachments": [{"url": URL, "name": PNG.name, "mime": PNG.mime, "size": len(PNG.data)}]}),
        ("/in", {"attachments": [{"url": URL, "name": "invoice 3.pdf", "mime": PDF.mime, "size": len(PDF.data)}]}),
    ],
    "wechat": _tencent("/cgi-bin/message/custom/send")[:2],
    "wecom": _tencent("/cgi-bin/message/send"),
    "wecom_kf": _tencent("/cgi-bin/kf/send_msg"),
    "telegram": [
        (f"{TELEGRAM}/sendPhoto", {"chat_id": "u1", "photo": PNG_PART}),
        (f"{TELEGRAM}/sendDocument", {"chat_id": "u1", "document": PDF_PART}),
    ],
    "whatsapp": [
        ("/123456123/media", {"messaging_product": "whatsapp", "type": PNG.mime, "file": PNG_PART}),
        ("/123456123/messages", {"type": "image", "image": {"id": "kept-1"}}),
        ("/123456123/media", {"messaging_product": "whatsapp", "type": PDF.mime, "file": PDF_PART}),
        ("/123456123/messages", {"type": "document", "document": {"id": "kept-1", "filename": "invoice 3.pdf"}}),
    ],
    "line": [  # pictures only from an https address
        ("/v2/bot/message/push", {"messages": [{"type": "text", "text": f"{PNG.name}\n{URL}"}]}),
        ("/v2/bot/message/push", {"messages": [{"type": "text", "text": f"invoice 3.pdf\n{URL}"}]}),
    ],
    "feishu": [
        ("/open-apis/im/v1/images", {"image_type": "message", "image": PNG_PART}),
        ("/open-apis/im/v1/messages", {"msg_type": "image", "content": '{"image_key":"kept-1"}'}),
        ("/open-apis/im/v1/files", {"file_type": "stream", "file_name": "invoice 3.pdf", "file": PDF_PART}),
        ("/open-apis/im/v1/messages", {"msg_type": "file", "content": '{"file_key":"kept-1"}'}),
    ],
    "dingtalk": [("/v1.0/robot/oToMessages/batchSend", {"msgKey": "sampleImageMsg", "msgParam": f'{{"photoURL":"{URL}"}}'})],
    "messenger": [
        ("/PAGE/messages", {"message": {"attachment": {"type": "image", "payload": {"url": URL}}}}),
        ("/PAGE/messages", {"message": {"attachment": {"type": "file", "payload": {"url": URL}}}}),
    ],
    "instagram": [("/PAGE/messages", {"message": {"attachment": {"type": "image", "payload": {"url": URL}}}})],
    "sms": [
        ("/2010-04-01/Accounts/AC1/Messages.json", {"Body": f"{PNG.name} {URL}"}),
        ("/2010-04-01/Accounts/AC1/Messages.json", {"Body": f"invoice 3.pdf {URL}"}),
    ],
}
CHANNELS = {case.kind: case for case in CASES if case.kind in WAYS}


async def say_as_agent(services: Services, thread: store.Row, *said: str | SentFile) -> None:
    """Write these one after another, as an agent whose conversation it is."""
    async with services.database.write() as connection:
        row = await store.newest_conversation(connection, thread.id)
        assert row is not None
        for each in said:
            seq = await store.advance(connection, row.id, 1)
            assert seq is not None
            content = Content() if isinstance(each, str) else Content(attachments=[each.attachment])
            text = each if isinstance(each, str) else ""
            message = Message(new_id(), thread.id, row.id, seq, Sender.AGENT, text, utcnow(), content, language="zh")
            await store.add_message(connection, message)
            if not isinstance(each, str):
                await media.put_own(connection, services.cipher, message, each.data)


async def written(services: Services, service: ConversationService, inbox_id: str) -> store.Row:
    """Let a customer write first; what the bot answers is not sent. Returns the thread."""
    await service.receive_all([InboundMessage(inbox_id=inbox_id, channel_user="u1", client_id="ch:1", text="hello", by_channel=True)])
    await settle(service)
    async with services.database.write() as connection:
        await connection.execute(sa.update(outbox).where(outbox.c.inbox_id == inbox_id).values(state="sent"))
        thread = await store.thread_of(connection, inbox_id=inbox_id, channel_user="u1")
    assert thread is not None
    return thread


def _without_address(value: Any, url: str) -> Any:
    """Replace our addresses, which hold ids, by one word."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    begin = f"{url}/files/"
    while (at := text.find(begin)) >= 0:
        end = min(found for mark in '"\\ ' if (found := text.find(mark, at)) >= 0)
        text = text[:at] + URL + text[end:]
    return json.loads(text)


@pytest.mark.slow
@on_sqlite
async def test_each_vendor_gets_an_agents_files_its_own_way(services: Services, service: ConversationService, simulator: Vendor) -> None:
    def answer(got: Received) -> Says:
        kind, _, path = got.path[1:].partition("/")
        case = CHANNELS[kind]
        if f"/{path}" in UPLOADED:
            return Says(body=json.dumps(UPLOADED[f"/{path}"]).encode())
        return case.taken if f"/{path}" in {where for where, _ in WAYS[kind]} else case.token or Says(status=500)

    simulator.always = answer
    channels = {}
    for kind, case in CHANNELS.items():
        channel = with_traits(case.channel(f"{simulator.url}/{kind}"), pause_s=0.0)
        post = await open_post(services, service, simulator, channel)
        channels[kind] = channel
        thread = await written(services, service, kind)
        can = [file for file in (PNG, PDF) if takes(channel.traits.files, file.mime, len(file.data))]
        await say_as_agent(services, thread, *can)

    tokens = Tokens(services.database, services.cipher, post.client)
    box = services
    await Courier(database=box.database, redis=box.redis, shares=box.shares, channels=channels, tokens=tokens, client=post.client).drain()

    for kind, expected in WAYS.items():
        calls = [got for got in simulator.received if got.path.startswith(f"/{kind}/") and got.path[len(kind) + 1 :] in dict(expected)]
        found = [(got.path[len(kind) + 1 :], _body(got)) for got in calls]
        assert [where for where, _ in found] == [where for where, _ in expected], kind
        for (_, body), (_, wanted) in zip(found, expected, strict=True):
            shown = {key: body.get(key) for key in wanted}
            assert _without_address(shown, services.settings.public_url) == json.loads(json.dumps(wanted, default=repr)), kind
    async with services.database.read() as connection:
        states = (await connection.execute(sa.select(outbox.c.state).distinct())).scalars().all()
    assert states == ["sent"]
    await post.client.close()


def test_line_shows_a_small_picture_from_a_secure_address() -> None:
    channel = CHANNELS["line"].channel()
    url = "https://chat.example/files/x/a.png"

    small = channel.build(Outgoing("u1", "", "k", file=replace(PNG, url=url, data=PNG.data[:1000])), token="")
    large = channel.build(Outgoing("u1", "", "k", file=replace(PNG, url=url, data=b"\0" * 2**21)), token="")

    assert json.loads(small.body)["messages"] == [{"type": "image", "originalContentUrl": url, "previewImageUrl": url}]
    assert json.loads(large.body)["messages"] == [{"type": "text", "text": f"{PNG.name}\n{url}"}]


@pytest.fixture
async def servers() -> AsyncIterator[MailServers]:
    async with mail_servers() as running:
        yield running


@pytest.mark.slow
@on_sqlite
async def test_a_mail_carries_the_file(services: Services, service: ConversationService, servers: MailServers, simulator: Vendor) -> None:
    channel = EMAIL.channel()
    channel = channel.__class__(replace(channel.settings, values=EMAIL.settings("") | {"IMAP": servers.imap, "SMTP": servers.smtp}))
    post = await open_post(services, service, simulator, channel)
    await post.say("hi", user="wang@home.example/0123456789abcdef01234567")
    async with services.database.write() as connection:
        await connection.execute(sa.update(outbox).values(state="sent"))
        thread = await store.thread_of(connection, inbox_id="email", channel_user="wang@home.example/0123456789abcdef01234567")
    assert thread is not None

    await say_as_agent(services, thread, PNG)
    await post.courier().drain()

    [mail] = servers.received
    [attached] = mail.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename(), attached.get_content()) == (PNG.mime, PNG.name, PNG.data)
    assert mail.get_body().get_content().strip() == f"请查收附件：{PNG.name}"  # type: ignore[union-attr]
    assert message_from_bytes(mail.as_bytes(), policy=default)["Auto-Submitted"] is None
    await post.client.close()


# --- order, quota, repeats


@pytest.fixture
async def wechat(services: Services, service: ConversationService, simulator: Vendor) -> AsyncIterator[Post]:
    opened = await open_post(services, service, simulator, WECHAT.channel(simulator.url))

    def answer(got: Received) -> Says:
        if got.path == "/cgi-bin/media/upload":
            return Says(body=b'{"errcode":0,"media_id":"kept-1"}')
        return WECHAT.taken if WECHAT.is_send(got) else WECHAT.token or Says()

    simulator.always = answer
    yield opened
    await opened.client.close()


def said(vendor: Vendor) -> list[str]:
    bodies = [json.loads(got.body) for got in vendor.received if WECHAT.is_send(got)]
    return [body["text"]["content"] if body["msgtype"] == "text" else body["msgtype"] for body in bodies]


@pytest.mark.slow
@on_sqlite
async def test_a_file_keeps_its_place_among_texts_that_go_as_one(services: Services, service: ConversationService, wechat: Post) -> None:
    thread = await written(services, service, "wechat")

    await say_as_agent(services, thread, "one", "two", PNG, "three")
    await wechat.courier().drain()

    assert said(wechat.vendor) == ["one\n\ntwo", "image", "three"]
    async with services.database.read() as connection:
        assert (await connection.execute(sa.select(channel_threads.c.quota_used))).scalar_one() == 3


@pytest.mark.slow
@on_sqlite
async def test_a_vendor_that_refuses_the_upload_is_told_at_the_desk_and_one_that_is_unwell_asked_again(
    services: Services, service: ConversationService, wechat: Post
) -> None:
    thread = await written(services, service, "wechat")
    wechat.vendor.scripted = lambda got: got.path == "/cgi-bin/media/upload"
    wechat.vendor.script = [WECHAT.unwell, WECHAT.expired or Says(), Says(body=b'{"errcode":0,"media_id":"kept-2"}'), WECHAT.refused]

    await say_as_agent(services, thread, PNG)
    await wechat.courier().drain()
    assert said(wechat.vendor) == []
    await wechat.hurry()
    await wechat.courier().drain()
    await say_as_agent(services, thread, PNG)
    await wechat.courier().drain()

    assert said(wechat.vendor) == ["image"]
    assert (await wechat.states())[-2:] == [("sent", ""), ("dead", "refused")]


@pytest.mark.slow
@on_sqlite
async def test_what_the_channel_takes_no_more_or_is_gone_is_a_dead_letter(
    services: Services, service: ConversationService, wechat: Post
) -> None:
    thread = await written(services, service, "wechat")

    await say_as_agent(services, thread, PDF, PNG, "text")
    async with services.database.write() as connection:
        image = (await connection.execute(sa.select(media_rows.c.message_id).where(media_rows.c.mime == PNG.mime))).scalar_one()
        await media.drop(connection, image)
    await wechat.courier().drain()

    assert (await wechat.states())[-3:] == [("dead", "refused"), ("dead", "refused"), ("sent", "")]
    assert said(wechat.vendor) == ["text"]
