"""Mails as programs write them: character sets, HTML, quotations, machines."""

from __future__ import annotations

import base64
import contextlib
import random
import sys
import time
from email.message import EmailMessage
from email.mime.text import MIMEText
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.mail_apart import NEEDED, Found, Read, _guarded, read_apart
from bot.channels.mail_quotes import without_quotes
from bot.channels.mail_reading import Mail, read_mail
from bot.channels.vendor import (
    VendorAnswer,
)
from bot.errors import InputError
from bot.messages import Kind
from tests.channels.test_refusals import _mutated
from tests.channels.vendors import EMAIL

HEAD = b"From: Wang <wang@home.example>\r\nMessage-ID: <1@home.example>\r\n"


def read(raw: bytes) -> Mail:
    return read_mail(raw, place="7:1")


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ("可以退货吗？", "在 2026年11月20日，10:00，青禾优选 <a@b.example> 写道：\n\n> 旧的内容"),
        (
            "可以退货吗？",
            '------------------ 原始邮件 ------------------\n发件人: "青禾" <a@b.example>;\n发送时间: 2026年11月20日\n主题: 旧',
        ),
        ("可以退货吗？", "发件人： 青禾优选\n发送时间： 2026年11月20日 10:00\n收件人： 王\n主题： 旧\n\n旧的内容"),
        ("可以退货吗？", "青禾优选 <a@b.example> 于2026年11月20日周五 10:00写道：\n> 旧"),
        ("可以退货吗？", "---- 回复的原邮件 ----\n| 发件人 | 青禾 |\n旧"),
        ("可以退貨嗎？", "寄件者: 青禾\n寄件日期: 2026年11月20日\n主旨: 舊"),
        ("Where is it?", "On Fri, 20 Nov 2026 at 10:00, Qinghe Select <a@b.example> wrote:\n> old"),
        ("Where is it?", "On Fri, 20 Nov 2026 at 10:00, Qinghe Select\n<a@b.example> wrote:\n\n> old"),
        ("Where is it?", "From: Qinghe <a@b.example>\nSent: Friday, 20 November 2026\nTo: Wang\nSubject: old\n\nold"),
        ("Where is it?", "________________________________\nFrom: Qinghe\nold"),
        ("Where is it?", "-----Original Message-----\nFrom: Qinghe\nold"),
        ("Where is it?", "> old\n> older"),
        ("Where is it?", "-- \nWang\n+86 139"),
        ("Where is it?", "Sent from my iPhone"),
        ("在吗", "发自我的iPhone"),
        ("在吗", "从我的 iPhone 发送\n\n在 2026-11-20 10:00:00，a@b.example 写道："),
    ],
)
def test_what_is_quoted_is_cut_off(new: str, old: str) -> None:
    assert without_quotes(f"{new}\n\n{old}\n") == new


@pytest.mark.parametrize(
    "text",
    [
        "On my order it says it was sent.\nI wrote: where is it?",
        "From: here to there, how long does it take?",
        "发件人: 我想改一下\n可以吗",
        "items:\n- one\n- two\nThank you, and please change my address too.",
        "> everything is quoted",
    ],
)
def test_what_only_looks_like_a_quotation_stays(text: str) -> None:
    assert without_quotes(text) == text


def test_an_answer_between_the_quoted_lines_is_kept() -> None:
    assert without_quotes("> Which size?\nL\n> Which colour?\nred") == "L\nred"


@pytest.mark.slow
def test_cutting_takes_linear_time() -> None:
    began = time.process_time()
    for hostile in ("On " * 60_000, "在" * 100_000, "-" * 100_000, ">" * 50_000, "From:\n" * 30_000, "x@1\n写道 " * 20_000):
        without_quotes(hostile)

    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("said", "data"),
    [
        ("gb2312", "退款𠮷，㐀".encode("gb18030")),  # GB 2312 has neither
        ("GBK", "退款".encode("gbk")),
        ("gb18030", "退款".encode("gb18030")),
        ("big5", "退款".encode("big5")),
        ("utf-8", "退款".encode()),
        ("x-unheard-of", "退款".encode()),
        ("us-ascii", "退款".encode("gb18030")),
        ("hex", "退款".encode()),
        ("", "退款".encode()),
    ],
)
@pytest.mark.parametrize("transfer", ["8bit", "base64"])
def test_every_character_set_is_read(said: str, data: bytes, transfer: str) -> None:
    body = base64.b64encode(data) if transfer == "base64" else data
    kind = f'text/plain; charset="{said}"' if said else "text/plain"

    mail = read(HEAD + f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {transfer}\r\n\r\n".encode() + body)

    assert mail.text.startswith("退款")
    assert "�" not in mail.text


def test_a_subject_and_a_files_name_are_decoded() -> None:
    raw = HEAD + (
        b"Subject: =?GB2312?B?" + base64.b64encode("退货申请".encode("gbk")) + b"?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nsee there\r\n"
        b'--b\r\nContent-Type: image/png; name="=?UTF-8?B?' + base64.b64encode("照片.png".encode()) + b'?="\r\n'
        b"Content-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b--\r\n"
    )

    mail = read(raw)

    assert (mail.subject, mail.text) == ("退货申请", "see there")
    [found] = mail.attachments
    assert (found.kind, found.name, found.mime, found.size, found.ref) == (Kind.IMAGE, "照片.png", "image/png", 3, "7:1:2")


def test_the_plain_text_goes_before_the_html_and_html_becomes_text() -> None:
    page = (
        "<html><head><title>t</title><style>p{}</style></head><body><p>I want to <b>return</b> it.</p><div>Order&nbsp;A-1001</div>"
        "<div class='gmail_quote'>On Friday we wrote: old</div><blockquote type='cite'>older</blockquote></body></html>"
    )
    both = EmailMessage()
    both["From"] = "wang@home.example"
    both.set_content("plain")
    both.add_alternative(page, subtype="html")
    alone = MIMEText(page, "html", "gb18030")
    alone["From"] = "wang@home.example"

    assert read(both.as_bytes()).text == "plain"
    assert read(alone.as_bytes()).text.split() == ["I", "want", "to", "return", "it.", "Order", "A-1001"]


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (out of office)",
        "Precedence: bulk",
        "Precedence: list",
        "List-Id: <news.example>",
        "List-Unsubscribe: <mailto:x@y.example>",
        "X-Auto-Response-Suppress: All",
        "X-Autoreply: yes",
        "X-Loop: service@company.example",
        "Return-Path: <>",
        "Reply-To: MAILER-DAEMON@home.example",
        "Reply-To: no-reply@home.example",
        "Subject: Automatic reply: away",
        "Subject: =?utf-8?b?6Ieq5Yqo5Zue5aSN?=: hi",
        "Content-Type: multipart/report; boundary=x",
    ],
)
def test_what_a_machine_wrote_is_known(header: str) -> None:
    assert not read(HEAD + b"\r\nhello").automatic
    assert read(HEAD + header.encode() + b"\r\n\r\nhello").automatic


def test_a_person_may_say_that_no_machine_wrote() -> None:
    assert not read(HEAD + b"Auto-Submitted: no\r\nPrecedence: normal\r\nReturn-Path: <wang@home.example>\r\n\r\nhello").automatic


@pytest.mark.parametrize("sender", ["", "From: nobody", "From: a@b", "From: <a b@home.example>", "From: all-staff/x@home.example"])
def test_a_mail_that_nobody_could_be_answered_for_is_refused(sender: str) -> None:
    with pytest.raises(InputError):
        read(f"{sender}\r\nSubject: x\r\n\r\nhello".encode())


def pulled(raw: bytes) -> None:
    with contextlib.suppress(InputError):
        read(raw)
    read_one = msgspec.json.decode(msgspec.json.encode(_guarded(Found(1, 0.0, len(raw), raw), "7")), type=Read)
    answer = VendorAnswer(200, {"validity": "7", "after": "1", "now": "0", "more": ""}, msgspec.msgpack.encode([read_one]))
    for message in EMAIL.channel().read_pull(answer, since=0).batch.messages:
        assert 0 < len(message.channel_user) <= 128
        assert 0 < len(message.client_id) <= 64
        assert len(message.reply_token) <= 255
        message.text.encode()


@pytest.mark.slow
def test_thousands_of_damaged_mails_are_read_or_left_out() -> None:
    """Bytes changed, cut out, doubled: 3,000, the same ones each time."""
    chance = random.Random("email")
    good = EmailMessage()
    good["From"], good["Subject"], good["Message-ID"] = "Wang <wang@home.example>", "退货 return", "<1@home.example>"
    good["References"] = "<a@b> <c@d>"
    good.set_content("你好, hello\n> old")
    good.add_alternative("<p>你好</p><blockquote>old</blockquote>", subtype="html")
    good.add_attachment(b"\x00" * 50, maintype="image", subtype="png", filename="照片.png")
    raw = good.as_bytes()
    for _ in range(3000):
        pulled(_mutated(raw, chance))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(head=st.text(max_size=200), body=st.binary(max_size=200), kind=st.sampled_from(["text/plain", "text/html", "multipart/mixed"]))
def test_any_mail_is_read_or_left_out(head: str, body: bytes, kind: str) -> None:
    pulled(HEAD + f"Content-Type: {kind}\r\n{head}\r\n\r\n".encode("utf8", "surrogatepass") + body)


def _nested(depth: int, lines: int) -> bytes:
    parts = (b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (each, each) for each in range(depth))
    return HEAD + b"".join(parts) + b"Content-Type: text/plain\r\n\r\n" + b"\n" * lines


PAGE = HEAD + b"Content-Type: text/html; charset=utf-8\r\n\r\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(PAGE + b"<p style=margin-top:99999em>x" * 200, id="margins"),
        pytest.param(PAGE + b"<table><tr><td>" + b"x" * 50_000 + b"<td>y" + b"<tr><td>x<td>y" * 3500, id="widths"),
        pytest.param(PAGE + b"<ul>" * 200 + b"<pre>" + b"<b>\n</b>" * 12_000, id="depths"),
        pytest.param(_nested(290, 15_000), id="parts within parts"),
        pytest.param(_nested(45, 900_000), id="lines"),
        pytest.param(HEAD + b"Subject: " + b"=?a?q?" * 150_000 + b"\r\n\r\nx", id="words of a header"),
        pytest.param(HEAD + b'Content-Type: multipart/mixed; x="' + b";" * 900_000 + b"\r\n\r\nx", id="parameters"),
        pytest.param(HEAD + b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"abc-" * 200_000, id="punycode"),
    ],
)
def test_no_mail_takes_long_to_read_or_becomes_more_than_it_was(raw: bytes) -> None:
    began = time.process_time()

    assert len(read(raw).text) <= 100_000
    assert time.process_time() - began < 1


def test_tables_and_lists_become_lines() -> None:
    page = b"<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table><ul><li>d</li><li>e</li></ul>"

    assert [line.split() for line in read(PAGE + page).text.split("\n") if line.strip()] == [["a", "b"], ["c"], ["d"], ["e"]]


@pytest.mark.slow
async def test_a_mail_that_breaks_its_reader_is_kept_by_its_head_and_the_others_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real children, whose reading of quotations is made to break: it stands for the next fault that nobody knows."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent / "peers" / "broken_reader"), prepend=":")
    mails = [HEAD + b"Subject: %s\r\n\r\n%s" % (word, word) for word in (b"good", b"DIE", b"EAT", b"last")]

    read_all = await read_apart([Found(uid, 0.0, len(raw), raw) for uid, raw in enumerate(mails, 1)], validity="7")

    told = [(each.mail.sender, each.mail.subject, each.mail.text, len(each.mail.attachments)) for each in read_all if each.mail]
    assert told == [
        ("wang@home.example", "good", "good", 0),
        ("wang@home.example", "DIE", "", 1),
        ("wang@home.example", "EAT", "", 1),
        ("wang@home.example", "last", "last", 0),
    ]


@pytest.mark.slow
async def test_a_reader_of_mails_is_told_none_of_the_workers_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The interpreter is one that writes down what it was given, then does its work."""
    told, python = tmp_path / "told", tmp_path / "python"
    python.write_text(f'#!/bin/sh\nenv > {told}\nexec {sys.executable} "$@"\n')
    python.chmod(0o700)
    for name in ("YINGDA_DATA_KEY", "DATABASE_URL", "SHOP_MAIL_PASSWORD", "PYTHONHASHSEED"):
        monkeypatch.setenv(name, "12345")
    monkeypatch.setattr(sys, "executable", str(python))

    [each] = await read_apart([Found(1, 0.0, 5, HEAD + b"\r\nhello")], validity="7")

    names = {line.partition("=")[0] for line in told.read_text().splitlines()}
    assert each.mail
    assert {"PATH", "PYTHONHASHSEED"} <= names
    assert names - NEEDED <= {"PWD", "OLDPWD", "SHLVL", "_"}  # the shell's own


def test_an_answer_goes_to_reply_to_only_within_the_senders_domain() -> None:
    assert read(HEAD + b"Reply-To: orders@home.example\r\n\r\nhello").sender == "orders@home.example"
    assert read(HEAD + b"Reply-To: victim@elsewhere.example\r\n\r\nhello").sender == "wang@home.example"
