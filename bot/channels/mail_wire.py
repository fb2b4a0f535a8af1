"""The wire to mail servers: a call of the e-mail channel becomes one SMTP submission or one look into an IMAP mailbox.

The answer has an HTTP vendor's form, with SMTP's own codes as status. Every connection is encrypted and its certificate checked, except
on this machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import imaplib
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import aiosmtplib
import msgspec
import regex

from bot.channels.mail_apart import LONGEST_MAIL, Found, read_apart
from bot.channels.vendor import (
    Call,
    Reason,
    VendorAnswer,
)
from bot.errors import TransportError

PAGE = 5  # mails of one look
MOST_AT_FIRST = 500  # mails of the last day that a first look considers
LOOK_BACK_S = 600.0
IMAP_TIMEOUT_S = 45.0  # of a whole look, within the lease on the mailbox
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_UID = regex.compile(rb"UID (\d+)")
_SIZE = regex.compile(rb"RFC822\.SIZE (\d+)")


async def carry(call: Call, *, timeout_s: float) -> VendorAnswer:
    """Do what the call says; TransportError when the server could not be reached."""
    try:
        if call.method == "SMTP":
            return await _submit(call, timeout_s)
        answer = await asyncio.wait_for(asyncio.to_thread(_look, call, timeout_s), IMAP_TIMEOUT_S)
        if call.method == "CHECK" and answer.status == 200:
            return await _submit(call, timeout_s)
    except (aiosmtplib.SMTPException, imaplib.IMAP4.error, TimeoutError, OSError, EOFError) as error:
        raise TransportError(f"the mail server was not reached: {type(error).__name__}", reason=Reason.UNREACHABLE) from error
    if call.method != "IMAP" or not answer.body:
        return answer
    read = await read_apart(msgspec.msgpack.decode(answer.body, type=list[Found]), validity=answer.headers["validity"])
    return VendorAnswer(answer.status, answer.headers, msgspec.msgpack.encode(read))


async def _submit(call: Call, timeout_s: float) -> VendorAnswer:
    """Hand the mail over; without a body only log in."""
    headers = call.headers
    host, port, implicit = _server(call.url, {"smtps": 465, "smtp": 587})
    client = aiosmtplib.SMTP(hostname=host, port=port, timeout=timeout_s, use_tls=implicit, start_tls=not implicit and host not in LOOPBACK)
    try:
        async with client:
            if headers.get("token"):
                await client.auth_xoauth2(headers["user"], headers["token"])
            else:
                await client.login(headers["user"], headers["password"])
            if call.body:
                await client.sendmail(headers["from"], [headers["to"]], call.body)
        return VendorAnswer(250, {"id": headers.get("id", "")}, b"")
    except aiosmtplib.SMTPRecipientsRefused as error:
        return VendorAnswer(error.recipients[0].code, {"stage": "recipient"}, b"")
    except aiosmtplib.SMTPAuthenticationError as error:
        return VendorAnswer(error.code, {"stage": "login"}, b"")
    except aiosmtplib.SMTPResponseException as error:
        return VendorAnswer(error.code, {"stage": "mail"}, b"")


def _look(call: Call, timeout_s: float) -> VendorAnswer:
    """Log in and bring what came after the cursor; runs in a thread. Nothing in the mailbox is changed, nothing marked as read."""
    headers = call.headers
    box = _connect(headers.get("mailbox", call.url), timeout_s)
    try:
        try:
            _log_in(box, headers)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            return VendorAnswer(401, {"stage": "login"}, b"")
        if "ID" in box.capabilities:
            box.xatom("ID", '("name" "yingda")')  # NetEase lets no program in that does not say who it is
        state, _ = box.select(f'"{headers["folder"]}"', readonly=True)
        if state != "OK":
            return VendorAnswer(404, {"stage": "folder"}, b"")
        return _new_mail(box, headers) if call.method == "IMAP" else VendorAnswer(200, {}, b"")
    finally:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            box.logout()


def _connect(url: str, timeout_s: float) -> imaplib.IMAP4:
    host, port, implicit = _server(url, {"imaps": 993, "imap": 143})
    if implicit:
        return imaplib.IMAP4_SSL(host, port, ssl_context=ssl.create_default_context(), timeout=timeout_s)
    box = imaplib.IMAP4(host, port, timeout=timeout_s)
    if host not in LOOPBACK:
        box.starttls(ssl.create_default_context())
    return box


def _log_in(box: imaplib.IMAP4, values: Mapping[str, str]) -> None:
    user, token = values["user"], values.get("token", "")
    if token:
        said = f"user={user}\x01auth=Bearer {token}\x01\x01".encode()
        box.authenticate("XOAUTH2", lambda _challenge: said)
    else:
        box.login(user, values["password"])


def _new_mail(box: imaplib.IMAP4, values: Mapping[str, str]) -> VendorAnswer:
    """Fetch a page of what came after the cursor, or, where the cursor is of another mailbox, of what came lately."""
    validity, uid_next = _number(box, "UIDVALIDITY"), _number(box, "UIDNEXT")
    if values["validity"] == str(validity):
        after = int(values["after"])
        uids = [uid for uid in _search(box, "UID", f"{after + 1}:*") if uid > after]
    else:
        since = float(values["since"]) - LOOK_BACK_S if values["since"] else time.time() - LOOK_BACK_S
        uids = [found.uid for found in _fetch(box, _lately(box, since), "INTERNALDATE") if found.at >= since]
        after = max(uid_next - 1, 0)
    page = _fetch(box, uids[:PAGE], f"INTERNALDATE RFC822.SIZE BODY.PEEK[]<0.{LONGEST_MAIL}>")
    cursor = uids[:PAGE][-1] if uids else after
    answer = {"validity": str(validity), "after": str(cursor), "more": "1" if len(uids) > PAGE else "", "now": str(int(time.time()))}
    return VendorAnswer(200, answer, msgspec.msgpack.encode(page))


def _lately(box: imaplib.IMAP4, since: float) -> list[int]:
    """Return who came since the day before: IMAP searches by the day of the server's own clock."""
    day = datetime.fromtimestamp(since, UTC) - timedelta(days=1)
    return _search(box, "SINCE", f"{day.day}-{_MONTHS[day.month - 1]}-{day.year}")[-MOST_AT_FIRST:]


def _search(box: imaplib.IMAP4, *what: str) -> list[int]:
    state, data = box.uid("SEARCH", *what)
    if state != "OK":
        raise imaplib.IMAP4.error("the mailbox was not searched")
    return sorted(int(uid) for uid in (data[0] or b"").split())


def _fetch(box: imaplib.IMAP4, uids: list[int], what: str) -> list[Found]:
    if not uids:
        return []
    state, data = box.uid("FETCH", ",".join(map(str, uids)), f"(UID {what})")
    if state != "OK":
        raise imaplib.IMAP4.error("mails were not fetched")
    found: list[Found] = []
    for index, item in enumerate(data):
        # A mail's text is a tuple; what the server says of it may stand before and after.
        after = data[index + 1] if isinstance(item, tuple) and index + 1 < len(data) else b""
        said = item[0] + b" " + after if isinstance(item, tuple) and isinstance(after, bytes) else item
        if not isinstance(said, bytes) or (uid := _UID.search(said)) is None or (found and found[-1].uid == int(uid[1])):
            continue
        when, size = imaplib.Internaldate2tuple(said), _SIZE.search(said)
        raw = item[1] if isinstance(item, tuple) else b""
        found.append(Found(int(uid[1]), time.mktime(when) if when else 0.0, int(size[1]) if size else len(raw), raw))
    return sorted(found, key=lambda each: each.uid)


def _number(box: imaplib.IMAP4, name: str) -> int:
    _, data = box.response(name)
    return int(data[0]) if data and data[0] else 0


def _server(url: str, ports: dict[str, int]) -> tuple[str, int, bool]:
    """Return host, port, and whether the connection is encrypted from its first byte."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or ports[parts.scheme], parts.scheme.endswith("s")
