"""The e-mail channel against real mail servers: threads, loops, a mailbox that is read once, and what every answer of a server means."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from email.policy import default

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from bot.channels.base import (
    Batch,
    Channel,
    Outgoing,
)
from bot.channels.client import VendorClient
from bot.channels.mail import Email
from bot.channels.mail_reading import read_mail
from bot.channels.pulling import Puller
from bot.channels.tokens import Tokens
from bot.channels.vendor import (
    Call,
    VendorAnswer,
)
from bot.cli.channels import command
from bot.conversations.service import ConversationService
from bot.conversations.services import Services
from bot.database.channels import channel_cursors, outbox
from bot.database.conversations import messages, threads
from bot.errors import AuthError, SettingError, TransportError
from tests.channels.conftest import SECRET, Post, account, open_post, settle, with_traits
from tests.channels.mail_servers import USER, MailSays, MailServers, mail_servers
from tests.channels.simulator import Vendor
from tests.channels.vendors import EMAIL, request

KEY = "123e4567-e89b-12d3-a456-426614174000"
_numbers = itertools.count(1)


@pytest.fixture(params=["sqlite"])
def database_kind(request: pytest.FixtureRequest) -> str:
    """What SQL does differently on PostgreSQL, test_wecom_kf.py and test_outbox.py try."""
    return str(request.param)


@pytest.fixture
async def servers() -> AsyncIterator[MailServers]:
    async with mail_servers() as running:
        yield running


def mail(text: str = "hello", *, sender: str = "wang@home.example", **headers: str) -> bytes:
    lines = {
        "From": sender,
        "To": USER,
        "Message-ID": f"<{next(_numbers)}@home.example>",
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    return ("".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n" + text).encode()


def user_of(channel: Email, raw: bytes) -> str:
    [message] = channel._inbound(read_mail(raw, place="1:1"), fallback="1:1")
    return message.channel_user


def sent(channel: Channel, user: str, *, key: str = KEY, **more: str) -> Call:
    return channel.build(Outgoing(user, "你好", key, at=1_795_300_000.0, **more), token="")  # type: ignore[arg-type]


# --- who is in which thread


def test_a_new_mail_is_a_thread_of_its_own_and_an_answer_to_ours_is_in_it() -> None:
    channel = EMAIL.channel()
    assert isinstance(channel, Email)
    first = mail(Subject="退货")
    user = user_of(channel, first)
    ours = sent(channel, user).headers["id"]

    assert user == user_of(channel, first)
    assert user != user_of(channel, mail(Subject="退货"))
    assert user_of(channel, mail(In_Reply_To=ours)) == user
    assert user_of(channel, mail(References=f"<x@y> {ours} <z@home.example>", sender="Wang <WANG@home.example>")) == user


def test_who_claims_anothers_address_does_not_get_into_their_conversation() -> None:
    """The From address is no proof: neither with a made-up Message-ID, nor with that of a conversation of their own."""
    channel = EMAIL.channel()
    assert isinstance(channel, Email)
    victim = user_of(channel, mail())
    own = sent(channel, user_of(channel, mail(sender="thief@home.example"))).headers["id"]

    made_up = f"<{KEY.replace('-', '')}.{'0' * 24}@company.example>"

    for stolen in (own, made_up, f"<{victim.partition('/')[2]}@company.example>"):
        assert user_of(channel, mail(In_Reply_To=stolen)) != victim
    assert user_of(channel, mail(sender="thief@home.example", In_Reply_To=sent(channel, victim).headers["id"])) != victim


def test_the_first_mails_subject_belongs_to_its_text() -> None:
    channel = EMAIL.channel()
    assert isinstance(channel, Email)

    def text(raw: bytes) -> str:
        [message] = channel._inbound(read_mail(raw, place="1:1"), fallback="1:1")
        return message.text

    ours = sent(channel, user_of(channel, mail())).headers["id"]
    assert text(mail("A-1001", Subject="Re: return")) == "return\nA-1001"
    assert text(mail("I want a return", Subject="return")) == "I want a return"
    assert text(mail("2", Subject="Re: return", In_Reply_To=ours)) == "2"


# --- what goes out


def test_a_mail_answers_the_customers_and_a_repeat_has_the_same_id() -> None:
    channel = account(
        "email", ADDRESS=USER, PASSWORD="p", IMAP="imaps://i.example", SMTP="smtps://s.example", SECRET=SECRET, NAME="青禾优选"
    )

    call = sent(channel, "wang@home.example/0123456789abcdef01234567", reply_token="<1@home.example>\n退货\n\tX-Evil: 1")
    built = message_from_bytes(call.body, policy=default)

    assert built["From"].addresses[0].display_name == "青禾优选"
    assert (built["To"], built["In-Reply-To"], built["References"]) == ("wang@home.example", "<1@home.example>", "<1@home.example>")
    assert (built["Message-ID"], built["X-Loop"]) == (f"<{KEY.replace('-', '')}.0123456789abcdef01234567@company.example>", USER)
    assert built.get_content().strip() == "你好"
    assert built["X-Evil"] is None
    assert built["Subject"] == "关于您的咨询", "by machine nothing of theirs is sent on"
    assert (built["Auto-Submitted"], built["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    assert sent(channel, "wang@home.example/0123456789abcdef01234567").headers["id"] == built["Message-ID"]
    told = message_from_bytes(sent(channel, "wang@home.example/x", sender="agent", reply_token="<1@h>\n退货").body, policy=default)
    assert told["Subject"] == "Re: 退货"
    by_agent = message_from_bytes(sent(channel, "wang@home.example/x", sender="agent").body, policy=default)
    assert (by_agent["Auto-Submitted"], by_agent["Subject"]) == (None, "关于您的咨询")


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        ("ADDRESS", "nobody"),
        ("SECRET", "short"),
        ("IMAP", "https://i.example"),
        ("SMTP", "imaps://s.example"),
        ("SMTP", "smtps://user:password@s.example"),
        ("FOLDER", 'IN"BOX'),
    ],
)
def test_a_wrong_setting_is_refused_by_name(wrong: str, value: str) -> None:
    with pytest.raises(SettingError, match=f"EMAIL_{wrong}"):
        account("email", **{**EMAIL.settings(""), wrong: value})


def test_nobody_can_call_the_mailbox() -> None:
    with pytest.raises(AuthError):
        EMAIL.channel().parse(request(mail()))


def test_a_provider_without_passwords_gives_an_access_token() -> None:
    channel = account("email", **EMAIL.settings(""), TOKEN_URL="https://login.example/token", CLIENT_ID="c", SCOPE="s", REFRESH_TOKEN="r")

    call = channel.token_call()

    assert call is not None
    assert call.body == b"client_id=c&client_secret=pw&scope=s&grant_type=refresh_token&refresh_token=r"
    assert channel.read_token(VendorAnswer(200, {}, b'{"access_token":"t","expires_in":3599}')).token == "t"
    with pytest.raises(TransportError):
        channel.read_token(VendorAnswer(200, {}, b"<html>"))
    assert "password" not in channel.pull(cursor="", signal="", token="t").headers


# --- against the servers


async def opened(
    services: Services, service: ConversationService, servers: MailServers, simulator: Vendor, **more: str
) -> tuple[Post, Puller]:
    channel = account("email", **{**EMAIL.settings(""), "IMAP": servers.imap, "SMTP": servers.smtp, **more})
    post = await open_post(services, service, simulator, channel)
    return post, puller_of(post)


def puller_of(post: Post) -> Puller:
    box = post.service.services
    tokens = Tokens(box.database, box.cipher, post.client)
    return Puller(database=box.database, channels={"email": post.channel}, tokens=tokens, client=post.client)


async def look(post: Post) -> None:
    """Look into the mailbox as a process that has just started, all leases being over."""
    async with post.service.services.database.write() as connection:
        await connection.execute(sa.update(channel_cursors).values(owned_until=None))
    await puller_of(post).pull(post.service.take)
    await settle(post.service)


async def stored(services: Services) -> list[str]:
    async with services.database.read() as connection:
        query = sa.select(messages.c.text).where(messages.c.sender == "customer").order_by(messages.c.created_at, messages.c.id)
        return list((await connection.execute(query)).scalars())


@pytest.mark.slow
async def test_a_mail_is_answered_and_its_answer_is_in_the_same_conversation(
    services: Services, service: ConversationService, servers: MailServers, simulator: Vendor
) -> None:
    post, puller = await opened(services, service, servers, simulator)
    await servers.deliver(mail("an old one"), ago_s=7200)
    await servers.deliver(mail("你好", Subject="=?utf-8?b?6YCA6LSn?="))
    await puller.pull(service.take)
    await settle(service)
    await post.courier().drain()
    [answer] = servers.received

    assert (answer["Subject"], answer["In-Reply-To"] is not None) == ("关于您的咨询", True)
    assert "you said" in answer.get_content()
    await servers.deliver(mail("好的\n\n在 2026年11月20日，a@b.example 写道：\n> 旧", In_Reply_To=answer["Message-ID"]))
    await look(post)
    await look(post)

    assert await stored(services) == ["退货\n你好", "好的"]
    async with services.database.read() as connection:
        assert len((await connection.execute(sa.select(threads))).all()) == 1
    await post.courier().drain()
    assert servers.received[1]["In-Reply-To"] is not None
    await post.client.close()


@pytest.mark.slow
async def test_every_mail_of_many_is_read_once_whoever_dies(
    services: Services, service: ConversationService, servers: MailServers, simulator: Vendor
) -> None:
    post, puller = await opened(services, service, servers, simulator)
    await servers.deliver(*(mail(f"text {number}", sender=f"u{number}@home.example") for number in range(7)))

    async def dies(inbox_id: str, batch: Batch) -> None:
        await service.take(inbox_id, batch)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await puller.pull(dies)
    await look(post)
    async with services.database.write() as connection:
        await connection.execute(sa.update(channel_cursors).values(cursor="1:0:0"))
    await look(post)

    assert sorted(await stored(services)) == [f"text {number}" for number in range(7)], "also when the mailbox has new numbers"
    await post.client.close()


@pytest.mark.slow
async def test_a_machine_is_not_answered_and_a_bounce_is_told(
    services: Services, service: ConversationService, servers: MailServers, simulator: Vendor
) -> None:
    post, puller = await opened(services, service, servers, simulator)
    await servers.deliver(
        mail(Auto_Submitted="auto-replied"), mail(sender=USER), mail(Precedence="bulk"), mail(X_Loop=USER), mail(), b"no mail at all"
    )
    await puller.pull(service.take)
    await settle(service)
    await post.courier().drain()
    [answer] = servers.received

    bounce = (
        "From: MAILER-DAEMON@home.example\r\nReturn-Path: <>\r\nMessage-ID: <b@home.example>\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nno\r\n'
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; h\r\n\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {answer['Message-ID']}\r\n\r\n--b--\r\n"
    )
    await servers.deliver(bounce.encode())
    await look(post)

    assert (await stored(services), await post.states()) == (["hello"], [("dead", "refused")])
    await post.client.close()


@pytest.mark.slow
async def test_two_machines_that_answer_each_other_stop(
    services: Services, service: ConversationService, servers: MailServers, simulator: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    post, _ = await opened(services, service, servers, simulator)
    with_traits(post.channel, most_an_hour=3)
    await servers.deliver(*(mail(f"thank you for mail {number}") for number in range(6)), mail("a person", sender="li@home.example"))

    await look(post)

    found = await stored(services)
    assert (len(found), "a person" in found) == (4, True)
    assert "home.example" not in caplog.text
    await post.client.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("says", "sends", "state"),
    [
        pytest.param([], 1, ("sent", ""), id="success"),
        pytest.param(["421 4.7.28 too many"], 2, ("sent", ""), id="rate limit"),
        pytest.param(["451 4.7.1 greylisted"], 2, ("sent", ""), id="later"),
        pytest.param(["452 4.3.1 full"], 2, ("sent", ""), id="unwell"),
        pytest.param(["550 5.1.1 no such user"], 1, ("dead", "refused"), id="permanent"),
        pytest.param(["554 5.7.1 looks like spam"], 1, ("dead", "refused"), id="spam"),
    ],
)
async def test_what_each_answer_of_a_mail_server_means(
    says: list[str],
    sends: int,
    state: tuple[str, str],
    services: Services,
    service: ConversationService,
    servers: MailServers,
    simulator: Vendor,
) -> None:
    post, _ = await opened(services, service, servers, simulator)
    servers.script = [MailSays(line) for line in says]
    await post.say("hello", user="wang@home.example/0123456789abcdef01234567")
    for _ in range(2):
        await post.courier().drain()
        await post.hurry()

    assert len(servers.received) == sends
    assert len({each["Message-ID"] for each in servers.received}) == 1
    assert await post.states() == [state]
    await post.client.close()


@pytest.mark.slow
async def test_no_answer_after_accepting_is_sent_again_and_recognisable(
    services: Services, service: ConversationService, servers: MailServers, simulator: Vendor
) -> None:
    post, _ = await opened(services, service, servers, simulator)
    servers.script = [MailSays(delay_s=1.4)]
    await post.say("hello", user="wang@home.example/0123456789abcdef01234567")
    await post.courier().drain()
    await post.hurry()
    await post.courier().drain()

    assert [each["Message-ID"] for each in servers.received] == [servers.received[0]["Message-ID"]] * 2
    assert await post.states() == [("sent", "")]
    await asyncio.sleep(0.5)
    await post.client.close()


@pytest.mark.slow
async def test_a_wrong_password_is_told_and_tried_again_in_a_minute(
    services: Services, service: ConversationService, servers: MailServers, simulator: Vendor
) -> None:
    post, puller = await opened(services, service, servers, simulator, PASSWORD="wrong")
    await post.say("hello", user="wang@home.example/0123456789abcdef01234567")
    await post.courier().drain()
    await puller.pull(service.take)

    async with services.database.read() as connection:
        row = (await connection.execute(sa.select(channel_cursors))).one()
        assert (await connection.execute(sa.select(outbox.c.reason))).scalar_one() == "credentials"
    assert row.owned_until > row.signalled_at + timedelta(seconds=50)
    assert (await stored(services), servers.received) == (["hello"], [])
    await post.client.close()


@pytest.mark.slow
async def test_an_access_token_takes_the_passwords_place(servers: MailServers) -> None:
    channel = account("email", **{**EMAIL.settings(""), "SMTP": servers.smtp, "TOKEN_URL": "https://login.example/token"})
    client = VendorClient(timeout_s=1.0)

    call = channel.build(Outgoing("wang@home.example/x", "hi", KEY), token="bearer-1")

    assert channel.read(await client.send(call)).startswith("<")
    assert servers.tokens != []
    await client.close()


@pytest.mark.slow
async def test_the_command_checks_both_servers(
    servers: MailServers, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path_factory.mktemp("check")
    (folder / "config.yml").write_text("")
    (folder / "nlu_data").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("YINGDA_DATA_DIR", str(folder / "var"))
    monkeypatch.setenv("YINGDA_CHANNELS", "email")
    for name, value in {**EMAIL.settings(""), "IMAP": servers.imap, "SMTP": servers.smtp}.items():
        monkeypatch.setenv(f"EMAIL_{name}", value)

    async def run(*arguments: str) -> tuple[int, str]:
        result = await asyncio.to_thread(CliRunner().invoke, command, list(arguments))
        return result.exit_code, result.output

    assert await run("check", "email") == (0, "email: the vendor answers, and takes our secrets\n")
    assert (await run("send", "email", "wang@home.example", "hello"))[0] == 0
    assert servers.received[0]["To"] == "wang@home.example"
    monkeypatch.setenv("EMAIL_PASSWORD", "wrong")
    assert await run("check", "email") == (1, "email: the mail server does not take our password\n")
