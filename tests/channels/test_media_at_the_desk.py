"""What a customer sent, at the desk: for who is logged in, and so that nothing in it runs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import aiohttp
import pytest
import sqlalchemy as sa

from bot.channels import media as files
from bot.conversations.services import open_services
from bot.database import sync_engine
from bot.database.channels import media
from bot.database.people import audit_log
from bot.settings import ChannelSettings, Settings
from tests.channels.vendors import WEBHOOK
from tests.fakes import FakeRasa
from tests.web.conftest import database_url, http, log_in, sample, web

__all__ = ["database_url", "http", "sample", "web"]

pytestmark = pytest.mark.slow

PICTURE, PAGE = b"\x89PNG\r\n\x1a\n", b"not a <script>alert(1)</script>"


@pytest.fixture
def settings(database_url: str, settings: Settings) -> Settings:
    return replace(settings, channels=(ChannelSettings("webhook", "webhook", WEBHOOK.settings("http://127.0.0.1:9")),))


@pytest.fixture
def rasa() -> FakeRasa:
    return FakeRasa()


async def send(http: aiohttp.ClientSession, settings: Settings) -> tuple[str, list[str]]:
    """Send a picture, a file and another picture; the first two are fetched, the last is gone. Returns the conversation and the files."""
    names = ("broken.jpg", "发票\r\n.html", "late.png")
    attachments = b",".join(b'{"url": "https://files.example/%d", "name": "%s"}' % (i, name.encode()) for i, name in enumerate(names))
    body = b'{"messages": [{"id": "m1", "user": "u1", "kind": "image", "attachments": [' + attachments.replace(b"\r\n", b"\\r\\n") + b"]}]}"
    wanted = WEBHOOK.sign(body, time.time())
    async with http.post("/webhooks/webhook", data=wanted.body, headers=dict(wanted.headers)) as response:
        assert response.status == 200

    async def fetch() -> tuple[str, list[str]]:
        async with open_services(settings, rasa=FakeRasa()) as box, box.database.write() as connection:  # type: ignore[arg-type]
            found = await files.claim(connection, "me", ["webhook"], most=3)
            ids = list((await connection.execute(sa.select(media.c.id).order_by(media.c.place))).scalars())
            assert len(found) == 3
            await files.keep(connection, box.cipher, ids[0], "me", data=PICTURE, mime="image/png")
            await files.keep(connection, box.cipher, ids[1], "me", data=PAGE, mime="text/plain")
            await files.change(connection, ids[2], "me", state="failed", reason="refused", next_at=None)
            conversation_id = (await connection.execute(sa.text("SELECT conversation_id FROM messages"))).scalars().first()
        return str(conversation_id), ids

    return await asyncio.to_thread(asyncio.run, fetch())


async def test_files_are_shown_to_agents_only_and_nothing_in_them_runs(http: aiohttp.ClientSession, settings: Settings) -> None:
    conversation_id, (picture, file, gone) = await send(http, settings)
    async with http.get(f"/api/desk/media/{picture}") as response:
        assert response.status == 401
    headers = await log_in(http)

    async with http.get(f"/api/desk/conversations/{conversation_id}", headers=headers) as response:
        shown = await response.json()
    async with http.get(f"/api/desk/media/{picture}") as response:
        assert (response.status, await response.read()) == (200, PICTURE)
        assert response.headers["Content-Type"] == "image/png"
        assert response.headers["Content-Disposition"].startswith("inline;")
    async with http.get(f"/api/desk/media/{file}") as response:
        assert await response.read() == PAGE
        assert response.headers["Content-Type"].startswith("text/plain")
        assert response.headers["Content-Disposition"] == "attachment; filename*=UTF-8''%E5%8F%91%E7%A5%A8.html.txt"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert response.headers["Cache-Control"] == "private, no-store"
    for missing in (gone, "no-such-file"):
        async with http.get(f"/api/desk/media/{missing}") as response:
            assert response.status == 404

    for _ in range(2):
        async with http.get(f"/api/desk/media/{file}") as response:
            assert response.status == 200
    with sync_engine(settings.database_url).connect() as connection:
        looks = connection.execute(sa.select(audit_log.c.subject, audit_log.c.details).where(audit_log.c.action == "open_file")).all()
    subject = f"conversation:{conversation_id}"  # nobody's, so that a look at it is logged: once for each file
    assert [tuple(look) for look in looks] == [(subject, {"media": picture}), (subject, {"media": file})]

    attached = shown["messages"][0]["attachments"]
    assert [(each["state"], each["reason"], each["is_image"]) for each in attached] == [
        ("kept", "", True), ("kept", "", False), ("failed", "refused", False)
    ]  # fmt: skip
    assert set(shown["conversation"]["delivery"]["files"]) == {picture, file, gone}
