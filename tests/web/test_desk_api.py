"""The desk's calls over HTTP and WebSocket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import sqlalchemy as sa

from bot.database import sync_engine
from bot.database.people import agents, audit_log
from bot.messages import HandOff, HandoffReason, Reply, Turn
from bot.settings import Settings
from tests.agents import PASSWORD, agent_row
from tests.fakes import FakeRasa
from tests.web.conftest import Widget, frame, log_in, open_widget
from tests.web.test_widget_api import identity


@pytest.fixture
def rasa() -> FakeRasa:
    """A bot that hands everything over."""
    hand_off = HandOff(reason=HandoffReason.COMPLAINT, topic="returns", summary="wants the money back")
    return FakeRasa(
        lambda request: Turn(
            message_id=request.message_id,
            replies=[Reply(text="I am sorry")],
            hand_off=hand_off,
            intent="complaint",
            confidence=0.912,
            ranking=[("complaint", 0.912), ("return_item", 0.05)],
        )
    )


async def escalate(http: aiohttp.ClientSession, settings: Settings, customer: str = "C000001") -> Widget:
    """A customer complains and waits."""
    widget = await open_widget(http, identity=identity(settings, customer))
    socket = await widget.socket()
    await widget.send("this is a scandal")
    while (await frame(socket, "conversation"))["conversation"]["status"] != "waiting":
        pass
    await socket.close()
    return widget


async def desk_socket(http: aiohttp.ClientSession, headers: dict[str, str]) -> aiohttp.ClientWebSocketResponse:
    connection = await http.ws_connect("/ws/desk")
    await connection.send_str(json.dumps({"type": "hello", "csrf": headers["X-CSRF-Token"], "open": {}}))
    assert (await frame(connection, "ready"))["presence"] == "online"
    return connection


async def test_the_whole_way_at_the_desk(http: aiohttp.ClientSession, settings: Settings) -> None:
    headers = await log_in(http)
    desk = await desk_socket(http, headers)
    widget = await escalate(http, settings)
    assert (await frame(desk, "alert"))["escalation_id"]
    async with http.get("/api/desk/queue") as response:
        queue = await response.json()
    assert [(entry["reason"], entry["priority"], entry["skill"], entry["customer"]) for entry in queue["waiting"]] == [
        ("complaint", "high", "returns_en", "林悦")
    ]

    async with http.post("/api/desk/claim", json={}, headers=headers) as response:
        conversation = (await response.json())["conversation_id"]
    async with http.get(f"/api/desk/conversations/{conversation}") as response:
        shown = await response.json()
    assert shown["escalation"]["summary"] == "wants the money back"
    assert shown["messages"][0]["intent"] == "complaint"
    assert shown["customer"]["name"] == "林悦"
    assert "****" in shown["customer"]["phone"]

    live = await widget.socket(after=f"{conversation}:{shown['messages'][-1]['seq']}")
    async with http.post(
        f"/api/desk/conversations/{conversation}/messages", json={"client_id": "r1", "text": "I will fix it"}, headers=headers
    ) as response:
        assert (await response.json())["message"]["agent"] == "Lin"
    answer = (await frame(live, "message"))["message"]
    assert (answer["sender"], answer["agent"], answer["text"]) == ("agent", "Lin", "I will fix it")
    await widget.send("thank you")
    while (await frame(desk, "message"))["message"]["text"] != "thank you":
        pass

    async with http.post(f"/api/desk/conversations/{conversation}/resolve", json={}, headers=headers) as response:
        assert response.status == 200
    while not (message := (await frame(live, "message"))["message"])["csat"]:
        assert message["sender"] in {"customer", "agent"}
    async with http.post("/api/widget/csat", json={"conversation_id": conversation, "score": 5}, headers=widget.headers) as response:
        assert response.status == 200
    async with http.post("/api/widget/csat", json={"conversation_id": conversation, "score": 1}, headers=widget.headers) as response:
        assert response.status == 409


async def test_a_look_at_personal_data_is_logged_first(http: aiohttp.ClientSession, settings: Settings) -> None:
    headers = await log_in(http)
    await escalate(http, settings)
    async with http.post("/api/desk/claim", json={}, headers=headers) as response:
        conversation = (await response.json())["conversation_id"]

    async with http.post(f"/api/desk/conversations/{conversation}/reveal", json={"field": "phone"}, headers=headers) as response:
        assert (await response.json())["value"] == "+8615486201357"

    with sync_engine(settings.database_url).connect() as connection:
        looks = connection.execute(sa.select(audit_log.c.action, audit_log.c.details).where(audit_log.c.action == "reveal")).all()
    assert [(look.action, look.details) for look in looks] == [("reveal", {"field": "phone"})]
    async with http.post(f"/api/desk/conversations/{conversation}/reveal", json={"field": "password"}, headers=headers) as response:
        assert response.status == 400


@pytest.fixture
async def colleagues(http: aiohttp.ClientSession, settings: Settings) -> AsyncIterator[list[aiohttp.ClientSession]]:
    """Two agents and a supervisor, logged in besides `http`; each one's CSRF token goes with every call."""
    there = []
    with sync_engine(settings.database_url).begin() as connection:
        for name, role in (("wei", "agent"), ("zoe", "agent"), ("boss", "supervisor")):
            connection.execute(sa.insert(agents).values(**agent_row(name, role=role)))
    for name in ("wei", "zoe", "boss"):
        session = aiohttp.ClientSession(http._base_url, cookie_jar=aiohttp.CookieJar(unsafe=True))
        session.headers.update(await log_in(session, name))
        there.append(session)
    yield there
    for session in there:
        await session.close()


async def claimed(http: aiohttp.ClientSession, settings: Settings) -> str:
    """A customer complains, and `lin` takes it; return the conversation."""
    headers = await log_in(http)
    await escalate(http, settings)
    async with http.post("/api/desk/claim", json={}, headers=headers) as response:
        return str((await response.json())["conversation_id"])


@pytest.mark.slow
async def test_what_agents_look_at_beside_their_own_is_logged_without_its_words(
    http: aiohttp.ClientSession, settings: Settings, colleagues: list[aiohttp.ClientSession]
) -> None:
    conversation = await claimed(http, settings)
    wei, zoe, _ = colleagues

    for desk in (http, wei, wei):
        async with desk.get(f"/api/desk/conversations/{conversation}") as response:
            assert response.status == 200
    async with wei.get("/api/desk/conversations", params={"q": "scandal"}) as response:
        assert len((await response.json())["conversations"]) == 1
    live = await desk_socket(zoe, dict(zoe.headers))
    await live.send_str(json.dumps({"type": "open", "conversation_id": conversation, "after": 0}))
    await frame(live, "message")
    await live.close()

    with sync_engine(settings.database_url).connect() as connection:
        names = {f"agent:{row.id}": row.username for row in connection.execute(sa.select(agents))}
        query = sa.select(audit_log).where(audit_log.c.action.in_(["read", "search"])).order_by(audit_log.c.id)
        lines = [(names[row.actor], row.action, row.subject, row.details) for row in connection.execute(query)]
    read = ("read", f"conversation:{conversation}", {})
    assert lines == [("wei", *read), ("wei", "search", "conversations", {"found": 1}), ("zoe", *read)]


@pytest.mark.slow
async def test_sending_again_and_unlinking_are_for_the_conversations_agent_and_supervisors(
    http: aiohttp.ClientSession, settings: Settings, colleagues: list[aiohttp.ClientSession]
) -> None:
    conversation = await claimed(http, settings)
    wei, _, boss = colleagues
    http.headers.update(await log_in(http))

    for deed in ("messages/m1/repeat", "unlink"):
        told = []
        for desk in (wei, boss, http):
            async with desk.post(f"/api/desk/conversations/{conversation}/{deed}") as response:
                told.append(response.status)
        assert told == [403, 409, 409]  # there is nothing to do on the website, for who may


async def test_a_customer_who_objects_to_profiling_has_no_profile_at_the_desk(http: aiohttp.ClientSession, settings: Settings) -> None:
    headers = await log_in(http)
    await escalate(http, settings)
    async with http.get("/api/desk/queue") as response:
        conversation = (await response.json())["waiting"][0]["conversation_id"]

    for objects in (True, False):
        async with http.post(f"/api/desk/conversations/{conversation}/profiling", json={"objects": objects}, headers=headers) as response:
            customer = (await response.json())["customer"]
        assert (customer["objects"], customer["churn"], customer["segment"]) == (objects, None, None)

    with sync_engine(settings.database_url).connect() as connection:
        actions = connection.execute(sa.select(audit_log.c.action).order_by(audit_log.c.id)).scalars().all()
    assert actions[-2:] == ["object_to_profiling", "withdraw_objection"]


async def test_without_a_session_the_desk_gives_nothing(http: aiohttp.ClientSession) -> None:
    for path in ("/api/desk/me", "/api/desk/queue", "/api/desk/conversations", "/api/desk/conversations/x"):
        async with http.get(path) as response:
            assert response.status == 401
    async with http.post("/api/desk/claim", json={}) as response:
        assert response.status == 401


@pytest.mark.parametrize("headers", [{}, {"X-CSRF-Token": "guess"}], ids=["no token", "a guess"])
async def test_a_change_without_the_csrf_token_is_refused(http: aiohttp.ClientSession, headers: dict[str, str]) -> None:
    await log_in(http)

    async with http.post("/api/desk/claim", json={}, headers=headers) as response:
        assert response.status == 403


async def test_the_session_cookie_is_kept_from_scripts_and_other_sites(http: aiohttp.ClientSession) -> None:
    async with http.post("/api/desk/login", json={"username": "lin", "password": PASSWORD}) as response:
        cookie = response.headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


async def test_a_wrong_password_and_an_unknown_name_are_answered_alike(http: aiohttp.ClientSession) -> None:
    answers = []
    for username in ("lin", "nobody"):
        async with http.post("/api/desk/login", json={"username": username, "password": "wrong wrong wrong"}) as response:
            answers.append((response.status, await response.json()))

    assert answers[0] == answers[1]
    assert answers[0][0] == 401


@pytest.mark.slow
async def test_guessing_passwords_is_stopped(http: aiohttp.ClientSession) -> None:
    statuses = []
    for _ in range(11):
        async with http.post("/api/desk/login", json={"username": "lin", "password": "wrong wrong wrong"}) as response:
            statuses.append(response.status)

    assert statuses == [401] * 10 + [429]


async def test_who_knows_the_password_is_never_held_up(http: aiohttp.ClientSession) -> None:
    right = {"username": "lin", "password": PASSWORD}

    async def status(body: dict[str, str]) -> int:
        async with http.post("/api/desk/login", json=body) as response:
            return response.status

    assert [await status(right) for _ in range(12)] == [200] * 12
    for _ in range(2):
        assert [await status({**right, "password": "wrong"}) for _ in range(9)] == [401] * 9
        assert await status(right) == 200
    statuses = [await status({"username": f"nobody-{n}", "password": "wrong"}) for n in range(14)]

    assert statuses == [401] * 12 + [429] * 2  # thirty wrong ones from one address


async def test_after_logging_out_the_session_is_over(http: aiohttp.ClientSession) -> None:
    headers = await log_in(http)
    async with http.post("/api/desk/logout", json={}, headers=headers) as response:
        assert response.status == 200

    async with http.get("/api/desk/me") as response:
        assert response.status == 401


async def test_nothing_waiting_is_a_404_and_a_conversation_of_others_a_409(http: aiohttp.ClientSession, settings: Settings) -> None:
    headers = await log_in(http)
    async with http.post("/api/desk/claim", json={}, headers=headers) as response:
        assert response.status == 404
    widget = await escalate(http, settings)
    conversation = (await widget.messages())["conversation"]["id"]

    async with http.post(
        f"/api/desk/conversations/{conversation}/messages", json={"client_id": "a", "text": "hi"}, headers=headers
    ) as response:
        assert response.status == 409
    async with http.post("/api/desk/claim", json={"escalation_id": "unknown"}, headers=headers) as response:
        assert response.status == 409


async def test_away_means_that_nobody_is_there(http: aiohttp.ClientSession, settings: Settings) -> None:
    headers = await log_in(http)
    await desk_socket(http, headers)
    async with http.put("/api/desk/presence", json={"presence": "away"}, headers=headers) as response:
        assert (await response.json()) == {"presence": "away"}

    widget = await escalate(http, settings)

    assert [message["notice"] for message in (await widget.messages())["messages"]][-1] == "nobody_there"
    async with http.put("/api/desk/presence", json={"presence": "sleeping"}, headers=headers) as response:
        assert response.status == 400


async def test_past_conversations_are_found_by_their_words(http: aiohttp.ClientSession, settings: Settings) -> None:
    await log_in(http)
    await escalate(http, settings)

    for wanted, count in (("scandal", 1), ("50%", 0), ("", 1)):
        async with http.get("/api/desk/conversations", params={"q": wanted}) as response:
            assert len((await response.json())["conversations"]) == count
    async with http.get("/api/desk/conversations", params={"status": "sleeping"}) as response:
        assert response.status == 400


async def test_customers_are_listed_by_expected_loss_one_click_from_their_conversation(
    http: aiohttp.ClientSession, settings: Settings, profiles: list[str]
) -> None:
    headers = await log_in(http)
    await escalate(http, settings, "C000003")
    async with http.get("/api/desk/queue") as response:
        [waiting] = (await response.json())["waiting"]

    async with http.get("/api/desk/customers/", headers=headers) as response:
        listed = await response.json()
    async with http.get("/api/desk/customers/?level=medium", headers=headers) as response:
        medium = await response.json()

    assert [line["id"] for line in listed["customers"]] == profiles
    assert listed["customers"][0]["conversation_id"] == waiting["conversation_id"]
    assert listed["customers"][0]["churn"]["expected_loss"] == "¥4,000"
    assert listed["customers"][0]["churn"]["reasons"][0]["en"]
    assert listed["customers"][1]["conversation_id"] is None
    assert [line["id"] for line in medium["customers"]] == ["C000001"]
    assert listed["more"] is False


@pytest.mark.parametrize("query", ["level=some", "start=-1", "start=many", "start=999999"])
async def test_what_cannot_be_listed_is_refused(http: aiohttp.ClientSession, query: str) -> None:
    headers = await log_in(http)

    async with http.get(f"/api/desk/customers/?{query}", headers=headers) as response:
        assert response.status == 400
        assert query.partition("=")[2] in (await response.json())["error"]["message"]


async def test_the_list_of_customers_is_for_agents_only(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/desk/customers/") as response:
        assert response.status == 401
