"""The widget's calls over HTTP and WebSocket."""

from __future__ import annotations

from datetime import timedelta

import aiohttp
import jwt
import pytest

from bot.ids import utcnow
from bot.messages import Button, Card, HandOff, HandoffReason, Reply, Turn
from bot.settings import Settings
from tests.fakes import FakeRasa
from tests.web.conftest import Widget, frame, open_widget


def identity(settings: Settings, customer: str, *, secret: str = "", life: timedelta = timedelta(minutes=5)) -> str:
    return jwt.encode({"sub": customer, "exp": utcnow() + life}, secret or settings.identity_secret, algorithm="HS256")


async def test_a_visitor_opens_the_widget_writes_and_is_answered(http: aiohttp.ClientSession) -> None:
    widget = await open_widget(http)
    assert widget.opened["greeting"]["text"].startswith("Hello, I am the assistant")
    assert 1 <= len(widget.opened["greeting"]["buttons"]) <= 5
    socket = await widget.socket()
    assert (await frame(socket, "ready"))["conversation"] is None

    stored = await widget.send("where is my parcel?")

    assert (await frame(socket, "message"))["message"]["id"] == stored["message"]["id"]
    answer = (await frame(socket, "message"))["message"]
    assert (answer["sender"], answer["text"], answer["seq"]) == ("bot", "you said where is my parcel?", 2)


async def test_the_greeting_speaks_chinese_and_knows_the_customer(http: aiohttp.ClientSession, settings: Settings) -> None:
    widget = await open_widget(http, language="zh-CN", identity=identity(settings, "C000001"))

    assert widget.opened["customer"] == {"name": "林悦"}
    assert "林悦，您好" in widget.opened["greeting"]["text"]
    assert [card["kind"] for card in widget.opened["greeting"]["cards"]] == ["order"] * 3


async def test_what_was_missed_is_replayed_after_the_cursor(http: aiohttp.ClientSession) -> None:
    widget = await open_widget(http)
    socket = await widget.socket()
    first = await widget.send("one")
    while (await frame(socket, "message"))["message"]["sender"] != "bot":
        pass
    cursor = f"{first['message']['conversation_id']}:1"

    missed = await widget.messages(cursor)
    second = await widget.socket(after=cursor)

    assert [message["text"] for message in missed["messages"]] == ["you said one"]
    assert (await frame(second, "message"))["message"]["text"] == "you said one"


async def test_buttons_reach_the_client_as_ids_only(http: aiohttp.ClientSession, rasa: FakeRasa) -> None:
    button = Button(id="0", title="Cancel", intent="cancel_order", entities={"order_number": "A20261029-0042"})
    rasa.answer = lambda request: Turn(
        message_id=request.message_id, replies=[Reply(text="which?", buttons=[button], cards=[Card(title="Order", buttons=[button])])]
    )
    widget = await open_widget(http)
    socket = await widget.socket()
    await widget.send("cancel")
    while (answer := (await frame(socket, "message"))["message"])["sender"] != "bot":
        pass

    assert set(answer["buttons"][0]) == {"id", "title"}
    assert "A20261029-0042" not in str(answer)
    await widget.send(button_id=answer["cards"][0]["buttons"][0]["id"])
    while (await frame(socket, "message"))["message"]["sender"] != "bot":
        pass
    assert rasa.asked[-1].entities == {"order_number": "A20261029-0042"}


async def test_a_visitor_sees_only_their_own_thread(http: aiohttp.ClientSession) -> None:
    first, second = await open_widget(http), await open_widget(http)
    mine = await first.send("my secret")

    assert (await second.messages())["messages"] == []
    assert (await second.messages(f"{mine['message']['conversation_id']}:0"))["messages"] == []
    async with http.post(
        "/api/widget/csat", json={"conversation_id": mine["message"]["conversation_id"], "score": 5}, headers=second.headers
    ) as response:
        assert response.status == 404


async def test_logging_in_keeps_the_conversation_and_logging_out_starts_anew(http: aiohttp.ClientSession, settings: Settings) -> None:
    anonymous = await open_widget(http)
    await anonymous.send("hello from nobody")

    known = await open_widget(http, token=anonymous.opened["token"], identity=identity(settings, "C000002"))
    elsewhere = await open_widget(http, identity=identity(settings, "C000002"))
    somebody_else = await open_widget(http, token=known.opened["token"], identity=identity(settings, "C000001"))
    logged_out = await open_widget(http, token=known.opened["token"])

    assert len((await known.messages())["messages"]) == 2
    assert len((await elsewhere.messages())["messages"]) == 2
    assert (await somebody_else.messages())["messages"] == []
    assert (await logged_out.messages())["messages"] == []


@pytest.mark.parametrize(
    "forged",
    [
        lambda settings: identity(settings, "C000001", secret="not the shop's secret, but long enough to sign"),
        lambda settings: identity(settings, "C000001", life=timedelta(minutes=-5)),
        lambda settings: jwt.encode({"sub": "C000001"}, settings.identity_secret, algorithm="HS256"),
        lambda settings: jwt.encode({"sub": "C000001", "exp": utcnow() + timedelta(hours=1)}, "", algorithm="none"),
        lambda settings: "not.a.token",
    ],
    ids=["another secret", "over", "without end", "unsigned", "rubbish"],
)
async def test_an_identity_that_the_shop_has_not_signed_is_refused(http: aiohttp.ClientSession, settings: Settings, forged: object) -> None:
    async with http.post("/api/widget/session", json={"identity": forged(settings)}) as response:  # type: ignore[operator]
        assert response.status == 401
        assert (await response.json())["error"]["code"] == "auth"


async def test_waiting_shows_the_position_and_the_bot_can_be_had_back(http: aiohttp.ClientSession, rasa: FakeRasa) -> None:
    hand_off = HandOff(reason=HandoffReason.CUSTOMER_REQUEST)
    rasa.answer = lambda request: Turn(message_id=request.message_id, hand_off=hand_off)
    widget = await open_widget(http)
    socket = await widget.socket()
    await frame(socket, "ready")

    await widget.send(button_id="human")

    while (state := (await frame(socket, "conversation"))["conversation"])["status"] != "waiting":
        pass
    assert state["queue"] is None, "nobody is there: a position would promise too much"
    await widget.send(button_id="bot")
    while (await frame(socket, "conversation"))["conversation"]["status"] != "bot":
        pass


BAD_BODIES = [
    (b"", "JSON"),
    (b"{", "JSON"),
    (b"\xff\xfe", "JSON"),
    (b"[]", "Expected `object`"),
    (b'{"client_id": 7}', "Expected `str`"),
    (b'{"client_id": "a", "text": "x", "sender": "agent"}', "unknown field"),
    (b'{"client_id": "a"}', "exactly one"),
    (b'{"client_id": "a", "text": "x", "button_id": "y"}', "exactly one"),
    (b'{"client_id": "", "text": "x"}', "client_id"),
    (b'{"client_id": "a", "text": "\\u0000\\u0007"}', "empty"),
    (b'{"client_id": "a", "button_id": "no-such-button"}', "not a button"),
    (b'{"client_id": "a", "text": "' + b"x" * 5000 + b'"}', "5000 characters"),
]


@pytest.mark.parametrize(("body", "what"), BAD_BODIES, ids=[str(number) for number in range(len(BAD_BODIES))])
async def test_bad_input_gets_a_400_that_says_what_is_allowed(http: aiohttp.ClientSession, body: bytes, what: str) -> None:
    widget = await open_widget(http)

    async with http.post("/api/widget/messages", data=body, headers=widget.headers) as response:
        assert response.status == 400
        assert what in (await response.json())["error"]["message"]


async def test_too_large_a_body_is_refused(http: aiohttp.ClientSession) -> None:
    widget = await open_widget(http)

    async with http.post("/api/widget/messages", data=b"x" * 100_000, headers=widget.headers) as response:
        assert response.status == 413
        assert (await response.json())["error"]["code"] == "http"


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer abc", "Basic abc", "Bearer a.b.c"])
async def test_without_a_good_token_nothing_is_said_or_read(http: aiohttp.ClientSession, header: str) -> None:
    headers = {"Authorization": header} if header else {}

    async with http.post("/api/widget/messages", json={"client_id": "a", "text": "x"}, headers=headers) as response:
        assert response.status == 401
    async with http.get("/api/widget/messages", headers=headers) as response:
        assert response.status == 401


@pytest.mark.parametrize("cursor", ["x", "a:b", ":::", "a:99999999999", "x" * 40 + ":1"])
async def test_a_cursor_that_we_did_not_give_is_refused(http: aiohttp.ClientSession, cursor: str) -> None:
    widget = await open_widget(http)

    async with http.get("/api/widget/messages", params={"after": cursor}, headers=widget.headers) as response:
        assert response.status == 400


@pytest.mark.parametrize(
    "hello", ["", "{", "[]", '{"type":"x"}', '{"type":"hello"}', '{"type":"hello","token":"forged"}', "x" * 20_000, "[" * 10_000]
)
async def test_a_socket_that_does_not_say_who_it_is_is_told_and_closed(http: aiohttp.ClientSession, hello: str) -> None:
    socket = await http.ws_connect("/ws/widget")
    await socket.send_str(hello)

    refused = await socket.receive_json(timeout=5)

    assert refused["type"] == "refused"
    assert (await socket.receive(timeout=5)).type == aiohttp.WSMsgType.CLOSE


async def test_a_foreign_page_may_not_use_the_calls(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/widget/session", json={}, headers={"Origin": "https://evil.example"}) as response:
        assert response.status == 403
        assert "Access-Control-Allow-Origin" not in response.headers


async def test_an_unknown_path_and_a_wrong_method_are_json_errors(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/nothing") as response:
        assert response.status == 404
        assert (await response.json())["error"]["code"] == "http"
    async with http.delete("/api/widget/messages") as response:
        assert response.status == 405


async def test_health_names_what_is_not_ready(http: aiohttp.ClientSession, rasa: FakeRasa) -> None:
    async with http.get("/readyz") as response:
        assert (response.status, (await response.json())["ready"]) == (200, True)
    rasa.away = True
    async with http.get("/readyz") as response:
        found = await response.json()
    assert (response.status, found["model"], found["redis"], found["database"]) == (503, False, True, True)
    async with http.get("/healthz") as response:
        assert response.status == 200


@pytest.mark.slow
async def test_writing_too_fast_is_told_when_to_come_back(http: aiohttp.ClientSession) -> None:
    widget: Widget = await open_widget(http)
    statuses = []
    for number in range(45):
        body = {"client_id": f"m{number}", "text": "hi"}
        async with http.post("/api/widget/messages", json=body, headers=widget.headers) as response:
            statuses.append(response.status)
            last = dict(response.headers)

    assert statuses.count(200) == 40
    assert statuses[-1] == 429
    assert int(last["Retry-After"]) >= 1
