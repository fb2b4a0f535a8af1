"""Files that agents send, over HTTP: what the desk takes, who may send, and where the customer finds them."""

from __future__ import annotations

import io
import time
from dataclasses import replace

import aiohttp
import pytest

from bot.messages import HandOff, HandoffReason, Turn
from bot.settings import ChannelSettings, Settings
from tests.channels.vendors import DINGTALK, Case
from tests.fakes import FakeRasa
from tests.web.conftest import frame, log_in

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_kind", ["sqlite"], indirect=True)]

PNG, PDF = b"\x89PNG\r\n\x1a\n" + b"\0" * 100_000, b"%PDF-1.7\n"


@pytest.fixture
def settings(database_url: str, settings: Settings) -> Settings:
    account = ChannelSettings("dingtalk", "dingtalk", DINGTALK.settings("http://127.0.0.1:9"))
    return replace(settings, channels=(account,), media_most_mb=1)


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa(lambda request: Turn(message_id=request.message_id, hand_off=HandOff(reason=HandoffReason.CUSTOMER_REQUEST)))


async def claimed(http: aiohttp.ClientSession, headers: dict[str, str]) -> str:
    """Claim who waits; return the address of the conversation."""
    while True:
        async with http.post("/api/desk/claim", json={}, headers=headers) as response:
            if found := (await response.json()).get("conversation_id"):
                return f"/api/desk/conversations/{found}"


async def attach(
    http: aiohttp.ClientSession, here: str, headers: dict[str, str], data: bytes, *, client_id: str = "1", name: str = "a.png"
) -> tuple[int, dict[str, object]]:
    async with http.post(
        f"{here}/files", params={"client_id": client_id, "name": name}, data=io.BytesIO(data), headers=headers
    ) as response:
        return response.status, await response.json()


async def test_a_websites_customer_finds_the_agents_file_and_nobody_else_does(http: aiohttp.ClientSession, web: str) -> None:
    async with http.post("/api/widget/session", json={"language": "en"}) as response:
        token = (await response.json())["token"]
    visitor = {"Authorization": f"Bearer {token}"}
    async with http.post("/api/widget/messages", json={"client_id": "c1", "text": "a person please"}, headers=visitor):
        pass
    headers = await log_in(http)
    here = await claimed(http, headers)

    status, answer = await attach(http, here, headers, PNG, name="样品\r\n<b>.exe")
    again = await attach(http, here, headers, PNG, name="样品\r\n<b>.exe")

    [file] = answer["message"]["attachments"]  # type: ignore[index]
    assert (status, file["name"], file["state"], file["mime"], file["is_image"]) == (200, "样品b.exe.png", "kept", "image/png", True)
    assert again[1]["message"] == answer["message"]
    async with http.get(f"/api/desk/media/{file['id']}") as response:
        assert await response.read() == PNG
    async with http.get("/api/widget/messages", headers=visitor) as response:
        said = [each for each in (await response.json())["messages"] if each["sender"] == "agent"]
    [[shown]] = [each["attachments"] for each in said]
    assert (shown["name"], shown["image"], shown["url"].startswith(web)) == ("样品b.exe.png", True, True)
    async with aiohttp.ClientSession() as stranger:
        async with stranger.get(shown["url"]) as response:
            assert (response.status, await response.read()) == (200, PNG)
            assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
            assert response.headers["Content-Disposition"].startswith("inline;")
        async with stranger.get(shown["url"].replace("/files/", "/files/0")) as response:
            assert response.status == 404
        async with stranger.get(f"{web}/files/{file['id']}/x.png") as response:
            assert response.status == 404
    async with http.ws_connect("/ws/widget") as connection:
        await connection.send_json({"type": "hello", "token": token, "after": ""})
        while (told := (await frame(connection, "message"))["message"])["sender"] != "agent":
            pass
    assert told["attachments"] == [shown]


async def test_what_is_refused_says_why_and_is_not_kept(http: aiohttp.ClientSession) -> None:
    case: Case = DINGTALK
    wanted = case.sign(case.payload("a person please", "m1", "u1"), time.time())
    async with http.post("/webhooks/dingtalk", data=wanted.body, headers=dict(wanted.headers)) as response:
        assert response.status == 200
    headers = await log_in(http)
    here = await claimed(http, headers)

    async with http.get(here) as response:
        assert (await response.json())["conversation"]["delivery"]["takes"] == [
            {"mimes": ["image/jpeg", "image/png"], "most_bytes": 10 * 1024 * 1024}
        ]
    assert [
        (await attach(http, here, headers, PDF))[0],  # not on this channel
        (await attach(http, here, headers, b"MZ\x90\0"))[0],  # a program
        (await attach(http, here, headers, b""))[0],
        (await attach(http, here, headers, PNG + b"\0" * 1024 * 1024))[0],
        (await attach(http, here, headers, PNG, client_id=""))[0],
        (await attach(http, here, {}, PNG))[0],  # without the CSRF token
        (await attach(http, f"{here}0", headers, PNG))[0],
    ] == [400, 400, 400, 413, 400, 403, 404]
    http.cookie_jar.clear()
    assert (await attach(http, here, headers, PNG))[0] == 401
    headers = await log_in(http)
    async with http.get(here) as response:
        assert [each["sender"] for each in (await response.json())["messages"]][-1] == "system"

    assert (await attach(http, here, headers, PNG))[0] == 200
    async with http.post(f"{here}/resolve", headers=headers):
        pass
    assert (await attach(http, here, headers, PNG, client_id="2"))[0] == 409
