"""What no vendor has sent is refused on every channel, and what a vendor did send is taken."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.channels.base import WebhookRequest
from bot.errors import AuthError, InputError
from bot.messages import InboundMessage
from tests.channels.vendors import NOW, Case, altered, every_channel


def signed(case: Case, text: str = "你好, hello", now: float = NOW) -> WebhookRequest:
    return case.sign(case.payload(text, "m1", "u1"), now)


@every_channel
def test_a_signed_message_is_read(case: Case) -> None:
    batch = case.channel().parse(signed(case))
    if case.only_signals:
        assert (batch.messages, batch.signal) == ([], "m1")
        return
    [message] = batch.messages

    assert (message.text, message.inbox_id, message.by_channel) == ("你好, hello", case.kind, True)
    assert message.client_id.startswith("ch")
    assert message.channel_user


@every_channel
@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda case, good: altered(good, headers={}, query={}), id="unsigned"),
        pytest.param(lambda case, good: altered(good, headers=_damaged(good.headers), query=_damaged(good.query)), id="wrong signature"),
        pytest.param(lambda case, good: altered(good, headers=_foreign(good.headers), query=_foreign(good.query)), id="not ASCII"),
        pytest.param(lambda case, good: altered(good, body=b""), id="empty"),
        pytest.param(lambda case, good: altered(good, body=good.body[: len(good.body) // 2]), id="truncated"),
        pytest.param(lambda case, good: case.sign(good.body[: len(good.body) // 2], NOW), id="truncated and signed"),
        pytest.param(lambda case, good: case.sign(case.payload("x", "m1", "u1").decode().encode("utf-16"), NOW), id="wrongly encoded"),
        pytest.param(lambda case, good: case.sign(b"[" * 50_000, NOW), id="nested without end"),
        pytest.param(lambda case, good: case.sign(case.payload("x", "", "u1"), NOW), id="without an id"),
        pytest.param(lambda case, good: case.sign(case.payload("x", "m1", "u" * 400), NOW), id="with an endless user"),
    ],
)
def test_what_was_not_sent_by_the_vendor_is_refused(case: Case, spoil: Callable[[Case, WebhookRequest], WebhookRequest]) -> None:
    bad = spoil(case, signed(case))

    assert taken(case, bad) == []


@every_channel
def test_a_changed_body_is_refused(case: Case) -> None:
    if not case.covers_body:
        pytest.skip("this vendor's signature is a shared secret, sent over TLS")
    good = signed(case)

    with pytest.raises(AuthError):
        case.channel().parse(altered(good, body=case.payload("transfer it all", "m1", "u1")))


@every_channel
@pytest.mark.parametrize("by_s", [-86_400, 86_400])
def test_a_late_request_is_refused(case: Case, by_s: float) -> None:
    if not case.timed:
        pytest.skip("this vendor signs no time; ids keep a replay from being stored twice")

    with pytest.raises(AuthError):
        case.channel().parse(altered(signed(case), now=NOW + by_s))


@pytest.mark.slow
@every_channel
@settings(max_examples=150, deadline=None)
@given(body=st.binary(max_size=300), values=st.lists(st.text(max_size=40), max_size=4), sign=st.booleans())
def test_any_bytes_are_read_or_refused(case: Case, body: bytes, values: list[str], sign: bool) -> None:
    good = case.sign(body, NOW)
    names = [*good.headers, *good.query]
    changed = dict(zip(names, values, strict=False)) if not sign else {}
    wanted = altered(good, headers={**good.headers, **changed}, query={**good.query, **changed})

    read_or_refused(case, wanted)


@pytest.mark.slow
@every_channel
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_change_of_a_good_message_is_read_or_refused(case: Case, data: st.DataObject) -> None:
    good = bytearray(case.payload(data.draw(st.text(max_size=60)), data.draw(st.text(max_size=20)), data.draw(st.text(max_size=20))))
    for _ in range(data.draw(st.integers(0, 4))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))

    read_or_refused(case, case.sign(bytes(good), NOW))


@pytest.mark.slow
@every_channel
def test_thousands_of_damaged_requests_are_read_or_refused(case: Case) -> None:
    """Bytes changed, cut out, doubled, in the signed part and around it: 3,000 for each channel, the same ones each time."""
    chance = random.Random(case.kind)
    good = case.payload("你好, hello", "m1", "u1")
    for _ in range(2500):
        read_or_refused(case, case.sign(_mutated(good, chance), NOW))
    sealed = case.sign(good, NOW)
    for _ in range(500):
        assert taken(case, altered(sealed, body=_mutated(sealed.body, chance), headers={}, query={})) == []


def _mutated(good: bytes, chance: random.Random) -> bytes:
    body = bytearray(good)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(body))
        match chance.randrange(4):
            case 0:
                body[at] = chance.randrange(256)
            case 1:
                del body[at : at + chance.randint(1, 20)]
            case 2:
                body[at:at] = body[at : at + chance.randint(1, 60)]
            case _:
                body[at:at] = chance.choice(
                    [b"null", b"[]", b"{}", b"-1", b'"', b"\x00", b"\xff\xfe", b"1e999", b"<", b"&#0;", b"\xed\xa0\x80"]
                )
        if not body:
            return b""
    return bytes(body)


def taken(case: Case, wanted: WebhookRequest) -> list[InboundMessage]:
    """Return what is read from the request; nothing from one that is refused."""
    try:
        batch = case.channel().parse(wanted)
    except (AuthError, InputError):
        return []
    return batch.messages


def read_or_refused(case: Case, wanted: WebhookRequest) -> None:
    for message in taken(case, wanted):
        assert 0 < len(message.channel_user) <= 128
        assert 0 < len(message.client_id) <= 64


def _damaged(values: dict[str, str]) -> dict[str, str]:
    return {name: value[:-1] + ("0" if value[-1:] != "0" else "1") if len(value) > 12 else value for name, value in values.items()}


def _foreign(values: dict[str, str]) -> dict[str, str]:
    return dict.fromkeys(values, "签名é")
